"""Command lines and libraries that speak S3, unmodified: aws, rclone, s3cmd, minio-py and obstore."""

from __future__ import annotations

import importlib.util
import io
import itertools
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from openmogr.testing import ServerProcess

AWS, RCLONE, S3CMD, MINIO, OBSTORE = "awscli 1.46", "rclone", "s3cmd 2.4", "minio 7.2", "obstore 0.12"
KEY = "dir/a b+图.txt"
Run = Callable[..., str]
_numbers = itertools.count(1)


@pytest.fixture
def own(server: ServerProcess) -> str:
    """The name of a new bucket."""
    name = f"tools{next(_numbers)}-1250000000"
    assert server.request("PUT", f"/{name}", b"").status == 200
    return name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two small files and a large one."""
    (tmp_path / "up" / "dir").mkdir(parents=True)
    (tmp_path / "up" / KEY).write_text("text")
    (tmp_path / "up" / "empty").write_bytes(b"")
    (tmp_path / "up" / "large.bin").write_bytes(os.urandom(20_000_000))
    return tmp_path / "up"


def fetched(url: str) -> bytes:
    """What anybody with the URL gets."""
    with urllib.request.urlopen(url) as answer:
        return cast(bytes, answer.read())


def same(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files."""
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in files)


def program(name: str, how: str) -> str:
    """The path of a program, beside this Python or in the path; skips the test without it."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not installed: {how}")
    return found


def runner(command: list[str], environment: dict[str, str]) -> Run:
    """Runs a program and gives what it printed."""

    def run(*arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            [*command, *arguments],
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        assert bool(done.returncode) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def aws(server: ServerProcess, tmp_path: Path) -> Run:
    path = program("aws", "pip install awscli")
    return runner(
        [path, "--endpoint-url", f"http://127.0.0.1:{server.port}", "--region", "ap-shanghai"],
        {
            "AWS_ACCESS_KEY_ID": server.credential.secret_id,
            "AWS_SECRET_ACCESS_KEY": server.credential.secret_key,
            "AWS_MAX_ATTEMPTS": "1",
            "HOME": str(tmp_path),
        },
    )


@pytest.mark.compat("S3: buckets", client=AWS)
@pytest.mark.compat("S3: objects, ranges, conditions", client=AWS)
@pytest.mark.compat("S3: listings v1 and v2, versions", client=AWS)
@pytest.mark.compat("S3: multiple delete", client=AWS)
@pytest.mark.compat("S3: copy", client=AWS)
@pytest.mark.compat("S3: multipart upload", client=AWS)
@pytest.mark.compat("S3: checksums", client=AWS)
@pytest.mark.compat("S3: presigned URLs and forms", client=AWS)
def test_aws(aws: Run, folder: Path, tmp_path: Path) -> None:
    bucket = f"s3://aws{next(_numbers)}-1250000000"
    assert "make_bucket" in aws("s3", "mb", bucket)
    aws("s3", "sync", str(folder), f"{bucket}/in", "--checksum-algorithm", "SHA256")
    assert "20000000 in/large.bin" in aws("s3", "ls", "--recursive", bucket)
    assert aws("s3", "sync", str(folder), f"{bucket}/in") == ""
    aws("s3", "cp", "--recursive", f"{bucket}/in", f"{bucket}/copied")
    aws("s3", "sync", f"{bucket}/copied", str(tmp_path / "down"))
    assert same(folder, tmp_path / "down")
    url = aws("s3", "presign", f"{bucket}/in/{KEY}").strip()
    assert fetched(url) == b"text"
    name = bucket.removeprefix("s3://")
    attributes = aws(
        "s3api",
        "get-object-attributes",
        "--bucket",
        name,
        "--key",
        "in/empty",
        "--object-attributes",
        "Checksum",
    )
    assert "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" in attributes
    assert '"VersionId": "null"' in aws("s3api", "list-object-versions", "--bucket", name)
    assert "NoSuchKey" in aws(
        "s3api", "get-object", "--bucket", name, "--key", "no", str(tmp_path / "no"), fails=True
    ) + aws("s3api", "head-bucket", "--bucket", name)
    aws("s3", "mv", f"{bucket}/in/empty", f"{bucket}/moved")
    assert aws("s3", "rb", "--force", bucket).endswith(f"remove_bucket: {name}\n")


@pytest.fixture(params=["TencentCOS", "Other"])
def rclone(request: pytest.FixtureRequest, server: ServerProcess, tmp_path: Path) -> Run:
    """Once as one would reach COS, which puts the bucket into the host, through a proxy setting; and by path."""
    path = program("rclone", "apt install rclone, or see rclone.org")
    here = f"http://127.0.0.1:{server.port}"
    endpoint = here if request.param == "Other" else "http://cos.ap-shanghai.myqcloud.com"
    settings = {
        "TYPE": "s3",
        "PROVIDER": request.param,
        "ENDPOINT": endpoint,
        "ACCESS_KEY_ID": server.credential.secret_id,
        "SECRET_ACCESS_KEY": server.credential.secret_key,
    }
    (tmp_path / "none.conf").touch()
    return runner(
        [path, "--config", str(tmp_path / "none.conf"), "--retries", "1", "--low-level-retries", "1"],
        {
            **{f"RCLONE_CONFIG_COS_{name}": value for name, value in settings.items()},
            "http_proxy": here if request.param == "TencentCOS" else "",
        },
    )


@pytest.mark.compat("S3: buckets", client=RCLONE)
@pytest.mark.compat("S3: objects, ranges, conditions", client=RCLONE)
@pytest.mark.compat("S3: listings v1 and v2, versions", client=RCLONE)
@pytest.mark.compat("S3: copy", client=RCLONE)
@pytest.mark.compat("S3: multipart upload", client=RCLONE)
@pytest.mark.compat("S3: presigned URLs and forms", client=RCLONE)
def test_rclone(rclone: Run, folder: Path, tmp_path: Path) -> None:
    bucket = f"cos:rclone{next(_numbers)}-1250000000"
    rclone("mkdir", bucket)
    rclone("copy", "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M", str(folder), f"{bucket}/in")
    rclone("check", "--download", str(folder), f"{bucket}/in")
    assert "20000000 large.bin" in rclone("ls", f"{bucket}/in")
    rclone("copy", f"{bucket}/in", f"{bucket}/copied")
    rclone("sync", f"{bucket}/copied", str(tmp_path / "down"))
    assert same(folder, tmp_path / "down")
    # What has changed only in time is touched on the server, by a copy onto itself.
    os.utime(folder / KEY, (1_000_000_000, 1_000_000_000))
    rclone("sync", str(folder), f"{bucket}/in")
    assert "2001-09-09" in rclone("lsl", f"{bucket}/in/dir")
    assert rclone("cat", "--offset", "1", "--count", "2", f"{bucket}/in/{KEY}") == "ex"
    url = rclone("link", "--expire", "1h", f"{bucket}/in/{KEY}").strip()
    if "127.0.0.1" in url:
        assert fetched(url) == b"text"
    rclone("moveto", f"{bucket}/in/empty", f"{bucket}/moved")
    rclone("cleanup", bucket)
    rclone("purge", bucket)
    assert bucket.partition(":")[2] not in rclone("lsd", "cos:")


@pytest.fixture
def s3cmd(server: ServerProcess, tmp_path: Path) -> Run:
    path = program("s3cmd", "pip install s3cmd")
    host = f"127.0.0.1:{server.port}"
    key = server.credential
    return runner(
        [
            *(path, "--no-ssl", "-c", str(tmp_path / "none.cfg"), "--region", "ap-shanghai", "--no-progress"),
            *(f"--access_key={key.secret_id}", f"--secret_key={key.secret_key}"),
            *(f"--host={host}", f"--host-bucket={host}"),
        ],
        {"HOME": str(tmp_path), "LANG": "C.UTF-8"},
    )


@pytest.mark.compat("S3: buckets", client=S3CMD)
@pytest.mark.compat("S3: objects, ranges, conditions", client=S3CMD)
@pytest.mark.compat("S3: listings v1 and v2, versions", client=S3CMD)
@pytest.mark.compat("S3: multiple delete", client=S3CMD)
@pytest.mark.compat("S3: copy", client=S3CMD)
@pytest.mark.compat("S3: multipart upload", client=S3CMD)
@pytest.mark.compat("S3: ACL, tagging, CORS", client=S3CMD)
def test_s3cmd(s3cmd: Run, folder: Path, tmp_path: Path, server: ServerProcess) -> None:
    bucket = f"s3://s3cmd{next(_numbers)}-1250000000"
    s3cmd("mb", bucket)
    s3cmd("sync", "--multipart-chunk-size-mb=5", f"{folder}/", f"{bucket}/in/")
    assert f"{bucket}/in/{KEY}" in s3cmd("ls", "--recursive", bucket)
    s3cmd("cp", f"{bucket}/in/{KEY}", f"{bucket}/copied")
    s3cmd("modify", "--add-header=Cache-Control: max-age=5", f"{bucket}/copied")
    (tmp_path / "down").mkdir()
    s3cmd("sync", f"{bucket}/in/", f"{tmp_path / 'down'}/")
    assert same(folder, tmp_path / "down")
    s3cmd("setacl", "--acl-public", f"{bucket}/copied")
    name = bucket.removeprefix("s3://")
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/{name}/copied") as got:
        assert (got.read(), got.headers["Cache-Control"]) == (b"text", "max-age=5")
    assert "*anon*: READ" in s3cmd("info", f"{bucket}/copied")
    assert "ap-shanghai" in s3cmd("info", bucket)
    s3cmd("mv", f"{bucket}/in/empty", f"{bucket}/moved")
    s3cmd("multipart", bucket)
    s3cmd("del", "--recursive", "--force", bucket)
    s3cmd("rb", bucket)


@pytest.fixture
def minio(server: ServerProcess) -> Iterator[Any]:
    if importlib.util.find_spec("minio") is None:
        pytest.skip("minio is not installed: pip install minio")
    import urllib3
    from minio import Minio

    key = server.credential
    with urllib3.PoolManager(retries=False) as pool:
        yield Minio(
            endpoint=f"127.0.0.1:{server.port}",
            access_key=key.secret_id,
            secret_key=key.secret_key,
            secure=False,
            http_client=pool,
        )


@pytest.mark.compat("S3: buckets", client=MINIO)
@pytest.mark.compat("S3: objects, ranges, conditions", client=MINIO)
@pytest.mark.compat("S3: listings v1 and v2, versions", client=MINIO)
@pytest.mark.compat("S3: multiple delete", client=MINIO)
@pytest.mark.compat("S3: copy", client=MINIO)
@pytest.mark.compat("S3: multipart upload", client=MINIO)
@pytest.mark.compat("S3: ACL, tagging, CORS", client=MINIO)
@pytest.mark.compat("S3: presigned URLs and forms", client=MINIO)
def test_minio(minio: Any) -> None:
    from minio.commonconfig import CopySource, Tags
    from minio.deleteobjects import DeleteObject
    from minio.error import S3Error

    bucket = f"minio{next(_numbers)}-1250000000"
    minio.make_bucket(bucket_name=bucket)
    assert minio.bucket_exists(bucket_name=bucket)
    names = {"bucket_name": bucket, "object_name": KEY}
    minio.put_object(**names, data=io.BytesIO(b"text"), length=4, metadata={"x": "1"})
    large = os.urandom(12 << 20)
    minio.put_object(
        bucket_name=bucket, object_name="large", data=io.BytesIO(large), length=-1, part_size=5 << 20
    )
    with minio.get_object(bucket_name=bucket, object_name="large") as got:
        assert got.data == large
    with minio.get_object(**names, offset=1, length=2) as got:
        assert got.data == b"ex"
    stat = minio.stat_object(**names)
    assert (stat.size, stat.metadata["x-amz-meta-x"]) == (4, "1")
    minio.copy_object(
        bucket_name=bucket, object_name="copied", source=CopySource(bucket_name=bucket, object_name=KEY)
    )
    listed = [item.object_name for item in minio.list_objects(bucket_name=bucket, recursive=True)]
    assert listed == ["copied", KEY, "large"]
    versions = [item.version_id for item in minio.list_objects(bucket_name=bucket, include_version=True)]
    assert set(versions) <= {"null", None}
    tags = Tags.new_object_tags()
    tags["k"] = "v"
    minio.set_object_tags(**names, tags=tags)
    assert minio.get_object_tags(**names) == {"k": "v"}
    url = minio.presigned_get_object(**names, expires=timedelta(minutes=1))
    assert fetched(url) == b"text"
    with pytest.raises(S3Error) as caught:
        minio.stat_object(bucket_name=bucket, object_name="no")
    assert caught.value.code == "NoSuchKey"
    errors = minio.remove_objects(
        bucket_name=bucket, delete_object_list=[DeleteObject(name=name) for name in listed]
    )
    assert list(errors) == []
    minio.remove_bucket(bucket_name=bucket)


@pytest.fixture(params=[{}, {"checksum_algorithm": "SHA256"}, {"unsigned_payload": True}], ids=str)
def obstore(request: pytest.FixtureRequest, server: ServerProcess, own: str) -> Any:
    if importlib.util.find_spec("obstore") is None:
        pytest.skip("obstore is not installed: pip install obstore")
    from obstore.store import S3Store

    return S3Store(
        own,
        endpoint=f"http://127.0.0.1:{server.port}",
        access_key_id=server.credential.secret_id,
        secret_access_key=server.credential.secret_key,
        region="ap-shanghai",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
        **request.param,
    )


@pytest.mark.compat("S3: objects, ranges, conditions", client=OBSTORE)
@pytest.mark.compat("S3: listings v1 and v2, versions", client=OBSTORE)
@pytest.mark.compat("S3: multiple delete", client=OBSTORE)
@pytest.mark.compat("S3: copy", client=OBSTORE)
@pytest.mark.compat("S3: multipart upload", client=OBSTORE)
@pytest.mark.compat("S3: checksums", client=OBSTORE)
@pytest.mark.compat("S3: presigned URLs and forms", client=OBSTORE)
def test_obstore(obstore: Any) -> None:
    """The Rust crate ``object_store``, which DataFusion, Polars, delta-rs and others use."""
    import obstore as obs
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    obs.put(obstore, KEY, b"text", attributes={"Content-Type": "text/plain"})
    got = obs.get(obstore, KEY)
    assert (bytes(got.bytes()), got.attributes["Content-Type"]) == (b"text", "text/plain")
    assert bytes(obs.get_range(obstore, KEY, start=1, length=2)) == b"ex"
    large = os.urandom(12 << 20)
    obs.put(obstore, "large", io.BytesIO(large), chunk_size=5 << 20)
    assert bytes(obs.get(obstore, "large").bytes()) == large
    with pytest.raises(AlreadyExistsError):
        obs.put(obstore, KEY, b"other", mode="create")
    meta = obs.head(obstore, KEY)
    obs.put(obstore, KEY, b"text2", mode={"e_tag": meta["e_tag"]})
    with pytest.raises(PreconditionError):
        obs.put(obstore, KEY, b"text3", mode={"e_tag": meta["e_tag"]})
    obs.copy(obstore, KEY, "copied")
    listed = sorted(item["path"] for page in obs.list(obstore) for item in page)
    assert listed == ["copied", KEY, "large"]
    assert obs.list_with_delimiter(obstore)["common_prefixes"] == ["dir"]
    url = obs.sign(obstore, "GET", KEY, timedelta(minutes=1))
    assert fetched(url) == b"text2"
    obs.delete(obstore, listed)
    with pytest.raises(FileNotFoundError):
        obs.head(obstore, KEY)
