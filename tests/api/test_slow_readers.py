"""Large results wait for slow readers in files, not in memory."""

from __future__ import annotations

import contextlib
import io
import socket
import time
from pathlib import Path

import pytest
from PIL import Image

from openmogr.testing import ServerProcess

BUCKET = "slow-1250000000"
SIDE = 2600
READERS = 16


def resident(server: ServerProcess) -> int:
    """Bytes of the server's own process."""
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def ask(server: ServerProcess, number: int) -> tuple[socket.socket, bytes]:
    """A connection whose answer has begun, and what of it has arrived."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    connection.settimeout(120)
    connection.connect(("127.0.0.1", server.port))
    target = f"/{BUCKET}/large.png?imageMogr2/cut/{SIDE}x{SIDE - number}x0x0/format/bmp"
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    begun = b""
    while b"\r\n\r\n" not in begun:
        begun += connection.recv(1024)
    return connection, begun


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory of processes is read from /proc")
@pytest.mark.parametrize("max_bytes", [0, 1 << 30])
def test_many_slow_readers_hold_no_memory(tmp_path: Path, max_bytes: int) -> None:
    out = io.BytesIO()
    Image.radial_gradient("L").resize((SIDE, SIDE)).convert("RGB").save(out, "PNG")
    settings = {"results": {"max_bytes": max_bytes}, "image": {"workers": 1}}
    with ServerProcess(tmp_path / "data", settings) as server:
        server.request("PUT", f"/{BUCKET}", b"", {"x-cos-acl": "public-read"})
        server.request("PUT", f"/{BUCKET}/large.png", out.getvalue())
        first, head = ask(server, 0)
        before = resident(server)
        open_files = server.open_files
        readers = [ask(server, number) for number in range(1, READERS)]
        assert all(got.startswith(b"HTTP/1.1 200 ") for _, got in readers)
        # 20 MB each; what waits in the server is a piece of each.
        assert resident(server) - before < 4 * READERS * (1 << 20)
        body = head.partition(b"\r\n\r\n")[2]
        while piece := first.recv(1 << 20):
            body += piece
        with Image.open(io.BytesIO(body)) as image:
            image.load()
            assert image.size == (SIDE, SIDE)
        for connection, _ in [(first, b""), *readers]:
            connection.close()
        for _ in range(100):
            if server.open_files < open_files:
                break
            server.request("HEAD", f"/{BUCKET}/large.png")
        assert server.open_files < open_files  # the spooled files went with their readers
        assert list((tmp_path / "data" / "spool").iterdir()) == []


def test_the_slowest_reader_gives_way_when_the_spool_is_full(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.radial_gradient("L").resize((SIDE, SIDE)).convert("RGB").save(out, "PNG")
    # Room for two results of 20 MB.
    image = {"workers": 1, "spool_bytes": 50_000_000, "patience": 30}
    with ServerProcess(tmp_path / "data", {"results": {"max_bytes": 0}, "image": image}) as server:
        server.request("PUT", f"/{BUCKET}", b"", {"x-cos-acl": "public-read"})
        server.request("PUT", f"/{BUCKET}/large.png", out.getvalue())
        slow, _ = ask(server, 0)
        other, begun = ask(server, 1)
        metrics = server.request("GET", "/-/metrics", signed=False).body.decode()
        held = next(line for line in metrics.splitlines() if line.startswith("openmogr_spool_bytes "))
        assert 40_000_000 < float(held.split()[1]) < 50_000_000
        started = time.monotonic()
        # Waits until the first has had its ten seconds.
        third = ask(server, 2)[0]
        assert 5 < time.monotonic() - started < 25
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while piece := slow.recv(1 << 20):
                received += len(piece)
        assert received < 3 * SIDE * SIDE, "the first was not cut off"
        body = begun.partition(b"\r\n\r\n")[2]
        while piece := other.recv(1 << 20):
            body += piece
        with Image.open(io.BytesIO(body)) as picture:
            picture.load()
        for connection in (slow, other, third):
            connection.close()
