"""Storages whose objects lie in a store, for tests: in memory, in a folder, in versitygw (S3), in Azurite (Azure), in
fake-gcs-server (Google), and in another server of ours (COS).
"""

from __future__ import annotations

import asyncio
import itertools
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pydantic import SecretStr
from sqlalchemy import create_engine

from openmogr.database import Database, DatabaseSettings
from openmogr.database.upgrade import upgrade
from openmogr.storage import StorageSettings
from openmogr.storage.interface import Promises
from openmogr.storage.shared import SharedStorage
from openmogr.storage.shared.catalogue import Catalogue
from openmogr.storage.shared.place import Place
from openmogr.storage.stores.settings import StoreBucket
from openmogr.storage.stores.store import Limits
from openmogr.testing import ServerProcess
from openmogr.transfer.unfinished import unfinished_uploads
from tests.emulators import Azurite, Google
from tests.versitygw import VersityGW

if TYPE_CHECKING:
    from tests.databases import PostgreSQLServer

__all__ = ["SMALL", "Alone", "AzureStores", "GoogleStores", "OurStores", "S3Stores", "SharedStores"]

# Small limits, so that buffers fill, parts differ in size and limits are met with little data.
SMALL = StorageSettings(
    chunk_bytes=4096, min_part_bytes=1000, max_object_bytes=100_000, max_buckets=5, io_threads=4
)
_TABLES = "buckets documents facts uploads parts files nodes"
_numbers = itertools.count(1)


class Alone(SharedStorage):
    """A storage with a database of its own."""

    def __init__(
        self, settings: StorageSettings, place: Place, database: Database, promised: Promises | None
    ) -> None:
        super().__init__(settings, place, database)
        self.database = database
        self.place = place
        self._promised = promised

    @property
    def catalogue(self) -> Catalogue:
        return self._catalogue

    async def die(self) -> None:
        """Let go of files, as the end of a process does, and of nothing else."""
        if self._recovery._task is not None:
            self._recovery._task.cancel()
            await asyncio.wait([self._recovery._task])
        self._release()
        await self.database.close()

    @property
    def promises(self) -> Promises:
        return self._promised or super().promises

    async def __aenter__(self) -> Self:
        await self.database.open()
        try:
            return await super().__aenter__()
        except BaseException:
            await self.database.close()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        await self.database.close()


@lru_cache
def _empty_database() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "empty.sqlite3"
        engine = create_engine(f"sqlite:///{file}")
        with engine.begin() as connection:
            upgrade(connection)
        engine.dispose()
        return file.read_bytes()


class SharedStores:
    """Makes storages: those of one folder have the same store and database.

    Args:
        server: of databases; None: SQLite in the folder.
        in_memory: the objects lie in memory, as in S3 but for its wire; else in a folder.
    """

    def __init__(self, server: PostgreSQLServer | None, *, in_memory: bool) -> None:
        self._server = server
        self._in_memory = in_memory
        self._stores: dict[Path, Any] = {}
        self._database: str | None = None

    # Of the examples that the embedded storage is tested with, these take one in so many: each is many requests.
    cost = 10

    def __call__(self, folder: Path, node: str = "data") -> Alone:
        if folder not in self._stores:
            self._stores[folder] = self._new_store(folder)
            self._begin_anew(folder)
        settings = SMALL.model_copy(update={"data": folder / node})
        place = self._place(folder, Limits(10, asyncio.Semaphore(64), settings.chunk_bytes))
        url = "" if self._database is None else self._server.url(self._database)  # type: ignore[union-attr]
        database = Database(DatabaseSettings(url=SecretStr(url)), folder)
        return Alone(settings, place, database, self._promised())

    async def paths(self, storage: Alone) -> list[str]:
        """Everything in the store of a storage."""
        import obstore

        return [item["path"] async for page in obstore.list(storage.place._store) for item in page]

    def _begin_anew(self, folder: Path) -> None:
        """An empty database for an empty store; making its tables takes longer."""
        if self._server is None:
            (folder / "database.sqlite3").write_bytes(_empty_database())
        elif self._database is None:
            self._database = f"store_{next(_numbers)}"
            self._server.sql(f"CREATE DATABASE {self._database}")
        elif self._server.sql("SELECT to_regclass('store_facts')", self._database):
            tables = ", ".join(f"store_{name}" for name in _TABLES.split())
            self._server.sql(f"TRUNCATE {tables}", self._database)

    def _new_store(self, folder: Path) -> Any:
        from obstore.store import MemoryStore

        if self._in_memory:
            return MemoryStore()
        (folder / "store").mkdir()
        return None

    def _place(self, folder: Path, limits: Limits) -> Place:
        url = "s3://memory/prefix" if self._in_memory else (folder / "store").as_uri()
        return Place(StoreBucket(url=url), limits, self._stores[folder])

    def _promised(self) -> Promises | None:
        return None


