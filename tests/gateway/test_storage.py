"""Servers whose objects lie in an S3 server, used by the COS SDK and boto3, with boto3 at the S3 server beside them."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from qcloud_cos import CosConfig, CosS3Client

from openmogr.testing import ServerProcess
from tests.databases import PASSWORD, PostgreSQLServer
from tests.gateway.conftest import BUCKET, SECRET, VersityGW

STORE = "company-store"
FOLDER = "images"


def settings_of(versitygw: VersityGW, database: str = "") -> dict[str, dict[str, object]]:
    return {
        "storage": {
            "url": f"s3://{STORE}/{FOLDER}",
            "endpoint": versitygw.endpoint,
            "region": "us-east-1",
            "timeout": 20,
        },
        "image": {"workers": 1},
        **({"database": {"url": database}} if database else {}),
    }


def cos_at(server: ServerProcess) -> CosS3Client:
    config = CosConfig(
        Region="ap-shanghai",
        SecretId=server.credential.secret_id,
        SecretKey=server.credential.secret_key,
        Scheme="http",
        IP="127.0.0.1",
        Port=server.port,
        ServiceDomain=f"127.0.0.1:{server.port}",
    )
    return CosS3Client(config, retry=0)


def s3_at(server: ServerProcess) -> Any:
    boto3 = pytest.importorskip("boto3")
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{server.port}",
        aws_access_key_id=server.credential.secret_id,
        aws_secret_access_key=server.credential.secret_key,
        region_name="ap-shanghai",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


@pytest.fixture(scope="module")
def direct(versitygw: VersityGW) -> Any:
    """boto3 at the S3 server."""
    versitygw.client.create_bucket(Bucket=STORE)
    return versitygw.client


@pytest.fixture(scope="module")
def server(
    direct: Any, versitygw: VersityGW, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    pytest.importorskip("obstore")
    data = tmp_path_factory.mktemp("in-s3") / "data"
    with ServerProcess(data, settings_of(versitygw)) as process:
        cos_at(process).create_bucket(Bucket=BUCKET, ACL="public-read")
        yield process
        assert "Traceback" not in process.log, process.log
        assert SECRET not in process.log
        assert not [path for path in data.rglob("*") if path.is_file() and "staging" in path.parts]


@pytest.fixture
def cos(server: ServerProcess) -> CosS3Client:
    return cos_at(server)


@pytest.fixture
def s3(server: ServerProcess) -> Iterator[Any]:
    client = s3_at(server)
    yield client
    client.close()


def url(server: ServerProcess, key: str, operation: str = "") -> str:
    return f"http://127.0.0.1:{server.port}/{BUCKET}/{key}" + (f"?{operation}" if operation else "")


def size_of(body: bytes) -> tuple[int, int]:
    return Image.open(BytesIO(body)).size


def coloured(colour: str, size: tuple[int, int] = (40, 20)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def test_what_the_cos_sdk_puts_is_seen_by_every_tool(cos: CosS3Client, direct: Any, photo: bytes) -> None:
    cos.put_object(
        Bucket=BUCKET,
        Key="a/图 1.png",
        Body=photo,
        ContentType="image/png",
        CacheControl="max-age=60",
        Metadata={"x-cos-meta-maker": "us"},
    )
    there = direct.get_object(Bucket=STORE, Key=f"{FOLDER}/{BUCKET}/a/图 1.png")
    assert there["Body"].read() == photo
    assert (there["ContentType"], there["CacheControl"]) == ("image/png", "max-age=60")
    assert there["Metadata"].pop("openmogr")
    assert there["Metadata"] == {"maker": "us"}
    assert cos.get_object(Bucket=BUCKET, Key="a/图 1.png")["Body"].get_raw_stream().read() == photo
    told = cos.head_object(Bucket=BUCKET, Key="a/图 1.png")
    assert (told["x-cos-meta-maker"], told["ETag"]) == ("us", there["ETag"])
    assert int(told["x-cos-hash-crc64ecma"])
    part = cos.get_object(Bucket=BUCKET, Key="a/图 1.png", Range="bytes=100-199")
    assert part["Body"].get_raw_stream().read() == photo[100:200]
    assert [item["Key"] for item in cos.list_objects(Bucket=BUCKET, Prefix="a/")["Contents"]] == [
        "a/图 1.png"
    ]
    cos.copy_object(
        Bucket=BUCKET,
        Key="b.png",
        CopySource={"Bucket": BUCKET, "Key": "a/图 1.png", "Region": "ap-shanghai"},
    )
    there = direct.head_object(Bucket=STORE, Key=f"{FOLDER}/{BUCKET}/b.png")
    assert (there["ContentType"], there["ContentLength"]) == ("image/png", len(photo))
    cos.delete_object(Bucket=BUCKET, Key="b.png")
    assert "Contents" not in direct.list_objects_v2(Bucket=STORE, Prefix=f"{FOLDER}/{BUCKET}/b")


def test_uploads_in_parts_by_both_sdks(cos: CosS3Client, s3: Any, direct: Any) -> None:
    bodies = [bytes([number]) * (1 << 20) for number in range(2)] + [b"end"]
    upload = cos.create_multipart_upload(Bucket=BUCKET, Key="parts", ContentType="text/plain")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": cos.upload_part(
                Bucket=BUCKET, Key="parts", Body=body, PartNumber=number, UploadId=upload
            )["ETag"],
        }
        for number, body in enumerate(bodies, 1)
    ]
    done = cos.complete_multipart_upload(
        Bucket=BUCKET, Key="parts", UploadId=upload, MultipartUpload={"Part": parts}
    )
    assert done["ETag"].endswith('-3"')
    there = direct.get_object(Bucket=STORE, Key=f"{FOLDER}/{BUCKET}/parts")
    assert (there["Body"].read(), there["ContentType"]) == (b"".join(bodies), "text/plain")
    assert cos.head_object(Bucket=BUCKET, Key="parts")["ETag"] == done["ETag"]
    s3.upload_fileobj(BytesIO(bytes(20 << 20)), BUCKET, "large")
    assert direct.head_object(Bucket=STORE, Key=f"{FOLDER}/{BUCKET}/large")["ContentLength"] == 20 << 20
    assert s3.get_object(Bucket=BUCKET, Key="large", Range="bytes=9999999-10000008")["Body"].read() == bytes(
        10
    )
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "large"}, {"Key": "parts"}]})
    left = direct.list_objects_v2(Bucket=STORE, Prefix=f"{FOLDER}/.openmogr/")
    assert "Contents" not in left, left["Contents"]


def test_what_another_tool_puts_is_processed_at_once_and_never_stale(
    server: ServerProcess, direct: Any
) -> None:
    key = f"{FOLDER}/{BUCKET}/theirs.png"
    operation = "imageMogr2/thumbnail/10x/format/png"
    etags = set()
    for colour, pixel in (("red", (255, 0, 0)), ("blue", (0, 0, 255)), ("lime", (0, 255, 0))):
        direct.put_object(Bucket=STORE, Key=key, Body=coloured(colour), ContentType="image/png")
        for _ in range(2):
            made = httpx.get(url(server, "theirs.png", operation))
            assert made.status_code == 200, made.text
            assert Image.open(BytesIO(made.content)).convert("RGB").getpixel((3, 3)) == pixel
            etags.add(made.headers["etag"])
        assert httpx.get(url(server, "theirs.png")).content == coloured(colour)
    assert len(etags) == 3
    direct.delete_object(Bucket=STORE, Key=key)
    assert httpx.get(url(server, "theirs.png", operation)).status_code == 404


def test_rules_make_results_beside_the_original(cos: CosS3Client, direct: Any, photo: bytes) -> None:
    rules = {
        "is_pic_info": 1,
        "rules": [{"fileid": "small.webp", "rule": "imageMogr2/thumbnail/60x/format/webp"}],
    }
    answer, _ = cos.ci_put_object(
        Bucket=BUCKET, Key="rules/a.png", Body=photo, PicOperations=json.dumps(rules)
    )
    assert answer["x-cos-request-id"]
    there = direct.get_object(Bucket=STORE, Key=f"{FOLDER}/{BUCKET}/rules/small.webp")
    assert there["ContentType"] == "image/webp"
    assert size_of(there["Body"].read()) == (60, 40)
    assert direct.head_object(Bucket=STORE, Key=f"{FOLDER}/{BUCKET}/rules/a.png")["ContentLength"] == len(
        photo
    )
    left = direct.list_objects_v2(Bucket=STORE, Prefix=f"{FOLDER}/.openmogr/")
    assert "Contents" not in left, left["Contents"]


def test_marks_of_folders_and_appends(cos: CosS3Client, s3: Any) -> None:
    cos.put_object(Bucket=BUCKET, Key="folder/", Body=b"")
    assert cos.object_exists(Bucket=BUCKET, Key="folder/")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="folder")["Contents"]] == [
        "folder/"
    ]
    cos.delete_object(Bucket=BUCKET, Key="folder/")
    assert not cos.object_exists(Bucket=BUCKET, Key="folder/")
    for position, data in ((0, b"one"), (3, b"two")):
        cos.append_object(Bucket=BUCKET, Key="log", Position=position, Data=data)
    assert s3.get_object(Bucket=BUCKET, Key="log")["Body"].read() == b"onetwo"


def test_two_servers_and_one_that_is_killed(
    direct: Any, versitygw: VersityGW, postgresql: PostgreSQLServer, tmp_path: Path, photo: bytes
) -> None:
    bucket = "both-1250000000"
    with postgresql.fresh() as name:
        settings = settings_of(versitygw, postgresql.url(name))
        with (
            ServerProcess(tmp_path / "one", settings) as one,
            ServerProcess(tmp_path / "two", settings) as two,
        ):
            first, second = cos_at(one), cos_at(two)
            first.create_bucket(Bucket=bucket)
            second.put_object(Bucket=bucket, Key="a.png", Body=photo)
            assert first.get_object(Bucket=bucket, Key="a.png")["Body"].get_raw_stream().read() == photo
            upload = first.create_multipart_upload(Bucket=bucket, Key="b")["UploadId"]
            part = second.upload_part(Bucket=bucket, Key="b", Body=b"part", PartNumber=1, UploadId=upload)
            one.signal(signal.SIGKILL)
            parts = {"Part": [{"PartNumber": 1, "ETag": part["ETag"]}]}
            second.complete_multipart_upload(Bucket=bucket, Key="b", UploadId=upload, MultipartUpload=parts)
            assert second.get_object(Bucket=bucket, Key="b")["Body"].get_raw_stream().read() == b"part"
            assert direct.get_object(Bucket=STORE, Key=f"{FOLDER}/{bucket}/b")["Body"].read() == b"part"
            assert PASSWORD not in one.log + two.log


def uploads(direct: Any, folder: str) -> list[str]:
    """Keys of the store's own multipart uploads."""
    found = direct.list_multipart_uploads(Bucket=STORE, Prefix=f"{folder}/").get("Uploads", [])
    return sorted(item["Key"] for item in found)


