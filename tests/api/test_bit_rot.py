"""What clients see of bytes that changed on the disk: 500, or a body that never becomes complete."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest

import openmogr.demo
from openmogr.testing import ServerProcess

PHOTO = (Path(openmogr.demo.__file__).parent / openmogr.demo.KEY).read_bytes()
BUCKET = "/b-1250000000"
LONG = bytes(range(256)) * 16_384  # 4 MiB


def rot(data: Path, size: int) -> None:
    """Change a bit in the middle of the blob of that size."""
    (path,) = [path for path in (data / "blobs").glob("*/*") if path.stat().st_size == size]
    body = bytearray(path.read_bytes())
    body[size // 2] ^= 1
    path.write_bytes(body)


def test_damaged_bytes_are_never_answered_with_200(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ServerProcess(data) as server:
        server.request("PUT", BUCKET, b"")
        for name, body in (("a.png", PHOTO), ("long", LONG)):
            assert server.request("PUT", f"{BUCKET}/{name}", body).status == 200
            rot(data, len(body))
        for target, headers in (
            ("a.png", {}),
            ("a.png", {"Range": "bytes=0-9"}),
            ("a.png?imageMogr2/thumbnail/50x", {}),
            ("a.png?imageMogr2/", {}),
            ("a.png?imageInfo", {}),
        ):
            answer = server.request("GET", f"{BUCKET}/{target}", headers=headers)
            assert (answer.status, answer.code) == (500, "InternalError"), target
        assert "object b-1250000000/a.png is damaged: its CRC-64" in server.log
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            server.request("GET", f"{BUCKET}/long")
        assert "object b-1250000000/long is damaged: its CRC-64" in server.log
        assert server.request("GET", f"{BUCKET}/long").status == 500
        assert server.request("GET", f"{BUCKET}/long", headers={"Range": "bytes=0-9"}).status == 500
        # A new upload mends it.
        assert server.request("PUT", f"{BUCKET}/long", LONG).status == 200
        assert server.request("GET", f"{BUCKET}/long").body == LONG
