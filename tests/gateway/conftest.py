"""A real server in front of buckets that exist: a folder, versitygw (S3), Azurite (Azure), fake-gcs-server (Google),
another server of ours (COS).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import pytest

import openmogr.demo
from openmogr.testing import ServerProcess
from tests.emulators import Azurite, FakeGCS, azurite, fake_gcs
from tests.ours import ours
from tests.versitygw import BUILT, KEY, SECRET, VersityGW, keys_in_the_environment, versitygw

__all__ = [
    "BUILT",
    "KEY",
    "SECRET",
    "VersityGW",
    "azurite",
    "fake_gcs",
    "keys_in_the_environment",
    "ours",
    "versitygw",
]

BUCKET = "photos-1250000000"
FOLDER = "team/pictures"
_numbers = itertools.count(1)


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

    def put_told(self, key: str, data: bytes) -> None:
        """Store one with ``max-age=7`` and the metadata ``origin: camera``."""
        self.put(key, data, CacheControl="max-age=7", Metadata={"origin": "camera"})

    def put(self, key: str, data: bytes, content_type: str = "image/png", **more: object) -> None:
        self._gateway.client.put_object(
            Bucket=self._name, Key=f"{self._folder}/{key}", Body=data, ContentType=content_type, **more
        )

    def keys(self) -> list[str]:
        found = self._gateway.client.list_objects_v2(Bucket=self._name).get("Contents", [])
        return sorted(str(item["Key"]) for item in found)


class AzureContainer:
    """A folder of a container of Azure, which ``obstore`` writes as any other tool does."""

    def __init__(self, account: Azurite, name: str) -> None:
        from obstore.store import AzureStore

        account.create_container(name)
        self.place: dict[str, object] = {"url": f"az://{name}/{FOLDER}", "endpoint": account.endpoint}
        self._store = AzureStore(name, endpoint=account.endpoint, client_options={"allow_http": True})

    def put(self, key: str, data: bytes, content_type: str = "image/png", **more: str) -> None:
        import obstore

        told = {"Content-Type": content_type, **more}
        obstore.put(self._store, f"{FOLDER}/{key}", data, attributes=told)

    def put_told(self, key: str, data: bytes) -> None:
        """As of :class:`S3Bucket`."""
        self.put(key, data, **{"Cache-Control": "max-age=7", "origin": "camera"})

    def keys(self) -> list[str]:
        import obstore

        return sorted(item["path"] for page in obstore.list(self._store) for item in page)


class GCSBucket:
    """A folder of a bucket of Google Cloud Storage, which anybody may read."""

    def __init__(self, server: FakeGCS, name: str) -> None:
        self._server, self._name = server, name
        server.create_bucket(name)
        self.place: dict[str, object] = {
            "url": f"gs://{name}/{FOLDER}",
            "endpoint": server.endpoint,
            "anonymous": True,
        }

    def put(self, key: str, data: bytes, content_type: str = "image/png") -> None:
        self._server.put(self._name, f"{FOLDER}/{key}", data, content_type)

    def put_told(self, key: str, data: bytes) -> None:
        """As of :class:`S3Bucket`."""
        told = {"cacheControl": "max-age=7", "metadata": {"origin": "camera"}}
        self._server.put(self._name, f"{FOLDER}/{key}", data, "image/png", **told)

    def keys(self) -> list[str]:
        return self._server.keys(self._name)


class OurBucket:
    """A folder of a bucket of another server of ours."""

    def __init__(self, server: ServerProcess, name: str) -> None:
        self._server, self._name = server, f"{name}-1250000000"
        assert server.request("PUT", f"/{self._name}", b"").status == 200
        self.place: dict[str, object] = {
            "url": f"cos://{self._name}/{FOLDER}",
            "endpoint": f"http://127.0.0.1:{server.port}",
        }

    def put(self, key: str, data: bytes, content_type: str = "image/png", **headers: str) -> None:
        target = quote(f"/{self._name}/{FOLDER}/{key}")
        told = {"Content-Type": content_type, **headers}
        assert self._server.request("PUT", target, data, told).status == 200

    def put_told(self, key: str, data: bytes) -> None:
        """As of :class:`S3Bucket`."""
        self.put(key, data, **{"Cache-Control": "max-age=7", "x-cos-meta-origin": "camera"})

    def keys(self) -> list[str]:
        listed = self._server.request("GET", f"/{self._name}?max-keys=1000").body.decode()
        return sorted(re.findall("<Key>(.*?)</Key>", listed))


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A PNG photo, 768x512."""
    return (Path(openmogr.demo.__file__).parent / openmogr.demo.KEY).read_bytes()


@pytest.fixture(scope="session", autouse=True)
def keys_for_all(keys_in_the_environment: None) -> None:
    """Of the store, for servers that tests start."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = any(mark.args[0] == "store" for mark in metafunc.definition.iter_markers("parametrize"))
    if "store" in metafunc.fixturenames and not chosen:
        # What clients see of a store is the same of all; two of them are enough for each client.
        more = ["azure", "gcs", "ours"] if metafunc.module.__name__.endswith("test_gateway") else []
        metafunc.parametrize("store", ["folder", "s3", *more], indirect=True, scope="module")


@pytest.fixture(scope="module")
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store of each kind, which the tests of a module have in common."""
    pytest.importorskip("obstore")
    if request.param == "folder":
        return FolderStore(tmp_path_factory.mktemp("folder"))
    name = f"company-photos-{next(_numbers)}"
    if request.param == "azure":
        return AzureContainer(request.getfixturevalue("azurite"), name)
    if request.param == "gcs":
        return GCSBucket(request.getfixturevalue("fake_gcs"), name)
    if request.param == "ours":
        return OurBucket(request.getfixturevalue("ours"), name)
    return S3Bucket(request.getfixturevalue("versitygw"), name)


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
