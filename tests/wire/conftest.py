"""Servers of their own settings, and sockets that speak HTTP by hand."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from openmogr.auth import sign_request
from openmogr.testing import ServerProcess

HOST = "wire-1250000000.cos.ap-shanghai.myqcloud.com"


class Client:
    """A connection to a server.

    Attributes:
        opened: when, by ``time.monotonic``.
    """

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.opened = time.monotonic()
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=20)

    def head(self, method: str, target: str, *lines: str) -> bytes:
        """A signed request head with further lines."""
        auth = sign_request(self._server.credential, method, target, {"host": HOST})
        text = [f"{method} {target} HTTP/1.1", f"Host: {HOST}", f"Authorization: {auth}", *lines, "", ""]
        return "\r\n".join(text).encode("latin-1")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def trickle(self, data: bytes, pause: float) -> bool:
        """Send byte by byte; False once the server answers or closes."""
        for byte in data:
            self.socket.settimeout(pause)
            try:
                self.socket.recv(1, socket.MSG_PEEK)
            except TimeoutError:
                pass
            else:
                self.socket.settimeout(20)
                return False
            self.socket.send(bytes([byte]))
        self.socket.settimeout(20)
        return True

    def rest(self) -> bytes:
        """All that arrives until the server closes."""
        pieces: list[bytes] = []
        with contextlib.suppress(ConnectionError):
            while chunk := self.socket.recv(65536):
                pieces.append(chunk)
        return b"".join(pieces)

    @property
    def age(self) -> float:
        """Seconds since the connection was opened."""
        return time.monotonic() - self.opened


Connect = Callable[[ServerProcess], Client]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens connections, which end with the test."""
    with contextlib.ExitStack() as stack:

        def opened(server: ServerProcess) -> Client:
            client = Client(server)
            stack.enter_context(contextlib.closing(client.socket))
            return client

        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """With short times, so that they can be waited for, and one bucket."""
    settings = {
        "server": {
            "head_timeout": 1.5,
            "body_timeout": 1.5,
            "min_body_rate": 100,
            "body_deadline": 5.0,
            "keep_alive_timeout": 1.0,
            "write_timeout": 1.0,
        }
    }
    with ServerProcess(tmp_path_factory.mktemp("wire") / "data", settings) as process:
        assert process.request("PUT", "/", b"", host=HOST).status == 200
        yield process
        assert "Traceback" not in process.log, process.log
