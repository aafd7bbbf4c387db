"""versitygw, a real S3 server over a folder, where ``make clients`` has built it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

__all__ = ["BUILT", "KEY", "SECRET", "VersityGW", "await_answers", "keys_in_the_environment", "versitygw"]

KEY, SECRET = "AKVERSITYGW", "secret-of-versitygw"
BUILT = Path(__file__).parent / "clients" / "build" / "versitygw"


def await_answers(process: subprocess.Popen[bytes], port: int, name: str) -> None:
    """Until a server that was begun takes connections on loopback."""
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None, f"{name} did not start"
            assert time.monotonic() < deadline, f"{name} does not answer"
            time.sleep(0.05)


class VersityGW:
    """An S3 server of its own over a folder, on a port that it keeps when it is started again.

    Attributes:
        endpoint: its URL.
        root: has a folder for each bucket, and a file for each object, whoever put it there.
    """

    def __init__(self, folder: Path) -> None:
        self.root, self._sidecar = folder / "root", folder / "attributes"
        self.root.mkdir(parents=True)
        self._sidecar.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = int(listener.getsockname()[1])
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Any = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        if self._client is not None:
            self._client.close()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        keys = ("--access", KEY, "--secret", SECRET)
        place = ("posix", "--sidecar", str(self._sidecar), str(self.root))
        self._process = subprocess.Popen(
            [str(BUILT), "--port", f"127.0.0.1:{self._port}", *keys, "--quiet", *place],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await_answers(self._process, self._port, "versitygw")

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._process is not None
        return self._process.pid

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def client(self) -> Any:
        """boto3 at this server."""
        if self._client is None:
            import boto3
            from botocore.config import Config

            self._client = boto3.client(
                "s3",
                endpoint_url=self.endpoint,
                aws_access_key_id=KEY,
                aws_secret_access_key=SECRET,
                region_name="us-east-1",
                config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
            )
        return self._client


@pytest.fixture(scope="session")
def keys_in_the_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        yield


@pytest.fixture(scope="session")
def versitygw(tmp_path_factory: pytest.TempPathFactory, keys_in_the_environment: None) -> Iterator[VersityGW]:
    """Skips the test where it was not built."""
    if not BUILT.is_file():
        pytest.skip("versitygw was not built: make clients")
    pytest.importorskip("boto3")
    with VersityGW(tmp_path_factory.mktemp("versitygw")) as running:
        yield running
