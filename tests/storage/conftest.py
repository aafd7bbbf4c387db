"""Back-ends under test: a further one is added to ``BACKENDS`` and has to pass ``test_conformance_*.py``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import pytest

from openmogr.storage import EmbeddedStorage, Storage
from openmogr.storage.interface import ObjectAttributes, ObjectInfo, Part, Write
from tests.emulators import azurite, google
from tests.ours import ours
from tests.storage.shared import SMALL, AzureStores, GoogleStores, OurStores, S3Stores, SharedStores
from tests.versitygw import keys_in_the_environment, versitygw

__all__ = ["azurite", "google", "keys_in_the_environment", "ours", "versitygw"]

BUCKET = "photos-1250000000"


class Put(Protocol):
    """Stores an object and gives its description."""

    def __call__(
        self, key: str, data: bytes, attributes: ObjectAttributes = ..., bucket: str = ...
    ) -> Awaitable[ObjectInfo]: ...


Get = Callable[[str], Awaitable[bytes]]
PutPart = Callable[[str, str, int, bytes], Awaitable[Part]]
New = Callable[[Path], Storage]


def embedded(folder: Path) -> Storage:
    return EmbeddedStorage(SMALL.model_copy(update={"data": folder / "data"}))


# Not every store with every database: each of both is met, and what a cluster has is.
BACKENDS = (
    "embedded",
    "folder-sqlite",
    "memory-sqlite",
    "s3-postgresql",
    "azure-sqlite",
    "google-sqlite",
    "ours-sqlite",
)
# Thousands of requests each, which say nothing of these that the others do not.
_NOT_OVER_ALL = (
    "test_histories",
    "test_listing_agrees_with_the_model",
    "test_pages_of_uploads_name_each_upload_once",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "new_storage" in metafunc.fixturenames:
        is_short = metafunc.function.__name__ not in _NOT_OVER_ALL
        chosen = [name for name in BACKENDS if is_short or not name.startswith(("azure", "google", "ours"))]
        metafunc.parametrize("new_storage", chosen, indirect=True)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def new_storage(request: pytest.FixtureRequest) -> New:
    """Makes a storage of the back-end in a folder; not started yet."""
    if request.param == "embedded":
        return embedded
    pytest.importorskip("obstore")
    store, _, engine = request.param.partition("-")
    server = request.getfixturevalue("postgresql") if engine == "postgresql" else None
    if store == "s3":
        return S3Stores(server, request.getfixturevalue("versitygw"))
    if store == "azure":
        return AzureStores(server, request.getfixturevalue("azurite"))
    if store == "google":
        return GoogleStores(server, request.getfixturevalue("google"))
    if store == "ours":
        return OurStores(server, request.getfixturevalue("ours"))
    return SharedStores(server, in_memory=store == "memory")


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder without a disk below it, where there is such a thing, for tests that write without end."""
    shared_memory = Path("/dev/shm")
    with TemporaryDirectory(dir=shared_memory if shared_memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
async def storage(new_storage: New, tmp_path: Path) -> AsyncIterator[Storage]:
    """A started storage with one bucket, ``photos-1250000000``."""
    async with new_storage(tmp_path) as opened:
        await opened.create_bucket(BUCKET, region="ap-beijing")
        yield opened


@pytest.fixture
def put(storage: Storage) -> Put:
    async def store(
        key: str, data: bytes, attributes: ObjectAttributes | None = None, bucket: str = BUCKET
    ) -> ObjectInfo:
        async with storage.stage() as staged:
            for start in range(0, len(data), 1000):
                await staged.write(data[start : start + 1000])
            write = Write(bucket, key, staged, attributes or ObjectAttributes())
            return (await storage.commit([write]))[0]

    return store


@pytest.fixture
def get(storage: Storage) -> Get:
    async def fetch(key: str) -> bytes:
        async with await storage.open_object(BUCKET, key) as reader:
            return await reader.read()

    return fetch


@pytest.fixture
def put_part(storage: Storage) -> PutPart:
    async def store(key: str, upload_id: str, number: int, data: bytes) -> Part:
        async with storage.stage() as staged:
            await staged.write(data)
            return await storage.put_part(BUCKET, key, upload_id, number, staged)

    return store
