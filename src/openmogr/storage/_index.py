"""The SQLite index: one thread writes, several read, writes that wait together share a commit."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from openmogr.errors import InternalError
from openmogr.storage.errors import StorageFull

__all__ = ["Index", "StorageUnusable", "Transaction"]

T = TypeVar("T")

_VERSION = 1
_SCHEMA = """
CREATE TABLE buckets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    region TEXT NOT NULL,
    acl TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;
CREATE TABLE documents (
    bucket INTEGER NOT NULL REFERENCES buckets ON DELETE CASCADE,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (bucket, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE segments (
    content INTEGER NOT NULL,
    position INTEGER NOT NULL,
    blob TEXT NOT NULL,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL,
    PRIMARY KEY (content, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX segments_by_blob ON segments (blob);
CREATE TABLE objects (
    bucket INTEGER NOT NULL REFERENCES buckets,
    key BLOB NOT NULL,
    content INTEGER,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    crc64 INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    acl TEXT NOT NULL,
    storage_class TEXT NOT NULL,
    headers TEXT NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE uploads (
    bucket INTEGER NOT NULL REFERENCES buckets,
    key BLOB NOT NULL,
    id TEXT NOT NULL,
    initiated INTEGER NOT NULL,
    acl TEXT NOT NULL,
    storage_class TEXT NOT NULL,
    headers TEXT NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (bucket, key, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE parts (
    upload TEXT NOT NULL,
    number INTEGER NOT NULL,
    content INTEGER,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    crc64 INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;
"""


class StorageUnusable(Exception):
    """The data folder cannot be used; the text says why, in words for the operator."""


@dataclass(slots=True)
class Transaction:
    """One write's view of the writing connection, and what its commit means for blobs."""

    connection: sqlite3.Connection
    kept: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)

    def keep(self, blobs: Iterable[str]) -> None:
        """The index has come to refer to blobs, even if it let go of them earlier in this change."""
        self.kept.update(blobs)
        self.dropped.difference_update(blobs)

    def drop(self, blobs: Iterable[str]) -> None:
        """The index refers to blobs no more."""
        self.dropped.update(blobs)
        self.kept.difference_update(blobs)


@dataclass(slots=True)
class _Job(Generic[T]):
    work: Callable[[Transaction], T]
    future: Future[T]
    transaction: Transaction | None = None
    result: T | None = None
    error: BaseException | None = None


class Index:
    """Runs functions against the database.

    Args:
        path: the database's file.
        readers: number of reading threads.
        batch: most writes of one commit.
        committed: called in the writing thread after a commit, per write, in order, with the blobs that the
            index refers to and those it refers to no more.
    """

    def __init__(
        self,
        path: Path,
        readers: int,
        batch: int,
        committed: Callable[[Iterable[str], Iterable[str]], None],
    ) -> None:
        self._path = path
        self._batch = batch
        self._committed = committed
        self._jobs: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self._writer = threading.Thread(target=self._write_loop, name="openmogr-index", daemon=True)
        self._pool = ThreadPoolExecutor(readers, "openmogr-index-read")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    def open(self) -> None:
        """Open or make the database. Raises :class:`StorageUnusable`."""
        try:
            self._connection = self._connect()
            version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version > _VERSION:
                raise StorageUnusable(
                    f"{self._path} was written by a newer OpenMogr"
                    f" (index version {version}, known: {_VERSION})"
                )
            if version == 0:
                self._connection.executescript(
                    f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version = {_VERSION};COMMIT;"
                )
        except sqlite3.Error as error:
            raise StorageUnusable(f"{self._path} cannot be used: {error}") from error
        self._writer.start()

    def close(self) -> None:
        """Finish what is queued and close."""
        if self._writer.is_alive():
            self._jobs.put(None)
            self._writer.join()
        self._pool.shutdown()
        for connection in self._connections:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def write(self, work: Callable[[Transaction], T]) -> Future[T]:
        """Run in the writing thread; the future ends when the change is durable, or rolled back."""
        future: Future[T] = Future()
        # From here on it cannot be cancelled: the caller learns what became of the change, always.
        future.set_running_or_notify_cancel()
        self._jobs.put(_Job(work, future))  # type: ignore[arg-type]  # the job keeps its own T
        return future

    def read(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Run in a reading thread, on one snapshot of the index."""
        return self._pool.submit(self._read, work)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        try:
            return work(connection)
        except sqlite3.Error as error:
            raise _translate(error) from error
        finally:
            connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        self._connections.append(connection)
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "temp_store = MEMORY",
            "cache_size = -16384",
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _write_loop(self) -> None:
        while (first := self._jobs.get()) is not None:
            jobs = [first]
            ended = False
            with contextlib.suppress(Empty):
                while len(jobs) < self._batch and not ended:
                    job = self._jobs.get_nowait()
                    if job is None:
                        ended = True
                    else:
                        jobs.append(job)
            self._write_batch(jobs)
            if ended:
                return

    def _write_batch(self, jobs: list[_Job[object]]) -> None:
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                self._write_one(job)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            for job in jobs:
                job.error = job.error or _translate(error)
        for job in jobs:
            if job.error is None and job.transaction is not None:
                self._committed(job.transaction.kept, job.transaction.dropped)
        for job in jobs:
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)

    def _write_one(self, job: _Job[object]) -> None:
        """Run one write in a savepoint. Raises only if the whole transaction is lost."""
        connection = self._connection
        job.transaction = Transaction(connection)
        connection.execute("SAVEPOINT job")
        try:
            job.result = job.work(job.transaction)
        except Exception as error:
            job.error = _translate(error) if isinstance(error, sqlite3.Error) else error
            if not connection.in_transaction:
                raise sqlite3.OperationalError(f"transaction lost: {error}") from error
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")


def _translate(error: sqlite3.Error) -> StorageFull | InternalError:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return StorageFull(detail=f"{errno.errorcode[errno.ENOSPC]}: {error}")
    return InternalError(detail=f"index: {error}")
