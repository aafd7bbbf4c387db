"""Stores of other providers on loopback, where ``make clients`` has put them: Azurite, and fake-gcs-server.

Azurite is Microsoft's emulator of Azure Blob Storage. fake-gcs-server speaks the JSON API of Google Cloud Storage, and
of its XML API what reads; it takes no uploads by that, as ``obstore`` makes them, but through ``tests.google_xml``.
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import http.client
import json
import os
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import pytest

from tests.google_xml import XMLFront
from tests.versitygw import await_answers

__all__ = ["ACCOUNT", "ACCOUNT_KEY", "Azurite", "FakeGCS", "Google", "azurite", "fake_gcs", "google"]

_CLIENTS = Path(__file__).parent / "clients"
AZURITE = _CLIENTS / "node_modules" / ".bin" / "azurite-blob"
FAKE_GCS = _CLIENTS / "build" / "fake-gcs-server"
ACCOUNT = "openmogr"
ACCOUNT_KEY = base64.b64encode(b"key of an emulator of Azure").decode()


class _Emulator(ABC):
    """A process that answers on a port of loopback."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = int(listener.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _command(self) -> tuple[list[str], Mapping[str, str]]:
        """Of the process: its words, and what it finds in its environment."""

    def __enter__(self) -> Self:
        words, environment = self._command()
        self._process = subprocess.Popen(
            words,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await_answers(self._process, self._port, words[0])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _ask(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            told = answer.read()
            assert answer.status < 300, told
            return told
        finally:
            connection.close()


class Azurite(_Emulator):
    """An account of Azure Blob Storage, in memory.

    Attributes:
        endpoint: its URL, without the container.
    """

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}/{ACCOUNT}"

    def _command(self) -> tuple[list[str], Mapping[str, str]]:
        options = ("--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck")
        words = [str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", str(self._port), *options]
        return words, {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{ACCOUNT_KEY}"}

    def create_container(self, name: str) -> None:
        """Make a place for blobs."""
        date, version = email.utils.formatdate(usegmt=True), "2021-08-06"
        told = {"x-ms-date": date, "x-ms-version": version}
        lines = [f"{key}:{value}" for key, value in told.items()]
        lines += [f"/{ACCOUNT}/{ACCOUNT}/{name}", "restype:container"]
        text = "PUT" + "\n" * 12 + "\n".join(lines)
        digest = hmac.digest(base64.b64decode(ACCOUNT_KEY), text.encode(), hashlib.sha256)
        told["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
        self._ask("PUT", f"/{ACCOUNT}/{name}?restype=container", b"", told)


class FakeGCS(_Emulator):
    """Google Cloud Storage in memory, which asks for no keys.

    Attributes:
        endpoint: its URL.
    """

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _command(self) -> tuple[list[str], Mapping[str, str]]:
        place = f"127.0.0.1:{self._port}"
        host = ("-scheme", "http", "-host", "127.0.0.1", "-port", str(self._port), "-public-host", place)
        return [str(FAKE_GCS), "-backend", "memory", "-log-level", "error", *host], {}

    def create_bucket(self, name: str) -> None:
        """Make a bucket."""
        body = json.dumps({"name": name}).encode()
        self._ask("POST", "/storage/v1/b?project=p", body, {"Content-Type": "application/json"})

    def put(self, bucket: str, key: str, data: bytes, content_type: str, **fields: object) -> None:
        """Store an object by the JSON API; fields are its ``cacheControl``, ``metadata`` and others."""
        told = json.dumps({"name": key, "contentType": content_type, **fields}).encode()
        kind = b"Content-Type: " + content_type.encode()
        parts = (b"Content-Type: application/json", told), (kind, data)
        body = b"".join(b"--of-two\r\n" + head + b"\r\n\r\n" + part + b"\r\n" for head, part in parts)
        headers = {"Content-Type": "multipart/related; boundary=of-two"}
        place = f"/upload/storage/v1/b/{bucket}/o?uploadType=multipart"
        self._ask("POST", place, body + b"--of-two--", headers)

    def keys(self, bucket: str) -> list[str]:
        """All keys of a bucket."""
        told = json.loads(self._ask("GET", f"/storage/v1/b/{quote(bucket)}/o", b"", {}))
        return sorted(str(item["name"]) for item in told.get("items", ()))


class Google(FakeGCS):
    """The same, which takes writes by the XML API too.

    Attributes:
        endpoint: its URL.
    """

    def __enter__(self) -> Self:
        super().__enter__()
        self._front = XMLFront(self._port)
        self._front.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._front.__exit__(kind, error, trace)
        super().__exit__(kind, error, trace)

    @property
    def endpoint(self) -> str:
        return self._front.endpoint


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """With its key in the environment. Skips the test where it was not installed."""
    if not AZURITE.is_file():
        pytest.skip("Azurite was not installed: make clients")
    with pytest.MonkeyPatch.context() as patch, Azurite() as running:
        for name in [name for name in os.environ if name.startswith("AZURE_")]:
            patch.delenv(name)
        patch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
        patch.setenv("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY)
        yield running


def _skip_unless_built() -> None:
    if not FAKE_GCS.is_file():
        pytest.skip("fake-gcs-server was not built: make clients")


@pytest.fixture(scope="session")
def fake_gcs() -> Iterator[FakeGCS]:
    """Skips the test where it was not built."""
    _skip_unless_built()
    with FakeGCS() as running:
        yield running


@pytest.fixture(scope="session")
def google() -> Iterator[Google]:
    """With keys in the environment that it does not ask for. Skips the test where it was not built."""
    _skip_unless_built()
    keys = {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
    with pytest.MonkeyPatch.context() as patch, Google() as running:
        patch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(keys))
        yield running
