"""Work is stopped when the last client that waits for it has left, and not before."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator

import pytest

from bench.equal import HOST, stopped_after
from bench.equal import SLOW as SLOW_OPERATIONS
from openmogr.testing import ServerProcess

pytestmark = pytest.mark.alone

SLOW = "/a.png?imageMogr2/thumbnail/3000x/format/avif"


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory, photo: bytes) -> Iterator[ServerProcess]:
    # Without results of earlier tests.
    settings: dict[str, dict[str, object]] = {"image": {"workers": 1}, "results": {"max_bytes": 0}}
    with ServerProcess(tmp_path_factory.mktemp("leaving") / "data", settings) as process:
        process.request("PUT", "/", b"", {"x-cos-acl": "public-read"}, host=HOST)
        process.request("PUT", "/a.png", photo, host=HOST)
        process.request("GET", "/a.png?imageInfo", host=HOST)
        yield process


@pytest.fixture
def server(_server: ServerProcess) -> Iterator[ServerProcess]:
    """At rest."""
    yield _server
    _wait(_server, 0, 60)


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
    assert _wait(server, 0, 3) < 3
    assert server.request("GET", "/a.png?imageMogr2/thumbnail/20x", host=HOST).status == 200


@pytest.mark.parametrize("operation", SLOW_OPERATIONS)
def test_the_worker_is_gone_within_a_fifth_of_a_second(server: ServerProcess, operation: str) -> None:
    """The best of several: what else the machine does only adds to it. 0.07 s of it are waited on purpose."""
    found = [stopped_after(server, operation, number) for number in range(5)]
    times = [entry[0] for entry in found if entry is not None]
    assert times, "no worker was seen at work"
    assert min(times) < 200


def _answer(connection: socket.socket) -> tuple[int, bytes]:
    """How many interim answers came, and what followed them to the end."""
    answer = b""
    while chunk := connection.recv(1 << 16):
        answer += chunk
    connection.close()
    *interim, rest = answer.split(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert not any(interim)
    return len(interim), rest


def test_who_closed_one_half_is_served_however_long_it_takes(server: ServerProcess) -> None:
    connection = _ask(server)
    connection.shutdown(socket.SHUT_WR)
    interim, rest = _answer(connection)
    assert interim >= 1, "the client was not asked whether it is there"
    assert rest.startswith(b"HTTP/1.1 200")


def test_who_leaves_after_closing_one_half_has_left(server: ServerProcess) -> None:
    connection = _ask(server)
    _wait(server, 1, 5)
    connection.shutdown(socket.SHUT_WR)
    time.sleep(0.3)
    assert _running(server) == 1
    connection.close()
    assert _wait(server, 0, 2) < 2


def test_a_client_of_http_1_0_is_sent_nothing_but_its_answer(server: ServerProcess) -> None:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    connection.sendall(f"GET {SLOW} HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(1 << 16) == b"", "it is not waited for, since it cannot be asked"
    connection.close()


def test_what_is_answered_at_once_needs_but_half_a_connection(server: ServerProcess) -> None:
    connection = _ask(server, "/a.png?imageInfo")
    connection.shutdown(socket.SHUT_WR)
    assert _answer(connection)[1].startswith(b"HTTP/1.1 200")
