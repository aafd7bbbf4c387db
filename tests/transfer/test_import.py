"""``openmogr import``: from folders, and from a server that speaks S3, which is ours."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from openmogr.auth import Credential
from openmogr.storage.interface import Acl
from openmogr.testing import ServerProcess
from openmogr.transfer import Journal, SourceError, open_source
from openmogr.transfer.details import Details, DetailsSource
from openmogr.transfer.signing import s3_signer

pytest.importorskip("obstore")
BUCKET = "taken-1250000000"
HOST = f"{BUCKET}.cos.ap-shanghai.myqcloud.com"
THEN = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)


_KEYS = ("AWS_", "COS_", "TENCENTCLOUD_")


def run(
    data: Path, source: str, *more: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "openmogr", "import", source, BUCKET, "--data", str(data), *more]
    # Without the keys of stores that others of the tests leave in the environment.
    outside = {name: text for name, text in os.environ.items() if not name.startswith(_KEYS)}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, env={**outside, **(env or {})}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for name, content in (("a.txt", b"one"), ("dir/图 b.png", b"two" * 1000), ("empty", b"")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (THEN.timestamp(), THEN.timestamp()))
    return folder


def test_a_folder(tmp_path: Path, folder: Path) -> None:
    data, report = tmp_path / "data", tmp_path / "report.json"
    dry = run(data, str(folder), "--dry-run")
    assert (dry.returncode, "3 objects would be taken in" in dry.stdout) == (0, True), dry.stderr
    done = run(data, str(folder), "--report", str(report))
    assert done.returncode == 0, done.stderr
    assert json.loads(report.read_text())["taken"] == 3
    (folder / "new").write_bytes(b"later")
    again = run(data, str(folder))
    assert "1 objects taken in" in again.stdout
    assert "3 were there" in again.stdout
    with ServerProcess(data) as server:
        for path in folder.rglob("*"):
            if path.is_file():
                target = "/" + path.relative_to(folder).as_posix().replace("图 b", "%E5%9B%BE%20b")
                answer = server.request("GET", target, host=HOST)
                assert answer.body == path.read_bytes()
        answer = server.request("HEAD", "/a.txt", host=HOST)
        assert parsedate_to_datetime(answer.header("Last-Modified") or "") == THEN
        assert (answer.header("Content-Type") or "").startswith("text/plain")
        busy = run(data, str(folder))
        assert busy.returncode == 3
        assert "in use" in busy.stderr.lower() or "another" in busy.stderr.lower(), busy.stderr


def test_what_cannot_be_stored_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    deep = folder.joinpath(*("x" * 240 for _ in range(4)))
    deep.mkdir(parents=True)
    (folder / "good").write_bytes(b"1")
    (deep / "bad").write_bytes(b"1")
    done = run(tmp_path / "data", str(folder))
    assert done.returncode == 3
    assert "1 objects taken in" in done.stdout
    assert "1 failed" in done.stdout


def test_what_cannot_be_listed_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "bad\nname").write_bytes(b"1")
    done = run(tmp_path / "data", str(folder))
    assert done.returncode == 3
    assert "cannot be listed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("source", "more", "said"),
    [
        ("missing", (), "no folder"),
        ("cos://b-1250000000", (), "--region"),
        ("cos://b-1250000000", ("--region", "ap-shanghai"), "COS_SECRET_ID"),
        ("what://b", (), "cannot be opened"),
    ],
)
def test_bad_sources(tmp_path: Path, source: str, more: tuple[str, ...], said: str) -> None:
    done = run(tmp_path / "data", source, *more)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "other") as server:
        host = "from-1250000000.cos.ap-shanghai.myqcloud.com"
        server.request("PUT", "/", b"", host=host)
        headers = {
            "Content-Type": "image/png",
            "Cache-Control": "max-age=5",
            "Content-Disposition": "inline",
            "x-cos-meta-colour": "blue",
        }
        server.request("PUT", "/photos/a.png", b"picture" * 50_000, headers, host=host)
        server.request("PUT", "/photos/b.txt", b"text", host=host)
        server.request("PUT", "/outside", b"text", host=host)
        yield server


@pytest.mark.parametrize("scheme", ["s3", "cos"])
def test_a_bucket_of_another_server(tmp_path: Path, other: ServerProcess, scheme: str) -> None:
    names = (
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        if scheme == "s3"
        else ("COS_SECRET_ID", "COS_SECRET_KEY")
    )
    keys = dict(zip(names, (other.credential.secret_id, other.credential.secret_key), strict=True))
    place = ("--endpoint", f"http://127.0.0.1:{other.port}", "--region", "ap-shanghai")
    data = tmp_path / "data"
    done = run(data, f"{scheme}://from-1250000000/photos/", *place, env=keys)
    assert done.returncode == 0, done.stderr
    assert "checked by MD5: 2" in done.stdout
    with ServerProcess(data) as server:
        answer = server.request("GET", "/photos/a.png", host=HOST)
        assert hashlib.md5(answer.body).hexdigest() == hashlib.md5(b"picture" * 50_000).hexdigest()
        for name, value in (
            *(
                ("Content-Type", "image/png"),
                ("Cache-Control", "max-age=5"),
                ("Content-Disposition", "inline"),
            ),
            ("x-cos-meta-colour", "blue"),
        ):
            assert answer.header(name) == value
        before = other.request("HEAD", "/photos/a.png", host="from-1250000000.cos.ap-shanghai.myqcloud.com")
        assert answer.header("Last-Modified") == before.header("Last-Modified")
        assert server.request("HEAD", "/outside", host=HOST).status == 404


@pytest.mark.parametrize("scheme", ["s3", "cos"])
def test_acls_and_tags(tmp_path: Path, other: ServerProcess, scheme: str) -> None:
    host = "from-1250000000.cos.ap-shanghai.myqcloud.com"
    for key, headers in (
        ("/t/public", {"x-cos-acl": "public-read", "x-cos-tagging": "a=b&%E5%9B%BE=1+2"}),
        ("/t/private", {"x-cos-acl": "private"}),
        ("/t/%E5%9B%BE%20+%25&~", {"x-cos-tagging": "only=this"}),
    ):
        assert other.request("PUT", key, b"1", headers, host=host).status == 200
    names = (
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        if scheme == "s3"
        else ("COS_SECRET_ID", "COS_SECRET_KEY")
    )
    keys = dict(zip(names, (other.credential.secret_id, other.credential.secret_key), strict=True))
    place = ("--endpoint", f"http://127.0.0.1:{other.port}", "--region", "ap-shanghai")
    data = tmp_path / "data"
    done = run(data, f"{scheme}://from-1250000000/t/", *place, "--attributes", env=keys)
    assert done.returncode == 0, done.stderr
    with ServerProcess(data) as server:
        acls = [
            server.request("GET", f"{key}?acl", host=HOST).header("x-cos-acl")
            for key in ("/t/public", "/t/private", "/t/%E5%9B%BE%20+%25&~")
        ]
        # S3 does not tell an ACL of its own from that of the bucket.
        assert acls == ["public-read", "private", "default" if scheme == "cos" else "private"]
        assert server.request("GET", "/t/public", host=HOST, signed=False).status == 200
        tags = server.request("GET", "/t/public?tagging", host=HOST).body.decode()
        assert "<Key>a</Key><Value>b</Value>" in tags
        assert "<Key>图</Key><Value>1 2</Value>" in tags
        other_tags = server.request("GET", "/t/%E5%9B%BE%20+%25&~?tagging", host=HOST).body
        assert b"<Key>only</Key>" in other_tags


def test_styles(tmp_path: Path, other: ServerProcess) -> None:
    host = "from-1250000000.cos.ap-shanghai.myqcloud.com"
    small = b"<StyleName>small</StyleName><StyleBody>imageMogr2/thumbnail/100x</StyleBody>"
    grey = b"<StyleName>grey</StyleName><StyleBody>imageMogr2/grayscale/1|imageMogr2/format/webp</StyleBody>"
    for style in (small, grey):
        body = b"<AddStyle>" + style + b"</AddStyle>"
        assert other.request("PUT", "/?style", body, host=host).status == 200
    keys = {"COS_SECRET_ID": other.credential.secret_id, "COS_SECRET_KEY": other.credential.secret_key}
    source = ("cos://from-1250000000/none/", "--endpoint", f"http://127.0.0.1:{other.port}", "--attributes")
    data = tmp_path / "data"
    settings = tmp_path / "few.toml"
    settings.write_text("[image]\nmax_stages = 1\n")
    done = run(data, *source, "--config", str(settings), env=keys)
    assert done.returncode == 3
    assert "?style grey: " in done.stderr
    assert "1 styles" in done.stdout
    done = run(data, *source, env=keys)
    assert done.returncode == 0, done.stderr
    with ServerProcess(data) as server:
        styles = server.request("GET", "/?style", host=HOST).body
        assert small in styles
        assert grey in styles


class Grudging(BaseHTTPRequestHandler):
    """A store that tells the ACL at the second time, and no tags of one key."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        if self.asked == 1:
            return self._send(503, b"")
        if self.path.endswith("?tagging") and "bad" in self.path:
            return self._send(403, b"<Error><Code>AccessDenied</Code></Error>")
        return self._send(200, b"<x/>" if "odd" not in self.path else b"<!DOCTYPE x><x/>")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.anyio
