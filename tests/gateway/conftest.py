"""A real server in front of buckets that exist: a folder, and versitygw, a real S3 server, where it was built."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

import openmogr.demo
from openmogr.testing import ServerProcess
from tests.versitygw import BUILT, KEY, SECRET, VersityGW, keys_in_the_environment, versitygw

__all__ = ["BUILT", "KEY", "SECRET", "VersityGW", "keys_in_the_environment", "versitygw"]

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
def keys_for_all(keys_in_the_environment: None) -> None:
    """Of the store, for servers that tests start."""


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