class S3Stores(SharedStores):
    """The same in versitygw, a folder of a bucket for each."""

    def __init__(self, server: PostgreSQLServer | None, gateway: VersityGW) -> None:
        super().__init__(server, in_memory=False)
        self._gateway = gateway
        self._name = f"stores-{next(_numbers)}"
        gateway.client.create_bucket(Bucket=self._name)

    def _new_store(self, folder: Path) -> Any:
        return f"s3://{self._name}/{next(_numbers)}"

    def _place(self, folder: Path, limits: Limits) -> Place:
        url = self._stores[folder]
        where = StoreBucket(url=url, endpoint=self._gateway.endpoint, region="us-east-1")
        return Place(where, limits, uploads=unfinished_uploads(where))

    def _promised(self) -> Promises | None:
        # It keeps files, which S3 does not.
        return Promises(keeps_opened=False, nests_keys=False)


class AzureStores(SharedStores):
    """The same in Azurite, a folder of a container for each."""

    def __init__(self, server: PostgreSQLServer | None, account: Azurite) -> None:
        super().__init__(server, in_memory=False)
        self._account = account
        self._name = f"stores-{next(_numbers)}"
        account.create_container(self._name)

    def _new_store(self, folder: Path) -> Any:
        return f"az://{self._name}/{next(_numbers)}"

    def _place(self, folder: Path, limits: Limits) -> Place:
        return Place(StoreBucket(url=self._stores[folder], endpoint=self._account.endpoint), limits)


class GoogleStores(SharedStores):
    """The same in fake-gcs-server, a folder of a bucket for each."""

    def __init__(self, server: PostgreSQLServer | None, google: Google) -> None:
        super().__init__(server, in_memory=False)
        self._google = google
        self._name = f"stores-{next(_numbers)}"
        google.create_bucket(self._name)

    def _new_store(self, folder: Path) -> Any:
        return f"gs://{self._name}/{next(_numbers)}"

    def _place(self, folder: Path, limits: Limits) -> Place:
        return Place(StoreBucket(url=self._stores[folder], endpoint=self._google.endpoint), limits)


class OurStores(SharedStores):
    """The same in a bucket of another server of ours, which speaks S3 as COS does; a folder for each."""

    def __init__(self, server: PostgreSQLServer | None, store: ServerProcess) -> None:
        super().__init__(server, in_memory=False)
        self._store = store
        self._name = f"stores-{next(_numbers)}-1250000000"
        assert store.request("PUT", f"/{self._name}", b"").status == 200

    def _new_store(self, folder: Path) -> Any:
        return f"cos://{self._name}/{next(_numbers)}"

    def _place(self, folder: Path, limits: Limits) -> Place:
        where = StoreBucket(url=self._stores[folder], endpoint=f"http://127.0.0.1:{self._store.port}")
        return Place(where, limits, uploads=unfinished_uploads(where))
