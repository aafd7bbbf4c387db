"""What passes (a locked index, too little memory, no descriptors) is 503 with ``Retry-After``, never 500."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import threading
import time
from pathlib import Path

import httpx
import pytest
from PIL import Image

from openmogr.api.request import Request
from openmogr.app import create_app
from openmogr.auth import Credential, Credentials
from openmogr.errors import InternalError, SlowDown
from openmogr.image import ImageSettings, Processor, Source, parse_operation
from openmogr.settings import load_settings
from openmogr.testing import ServerProcess

HOST = "short-1250000000.cos.ap-shanghai.myqcloud.com"


def test_a_locked_index(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        assert server.request("PUT", "/", b"", host=HOST).status == 200
        with contextlib.closing(
            sqlite3.connect(tmp_path / "data" / "index.sqlite3", isolation_level=None)
        ) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = server.request("PUT", "/a", b"x", host=HOST)
            assert (answer.status, answer.code) == (503, "ServiceUnavailable")
            assert int(answer.header("Retry-After") or 0) > 0
            assert server.request("GET", "/", host=HOST).status == 200
            other.execute("ROLLBACK")
        assert server.request("PUT", "/a", b"x", host=HOST).status == 200


@pytest.mark.parametrize(
    "error", [MemoryError(), OSError("encoder error: out of memory error"), RuntimeError("Out of memory")]
)
def test_an_encoder_without_memory(monkeypatch: pytest.MonkeyPatch, photo: bytes, error: Exception) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Image.Image, "save", fails)
    with pytest.raises(SlowDown) as caught:
        Processor(ImageSettings()).execute(parse_operation("imageMogr2/format/webp"), Source(data=photo))
    assert caught.value.status == 503
    assert "memory" in caught.value.message


def test_another_failure_of_an_encoder_is_ours(monkeypatch: pytest.MonkeyPatch, photo: bytes) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError("encoder error -2")

    monkeypatch.setattr(Image.Image, "save", fails)
    with pytest.raises(InternalError):
        Processor(ImageSettings()).execute(parse_operation("imageMogr2/format/webp"), Source(data=photo))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MemoryError(), 503),
        (OSError(errno.EMFILE, "Too many open files"), 503),
        (OSError(errno.EIO, "Input/output error"), 500),
    ],
)
async def test_shortages_anywhere_in_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fails(_: Request) -> None:
        raise error

    monkeypatch.setattr("openmogr.api.app.find_handler", fails)
    settings = load_settings(overrides={"storage": {"data": tmp_path / "data"}})
    app = create_app(settings, credentials=Credentials(Credential("AKID", "key")))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/b-1250000000/a")
    assert answer.status_code == status
    assert ("retry-after" in answer.headers) == (status == 503)


def test_long_documents_do_not_hold_up_others(server: ServerProcess, bucket: str) -> None:
    """Half a million elements take seconds to parse; every other request is answered meanwhile."""
    document = b"<Delete>" + b"<a/>" * 500_000 + b"<Object><Key>k</Key></Object></Delete>"
    assert server.request("PUT", "/k", b"1", host=bucket).status == 200
    took: list[float] = []

    def delete() -> None:
        started = time.perf_counter()
        answer = server.request("POST", "/?delete", document, host=bucket)
        took.append(time.perf_counter() - started)
        assert answer.status == 200, answer.body

    thread = threading.Thread(target=delete)
    thread.start()
    slowest = 0.0
    while thread.is_alive():
        started = time.perf_counter()
        server.request("HEAD", "/", host=bucket)
        slowest = max(slowest, time.perf_counter() - started)
    thread.join()
    assert took
    assert slowest < max(took[0] / 2, 0.25), f"a request waited {slowest:.2f} s of {took[0]:.2f} s"
