"""A real server in front of buckets that exist: a folder, and versitygw, a real S3 server, where it was built."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import pytest

import openmogr.demo
from openmogr.testing import ServerProcess

KEY, SECRET = "AKVERSITYGW", "secret-of-versitygw"
BUCKET = "photos-1250000000"
FOLDER = "team/pictures"
_numbers = itertools.count(1)
BUILT = Path(__file__).parent.parent / "clients" / "build" / "versitygw"


class Store(Protocol):
    """Where objects lie that the server only reads."""

    place: dict[str, object]

    def put(self, key: str, data: bytes, content_type: str = "image/png") -> None:
        """Store an object, without the server."""

    def keys(self) -> list[str]:
        """Everything that is there."""


class FolderStore:
    """A folder; types come from names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.place: dict[str, object] = {"url": folder.as_uri()}

    def put(self, key: str, data: bytes, content_type: str = "image/png") -> None:
        place = self._folder / key
        place.parent.mkdir(parents=True, exist_ok=True)
        new = place.with_name(place.name + ".new")
        new.write_bytes(data)
        new.rename(place)

    def keys(self) -> list[str]:
        return sorted(
            path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if path.is_file()
        )


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
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            except OSError:
                assert self._process.poll() is None, "versitygw did not start"
                assert time.monotonic() < deadline, "versitygw does not answer"
                time.sleep(0.05)

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


class S3Bucket:
    """A folder of a bucket of an S3 server."""

    def __init__(self, gateway: VersityGW, name: str, folder: str = FOLDER) -> None:
        self._gateway, self._name, self._folder = gateway, name, folder
        gateway.client.create_bucket(Bucket=name)
        self.place: dict[str, object] = {
            "url": f"s3://{name}/{folder}",
            "endpoint": gateway.endpoint,
            "region": "us-east-1",
        }

    def put(self, key: str, data: bytes, content_type: str = "image/png", **more: object) -> None:
        self._gateway.client.put_object(
            Bucket=self._name, Key=f"{self._folder}/{key}", Body=data, ContentType=content_type, **more
        )

    def keys(self) -> list[str]:
        found = self._gateway.client.list_objects_v2(Bucket=self._name).get("Contents", [])
        return sorted(str(item["Key"]) for item in found)


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A PNG photo, 768x512."""
    return (Path(openmogr.demo.__file__).parent / openmogr.demo.KEY).read_bytes()


@pytest.fixture(scope="session", autouse=True)
def keys_in_the_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        yield


@pytest.fixture(scope="session")
def versitygw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VersityGW]:
    """Skips the test where it was not built."""
    if not BUILT.is_file():
        pytest.skip("versitygw was not built: make clients")
    pytest.importorskip("boto3")
    with VersityGW(tmp_path_factory.mktemp("versitygw")) as running:
        yield running


@pytest.fixture(scope="module", params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store of each kind, which the tests of a module have in common."""
    pytest.importorskip("obstore")
    if request.param == "folder":
        return FolderStore(tmp_path_factory.mktemp("folder"))
    return S3Bucket(request.getfixturevalue("versitygw"), f"company-photos-{next(_numbers)}")


@pytest.fixture(scope="module")
def server(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """With one bucket of the store, and room for others."""
    settings: dict[str, dict[str, object]] = {
        "gateway": {"timeout": 5, "buckets": {BUCKET: store.place}},
        "image": {"workers": 1},
        "server": {"domains": ["cos.example.com"]},
    }
    with ServerProcess(tmp_path_factory.mktemp("gateway") / "data", settings) as process:
        yield process
        assert "Traceback" not in process.log, process.log
        assert SECRET not in process.log
