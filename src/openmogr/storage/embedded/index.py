"""The SQLite index: one thread writes, several read, writes that wait together share a commit."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeVar

from openmogr.errors import CosError, InternalError, is_shortage
from openmogr.reserve import Reserve
from openmogr.storage.embedded.quick import QuickReads
from openmogr.storage.embedded.worker import Threads
from openmogr.storage.errors import StorageBusy, StorageFull, StorageUnusable

__all__ = ["VERSION", "Index", "Transaction"]

T = TypeVar("T")

VERSION = 3
# Seconds to wait for another process that has the index locked.
_BUSY_SECONDS = 5
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
# SQLite cannot open a file, its own journals included, where descriptors have run out.
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM)
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
    appends INTEGER NOT NULL DEFAULT 0,
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
    checksum TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;
"""
# From the version that is their key to the next one.
_MIGRATIONS = {
    1: "ALTER TABLE parts ADD COLUMN checksum TEXT NOT NULL DEFAULT '';",
    2: "ALTER TABLE objects ADD COLUMN appends INTEGER NOT NULL DEFAULT 0;",
}


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


class BlobLedger(Protocol):
    """What the index asks of those who keep the blobs."""

    def sync_names(self, names: Iterable[str]) -> None:
        """Called before a commit that refers to blobs. Raises ``OSError``: then nothing is committed."""

    def settle(self, kept: Iterable[str], dropped: Iterable[str]) -> None:
        """Called after a commit, per write, in order: the blobs it refers to, and those it refers to no more."""


@dataclass(slots=True)
class _Job(Generic[T]):
    work: Callable[[Transaction], T]
    future: Future[T]
    frees: bool
    transaction: Transaction | None = None
    result: T | None = None
    error: BaseException | None = None


class Index:
    """Runs functions against the database.

    Args:
        path: the database's file.
        readers: number of reading threads.
        batch: most writes of one commit.
        blobs: told, in the writing thread, what commits mean for blobs.
        reserve: space for changes that make room, released when the disk is full.
    """

    def __init__(
        self,
        path: Path,
        readers: int,
        batch: int,
        blobs: BlobLedger,
        reserve: Reserve,
    ) -> None:
        self._reserve = reserve
        self._path = path
        self._batch = batch
        self._blobs = blobs
        self._jobs: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self._writer = threading.Thread(target=self._write_loop, name="openmogr-index", daemon=True)
        self._pool = Threads(readers, "openmogr-index-read")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._changes = 0

    @property
    def changes(self) -> int:
        """Odd from before a change can be seen until those who keep blobs know of it, and new after each."""
        return self._changes

    def open(self) -> None:
        """Open or make the database. Raises :class:`StorageUnusable`."""
        try:
            self._create()
            self._connection = self._connect_or_make_room()
            version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise StorageUnusable(
                    f"{self._path} was written by a newer OpenMogr"
                    f" (index version {version}, known: {VERSION})"
                )
            if version != VERSION:
                steps = "".join(_MIGRATIONS[step] for step in range(version, VERSION)) if version else _SCHEMA
                self._connection.executescript(
                    f"BEGIN IMMEDIATE;{steps}PRAGMA user_version = {VERSION};COMMIT;"
                )
            self._quick = QuickReads(self._connect())
        except sqlite3.Error as error:
            full = " (the disk is full)" if _code(error) in _FULL else ""
            raise StorageUnusable(f"{self._path} cannot be used: {error}{full}") from error
        self._reserve.make()
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

    def write(
        self, work: Callable[[Transaction], T], *, frees: bool = False, future: Future[T] | None = None
    ) -> Future[T]:
        """Run in the writing thread; the future ends when the change is durable, or rolled back.

        With ``frees`` the change makes room, and may use the reserve where the disk is full. A ``future`` that
        somebody waits for already is running.
        """
        if future is None:
            future = Future()
            # From here on it cannot be cancelled: the caller learns what became of the change, always.
            future.set_running_or_notify_cancel()
        self._jobs.put(_Job(work, future, frees))  # type: ignore[arg-type]  # the job keeps its own T
        return future

    def read(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Run in a reading thread, on one snapshot of the index."""
        return self._pool.submit(partial(self._read, work))

    def read_here(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a short read in the calling thread, which is always the same.

        Raises:
            NotNow: it would take long; :meth:`read` does it.
        """
        return self._quick.read(work)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._connect()
                connection.execute("PRAGMA query_only = ON")
                self._local.connection = connection
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _translate(error) from error

    def _create(self) -> None:
        """Before SQLite does, for the mode, which its journals take over."""
        # Not where it is there: to close another descriptor of it would drop SQLite's locks.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def _connect_or_make_room(self) -> sqlite3.Connection:
        """Even to open the index takes space, for its journal and the table of its pages."""
        try:
            return self._connect()
        except sqlite3.Error as error:
            if _code(error) not in (*_FULL, sqlite3.SQLITE_CANTOPEN) or not self._reserve.release():
                raise
        return self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
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
        self._changes += 1
        self._attempt(jobs)
        again = [job for job in jobs if job.frees and isinstance(job.error, StorageFull)]
        if again and self._reserve.release():
            for job in again:
                job.error = None
            self._attempt(again)
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        # At once, before anything else takes the space.
        self._reserve.make()
        for job in jobs:
            if job.error is None and job.transaction is not None:
                self._blobs.settle(job.transaction.kept, job.transaction.dropped)
        self._changes += 1
        for job in jobs:
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)

    def _attempt(self, jobs: list[_Job[object]]) -> None:
        """One transaction of several writes; each learns its result or error."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            if len(jobs) == 1:
                self._write_alone(jobs[0])
            elif not self._write_at_once(jobs):
                # A full disk ends the transaction by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
                for job in jobs:
                    self._write_one(job)
            self._blobs.sync_names(
                itertools.chain.from_iterable(
                    job.transaction.kept for job in jobs if job.transaction and not job.error
                )
            )
            connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            for job in jobs:
                job.error = job.error or _translate(error)

    def _write_alone(self, job: _Job[object]) -> None:
        """Run the only write of a transaction, which is lost with it."""
        job.transaction = Transaction(self._connection)
        try:
            job.result = job.work(job.transaction)
        except Exception as error:
            job.error = _translate(error) if isinstance(error, sqlite3.Error) else error
            raise sqlite3.OperationalError(f"nothing to commit: {error}") from error

    def _write_at_once(self, jobs: list[_Job[object]]) -> bool:
        """Run all without savepoints, which cost as much as the writes; False: one failed, so none has happened."""
        for job in jobs:
            job.transaction = Transaction(self._connection)
            try:
                job.result = job.work(job.transaction)
            except Exception:
                # Run again in a savepoint of its own, it says so to who waits for it.
                return False
        return True

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
                if isinstance(error, sqlite3.Error):
                    raise
                raise sqlite3.OperationalError(f"transaction lost: {error}") from error
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")


def _code(error: sqlite3.Error) -> int:
    """SQLite's extended code of an error; 0 for those of Python's module."""
    return int(getattr(error, "sqlite_errorcode", 0))


def _translate(error: sqlite3.Error | OSError) -> CosError:
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StorageFull(detail=f"names of blobs: {error}")
        kind = StorageBusy if is_shortage(error) else InternalError
        return kind(detail=f"names of blobs: {error}")
    code = _code(error)
    if code in _FULL:
        return StorageFull(detail=f"{errno.errorcode[errno.ENOSPC]}: {error}")
    if code & 0xFF in _BUSY:
        return StorageBusy(detail=f"index: {error}")
    return InternalError(detail=f"index: {error}")