def cut_off(server: ServerProcess, direct: Any, folder: str, send: Callable[[CosS3Client], object]) -> None:
    """Kill a server while it writes to the store what it was sent."""

    def sending() -> None:
        with contextlib.suppress(Exception):
            send(cos_at(server))

    before = uploads(direct, folder)
    thread = threading.Thread(target=sending)
    thread.start()
    deadline = time.monotonic() + 60
    while uploads(direct, folder) == before:
        assert time.monotonic() < deadline
        assert thread.is_alive(), "it was written before it could be cut off"
    server.signal(signal.SIGKILL)
    thread.join()


@pytest.mark.parametrize("is_part", [False, True])
def test_uploads_of_the_store_that_a_kill_cut_off_are_ended(
    direct: Any, versitygw: VersityGW, tmp_path: Path, is_part: bool
) -> None:
    folder = f"cut-{is_part}".lower()
    settings = settings_of(versitygw)
    settings["storage"]["url"] = f"s3://{STORE}/{folder}"
    body = bytes(24 << 20)
    with ServerProcess(tmp_path / "data", settings) as server:
        cos = cos_at(server)
        cos.create_bucket(Bucket=BUCKET)
        upload = cos.create_multipart_upload(Bucket=BUCKET, Key="large")["UploadId"]
        # Of another program, one of them to the key that is about to be written.
        names = [f"{folder}/{BUCKET}/large", f"{folder}/others"]
        theirs = {key: direct.create_multipart_upload(Bucket=STORE, Key=key)["UploadId"] for key in names}
        place = {"Bucket": BUCKET, "Key": "large", "Body": body}

        def send(client: CosS3Client) -> object:
            if is_part:
                return client.upload_part(**place, PartNumber=1, UploadId=upload)
            return client.put_object(**place)

        cut_off(server, direct, folder, send)
    assert len(uploads(direct, folder)) == 3, "nothing was cut off"
    with ServerProcess(tmp_path / "data", settings) as server:
        assert uploads(direct, folder) == sorted(names)
        if not is_part:
            send(cos_at(server))
    for key, theirs_id in theirs.items():
        direct.abort_multipart_upload(Bucket=STORE, Key=key, UploadId=theirs_id)
    assert not direct.list_objects_v2(Bucket=STORE, Prefix=f"{folder}/.openmogr/").get("Contents")
    if not is_part:
        assert direct.head_object(Bucket=STORE, Key=names[0])["ContentLength"] == len(body)