async def test_what_a_store_does_not_tell() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Grudging) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = DetailsSource(
            f"http://127.0.0.1:{server.server_port}/b", s3_signer(Credential("a", "b"), "r")
        )
        assert await source.of("good") == Details(Acl.PRIVATE)
        with pytest.raises(ValueError, match="its tagging is not told: 403 AccessDenied"):
            await source.of("bad")
        with pytest.raises(ValueError, match="its acl is no XML"):
            await source.of("odd")
        server.shutdown()
    with pytest.raises(OSError, match="its acl"):
        await source.of("gone")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_a_folder_tells_no_acls(tmp_path: Path, folder: Path) -> None:
    done = run(tmp_path / "data", str(folder), "--attributes")
    assert done.returncode == 2
    assert "tells no ACLs" in done.stderr
    bare = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "")
    done = run(tmp_path / "data", "s3://from-1250000000/", "--region", "r", "--attributes", env=bare)
    assert done.returncode == 2
    assert "AWS_ACCESS_KEY_ID" in done.stderr


def test_a_journal_survives_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.add("a\n图", "e", 1)
    with path.open("a") as file:
        file.write('{"key": "b", "et')
    with Journal(path) as journal:
        assert ("a\n图", "e", 1) in journal
        assert ("a\n图", "f", 1) not in journal
        journal.add("c", "", 2)
    with Journal(path) as journal:
        assert ("c", "", 2) in journal
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_source_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(SourceError, match="stores"):
        open_source("s3://b")
