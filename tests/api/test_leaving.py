"""Work is stopped when the last client that waits for it has left, and not before."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from openmogr.testing import ServerProcess

pytestmark = pytest.mark.alone
HOST = "leaving-1250000000.cos.ap-shanghai.myqcloud.com"
SLOW = "/a.png?imageMogr2/thumbnail/3000x/format/avif"


@pytest.fixture
def server(tmp_path: Path, photo: bytes) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data", {"image": {"workers": 1}}) as process:
        process.request("PUT", "/", b"", {"x-cos-acl": "public-read"}, host=HOST)
        process.request("PUT", "/a.png", photo, host=HOST)
        process.request("GET", "/a.png?imageInfo", host=HOST)
        yield process


def _ask(server: ServerProcess, target: str = SLOW) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    return connection


def _running(server: ServerProcess) -> float:
    text = server.request("GET", "/-/metrics", signed=False).body.decode()
    found = re.search(r"^openmogr_image_running (\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return float(found.group(1))


def _wait(server: ServerProcess, running: int, seconds: float) -> float:
    started = time.monotonic()
    while _running(server) != running:
        assert time.monotonic() - started < seconds, f"not {running} within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - started


def test_nine_of_ten_leave_and_the_last_is_served(server: ServerProcess) -> None:
    asking = [_ask(server) for _ in range(10)]
    _wait(server, 1, 5)
    for connection in asking[:9]:
        connection.close()
    answer = b""
    while chunk := asking[9].recv(1 << 16):
        answer += chunk
        if b"\r\n\r\n" in answer and len(answer) > 1000:
            break
    assert answer.startswith(b"HTTP/1.1 200")
    asking[9].close()


def test_all_leave_and_the_work_is_stopped(server: ServerProcess) -> None:
    asking = [_ask(server) for _ in range(5)]
    _wait(server, 1, 5)
    for connection in asking:
        connection.close()
    # 0.1 s until an end of stream is taken for leaving, 0.05 s until a worker is killed; the rest is this machine's.
    assert _wait(server, 0, 3) < 3
    assert server.request("GET", "/a.png?imageMogr2/thumbnail/20x", host=HOST).status == 200


def test_what_is_answered_at_once_needs_but_half_a_connection(server: ServerProcess) -> None:
    connection = _ask(server, "/a.png?imageInfo")
    connection.shutdown(socket.SHUT_WR)
    answer = b""
    while chunk := connection.recv(1 << 16):
        answer += chunk
    assert answer.startswith(b"HTTP/1.1 200")
    connection.close()
