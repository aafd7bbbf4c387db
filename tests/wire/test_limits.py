"""Clients that send or read too slowly, connections that are too many, and signals."""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from openmogr.server import fit_connections
from openmogr.testing import ServerProcess

from .conftest import HOST, Client, Connect

# The server's times are those of conftest.py, 5 s at most; what nobody ends goes on for 20 s and more. In between is
# what other tests may need of the processors meanwhile.
SOON = 15.0


def test_a_body_at_a_few_bytes_per_second_ends(server: ServerProcess, connect: Connect) -> None:
    client = connect(server)
    client.send(client.head("PUT", "/slow", "Content-Length: 1000"))
    assert not client.trickle(b"x" * 1000, 0.2)
    answer = client.rest()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>RequestTimeout</Code>" in answer
    assert b"less than 100 bytes per second" in answer
    assert client.age < SOON
    assert server.request("HEAD", "/slow", host=HOST).status == 404


def test_a_chunked_body_at_a_few_bytes_per_second_ends(server: ServerProcess, connect: Connect) -> None:
    client = connect(server)
    client.send(client.head("PUT", "/slow", "Transfer-Encoding: chunked"))
    assert not client.trickle(b"1\r\nx\r\n" * 100, 0.1)
    assert b"<Code>RequestTimeout</Code>" in client.rest()
    assert client.age < SOON


def test_an_xml_body_at_a_few_bytes_per_second_ends(server: ServerProcess, connect: Connect) -> None:
    client = connect(server)
    client.send(client.head("PUT", "/?tagging", "Content-Length: 1000"))
    assert not client.trickle(b" " * 1000, 0.2)
    assert b"<Code>RequestTimeout</Code>" in client.rest()


def test_a_body_has_a_deadline_at_any_rate(server: ServerProcess, connect: Connect) -> None:
    """Twice the least rate, for longer than a body may take."""
    client = connect(server)
    client.send(client.head("PUT", "/long", "Content-Length: 10000"))
    with contextlib.suppress(ConnectionError):
        for _ in range(200):
            client.send(b"x" * 20)
            time.sleep(0.1)
            client.socket.settimeout(0.001)
            with contextlib.suppress(TimeoutError):
                client.socket.recv(1, socket.MSG_PEEK)
                break
    client.socket.settimeout(20)
    assert b"<Code>RequestTimeout</Code>" in client.rest()
    assert 4.5 < client.age < SOON


def test_a_steady_body_arrives(server: ServerProcess, connect: Connect) -> None:
    client = connect(server)
    client.send(client.head("PUT", "/steady", "Content-Length: 6000", "Connection: close"))
    for _ in range(30):
        client.send(b"x" * 200)
        time.sleep(0.1)
    assert client.rest().startswith(b"HTTP/1.1 200 ")


def test_a_head_at_a_few_bytes_per_second_ends(server: ServerProcess, connect: Connect) -> None:
    client = connect(server)
    client.trickle(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"y" * 1000, 0.1)
    client.rest()
    assert client.age < SOON


def test_idle_connections_end(server: ServerProcess, connect: Connect) -> None:
    silent, kept = connect(server), connect(server)
    kept.send(kept.head("HEAD", "/"))
    assert kept.rest().startswith(b"HTTP/1.1 200 ")
    assert silent.rest() == b""
    assert silent.age < SOON


def test_a_client_that_reads_nothing_is_dropped(tmp_path: Path, connect: Connect) -> None:
    with ServerProcess(tmp_path / "data", {"server": {"write_timeout": 1.0}}) as server:
        assert server.request("PUT", "/", b"", host=HOST).status == 200
        assert server.request("PUT", "/big", b"x" * 20_000_000, host=HOST).status == 200
        assert server.request("GET", "/big", host=HOST).status == 200
        before = server.open_files
        clients: list[Client] = []
        for _ in range(5):
            client = connect(server)
            client.send(client.head("GET", "/big"))
            assert client.socket.recv(1) == b"H"
            clients.append(client)
        deadline = time.monotonic() + 20
        while server.open_files > before:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_hangups_are_ignored(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        for _ in range(2):
            server.signal(signal.SIGHUP)
            time.sleep(0.2)
            assert server.request("GET", "/").status == 200


@contextlib.contextmanager
def soft_limit(files: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_soft_limit_of_files_is_raised(tmp_path: Path) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2000:
        pytest.skip("the hard limit of open files is below 2000")
    with contextlib.ExitStack() as stack:
        with soft_limit(200):
            server = stack.enter_context(
                ServerProcess(tmp_path / "data", {"server": {"max_connections": 600}})
            )
        for _ in range(500):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        assert server.request("GET", "/").status == 200
        assert "max_connections" not in server.log


def test_fewer_connections_where_the_hard_limit_is_low(tmp_path: Path) -> None:
    """Those above are refused in words or at once; what the server knows it never answers with 500."""
    program = (
        "import resource, sys, runpy;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512));"
        "sys.argv = sys.argv[1:]; runpy.run_module('openmogr.testing', run_name='__main__', alter_sys=True)"
    )
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            ServerProcess(tmp_path / "data", launcher=[sys.executable, "-c", program])
        )
        assert server.request("PUT", "/", b"", host=HOST).status == 200
        assert server.request("PUT", "/a", b"body", host=HOST).status == 200
        early = Client(server)
        stack.enter_context(contextlib.closing(early.socket))
        early.send(early.head("HEAD", "/a"))
        assert early.socket.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert "connections instead of max_connections = 4096" in server.log
        seen: set[int] = set()
        for number in itertools.count():
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            if number % 10 == 0:
                early.send(early.head("GET", "/a"))
                seen.add(int(early.socket.recv(65536).split()[1]))
            if number == 600:
                break
        assert seen == {200}
        early.send(early.head("PUT", "/b", "Content-Length: 1") + b"x")
        assert early.socket.recv(65536).startswith(b"HTTP/1.1 200 ")
    with ServerProcess(tmp_path / "data") as server:
        assert server.request("GET", "/b", host=HOST).body == b"x"


def test_connections_that_fit_are_counted(tmp_path: Path) -> None:
    program = (
        "import resource, sys; from openmogr.server import fit_connections\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))\n"
        "print(fit_connections(int(sys.argv[3])), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    for soft, hard, wanted, fitting, raised in (
        (1024, 1024, 100, 100, 1024),
        (1024, 1024, 4096, 384, 1024),
        (64, 1024, 300, 300, 856),
        (64, 64, 4096, 16, 64),
    ):
        command = [sys.executable, "-c", program, *map(str, (soft, hard, wanted))]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ})
        assert done.stdout.split() == [str(fitting), str(raised)]
    assert fit_connections(1) == 1
