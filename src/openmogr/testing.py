"""A real server in a process of its own on loopback, for tests and benchmarks."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Protocol, Self

from openmogr.auth import Credential, sign_request
from openmogr.server import make_server

__all__ = ["Answer", "Begun", "ServerProcess", "serve"]

_START_SECONDS = 180.0


@dataclass(frozen=True)
class Answer:
    """A response: header names as they came over the wire."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header whose name has exactly this case."""
        return dict(self.headers).get(name)

    @property
    def code(self) -> str:
        """The ``Code`` of an error document."""
        return self.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


class Begun(Protocol):
    """A process, as :class:`subprocess.Popen` has it."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """How it ended; None: it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, once it has. Raises ``subprocess.TimeoutExpired``."""

    def kill(self) -> None:
        """End it at once."""

    def send_signal(self, number: int) -> None:
        """Send it a signal."""


class ServerProcess:
    """Starts on entering, on a free port; ends on leaving.

    Args:
        data: the data folder.
        settings: by section; those of the storage and of keys are filled in.
        log: the file of its standard streams; None: beside the data folder.
        launcher: the command that runs this module, whose name and arguments follow; None: see ``begin``.

    Attributes:
        credential: the owner's key pair.
        port: on 127.0.0.1.
        begin: begins :func:`serve` on a socket in another process, with overrides of settings and the file of its
            standard streams; None: a new interpreter.
    """

    begin: ClassVar[Callable[[socket.socket, str, Path], Begun] | None] = None

    def __init__(
        self,
        data: Path,
        settings: Mapping[str, Mapping[str, object]] | None = None,
        *,
        log: Path | None = None,
        launcher: Sequence[str] | None = None,
    ) -> None:
        self._launcher = launcher
        self.credential = Credential(
            "AKIDEXAMPLE00000000000000000000000000", "SecretKeyExample0123456789abcdef"
        )
        self.port = 0
        self._overrides: dict[str, dict[str, object]] = {
            section: dict(values) for section, values in (settings or {}).items()
        }
        self._overrides.setdefault("storage", {})["data"] = str(data)
        auth = self._overrides.setdefault("auth", {})
        auth.setdefault("secret_id", self.credential.secret_id)
        auth.setdefault("secret_key", self.credential.secret_key)
        self._log = log or data.with_name(data.name + ".log")
        self._process: Begun | None = None

    def __enter__(self) -> Self:
        overrides = json.dumps(self._overrides)
        begin = type(self).begin
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = int(listener.getsockname()[1])
            if begin is None or self._launcher is not None:
                self._process = self._interpreter(listener, overrides)
            else:
                self._process = begin(listener, overrides, self._log)
        self._wait()
        return self

    def _interpreter(self, listener: socket.socket, overrides: str) -> Begun:
        os.set_inheritable(listener.fileno(), True)
        launcher = self._launcher or (sys.executable, "-m")
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*launcher, __name__, str(listener.fileno()), overrides],
                pass_fds=[listener.fileno()],
                stdout=log,
                stderr=log,
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What the server wrote to its standard streams."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """The process id of the server."""
        assert self._process is not None
        return self._process.pid

    @property
    def cpu_seconds(self) -> float:
        """User and system time of the server so far (Linux)."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def open_files(self) -> int:
        """Descriptors that the server holds now (Linux)."""
        assert self._process is not None
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))

    def signal(self, number: int) -> None:
        """Send a signal to the server."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """End the server as an operator does, with SIGTERM."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End the server as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        signed: bool = True,
        host: str | None = None,
    ) -> Answer:
        """Send one request over a connection of its own.

        Args:
            method: the HTTP method.
            target: path and query as they go over the wire.
            body: sent with its length.
            headers: further headers.
            signed: with the owner's signature in ``Authorization``.
            host: the ``Host`` header; None: address and port, which is path style.
        """
        # A name of its own, which no client has that is tested.
        sent = {"Host": host or f"127.0.0.1:{self.port}", "User-Agent": "openmogr-testing", **(headers or {})}
        if body is not None:
            sent.setdefault("Content-Length", str(len(body)))
        if signed and "Authorization" not in sent:
            sent["Authorization"] = sign_request(self.credential, method, target, {"host": sent["Host"]})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                connection.putheader(name, value.encode("utf-8"))
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                self.request("HEAD", "/", signed=False)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
            else:
                return
        self.kill()
        raise RuntimeError(f"the server did not start:\n{self.log}")


def serve(listener: socket.socket, overrides: str) -> None:
    """Run a server until it is told to end.

    Args:
        listener: where clients come.
        overrides: settings by section, in JSON.
    """
    from openmogr.app import create_app
    from openmogr.observe import configure_logging
    from openmogr.settings import load_settings

    settings = load_settings(overrides=json.loads(overrides))
    configure_logging(settings.log)
    make_server(create_app(settings), settings.server).run(sockets=[listener])


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
