"""SQLite: one file, one process."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, event, literal
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from openmogr.database.errors import DatabaseUnusable
from openmogr.reserve import Reserve

__all__ = ["SQLite"]

_WRITES = "openmogr_writes"
_TOLD = "openmogr_told"
# What opening takes on the disk: the table of a journal's pages, and a few of these.
_RESERVE_BYTES = 128 * 1024


class SQLite:
    """The engine over a file, made if missing, which is its owner's alone.

    Args:
        path: of the file.
        timeout: seconds in which it has to be free.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._engine: AsyncEngine | None = None
        self._lock = -1
        self._reserve = Reserve(path.with_name(path.name + "-reserve"), _RESERVE_BYTES)
        # SQLite has one writer, which others would wait for asleep, in steps.
        self._turn = asyncio.Lock()
        self._listeners: dict[str, list[Callable[[str], None]]] = {}

    async def open(self, upgrade: Callable[[Connection], None]) -> None:
        """Open, and bring the tables to this version. Raises ``DatabaseUnusable``."""
        try:
            self._claim()
            try:
                await self._open(upgrade)
            except DBAPIError:
                # The disk may be full, and is to be emptied by this server.
                if not self._reserve.release():
                    raise
                await self._open(upgrade)
        except (OSError, DBAPIError) as error:
            raise DatabaseUnusable(self.in_words(error)) from error
        self._reserve.make()

    async def _open(self, upgrade: Callable[[Connection], None]) -> None:
        if self._engine is not None:
            await self._engine.dispose()
        engine = create_async_engine(
            URL.create("sqlite+aiosqlite", database=str(self._path)),
            connect_args={"timeout": self._timeout},
            pool_timeout=self._timeout,
        )
        self._engine = engine
        event.listen(engine.sync_engine, "connect", _prepare)
        event.listen(engine.sync_engine, "begin", _begin)
        async with self.connected(write=True) as connection:
            await connection.run_sync(upgrade)

    async def close(self) -> None:
        """Close, and let others have it."""
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None
            self._reserve.make()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _claim(self) -> None:
        """Keep other processes out: what one has begun the next one to open takes for given up."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        mode = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        # Callbacks and keys are nobody else's business; SQLite gives its other files the mode of this one.
        os.close(os.open(self._path, mode, 0o600))
        self._lock = os.open(self._path.with_name(self._path.name + "-lock"), mode, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatabaseUnusable("it is in use by another OpenMogr process") from None

    @asynccontextmanager
    async def connected(self, *, write: bool) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction, which is committed in the end where it writes."""
        assert self._engine is not None
        told: list[tuple[str, str]] = []
        async with self._turn if write else contextlib.nullcontext(), self._engine.connect() as connection:
            await connection.execution_options(**{_WRITES: write})
            async with connection.begin():
                assert connection.sync_connection is not None
                connection.sync_connection.info[_TOLD] = told
                yield connection
        for channel, text in told:
            for heard in self._listeners.get(channel, ()):
                heard(text)

    def clock(self) -> ColumnElement[float]:
        """The time, as a statement has it."""
        return literal(time.time())

    async def tell(self, connection: AsyncConnection, channel: str, text: str) -> None:
        """Tell, once the transaction is committed."""
        assert connection.sync_connection is not None
        connection.sync_connection.info[_TOLD].append((channel, text))

    def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Be told."""
        self._listeners.setdefault(channel, []).append(heard)

    def in_words(self, error: BaseException) -> str:
        """What is wrong, for the log."""
        if isinstance(error, OSError):
            return os.strerror(error.errno) if error.errno else str(error)
        return str(getattr(error, "orig", None) or error)


def _prepare(connection: Any, record: object) -> None:
    # Transactions begin where ``_begin`` says so, and hold changes of tables too.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
