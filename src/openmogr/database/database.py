"""The database as rooms see it, whichever engine it is."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from openmogr.database.errors import DatabaseUnavailable, DatabaseUnusable
from openmogr.database.settings import DatabaseSettings

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.dialects import postgresql as postgresql_dialect
    from sqlalchemy.dialects import sqlite as sqlite_dialect
    from sqlalchemy.ext.asyncio import AsyncConnection

    from openmogr.database.postgresql import PostgreSQL
    from openmogr.database.sqlite import SQLite

__all__ = ["Database"]

T = TypeVar("T")

# What PostgreSQL ends one of two transactions with that are in each other's way; the whole may be done again.
_CLASHES = frozenset({"40001", "40P01"})
_ATTEMPTS = 5


class Database:
    """One database; opened once, and used by all rooms of a process.

    Args:
        settings: which, and how long it is waited for.
        data: the data folder, made if missing where SQLite lies in it.
    """

    def __init__(self, settings: DatabaseSettings, data: Path) -> None:
        self._settings = settings
        self._data = data
        self._engine: SQLite | PostgreSQL | None = None
        # Of SQLite, which one process has; there are few names.
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def is_shared(self) -> bool:
        """Whether other nodes may be at work in it too."""
        return self._settings.shared

    @property
    def shown(self) -> str:
        """Where it is, for the operator; without a password."""
        return self._settings.shown if self.is_shared else str(self._settings.place(self._data))

    @property
    def is_open(self) -> bool:
        """Whether it may be used."""
        return self._engine is not None

    async def open(self) -> None:
        """Connect, and bring the tables to this version; of several nodes one does, and the others wait for it.

        Raises:
            DatabaseUnusable: it cannot be reached, is in use by another process (SQLite), or of a newer version.
        """
        # It tells its every step at the level of what an operator is to read, from its import on.
        logging.getLogger("alembic").setLevel(logging.WARNING)
        from openmogr.database.upgrade import upgrade

        assert self._engine is None, "it is open"
        engine = self._made()
        try:
            await engine.open(upgrade)
        except DatabaseUnusable as error:
            await engine.close()
            raise DatabaseUnusable(f"the database {self.shown} cannot be used: {error}") from error
        except BaseException:
            await engine.close()
            raise
        self._engine = engine

    async def close(self) -> None:
        """Close. Closing what is not open is fine."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()

    async def __aenter__(self) -> Database:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _made(self) -> SQLite | PostgreSQL:
        if self.is_shared:
            from openmogr.database.postgresql import PostgreSQL

            return PostgreSQL(self._settings)
        from openmogr.database.sqlite import SQLite

        return SQLite(self._settings.place(self._data), self._settings.timeout)

    @property
    def _opened(self) -> SQLite | PostgreSQL:
        assert self._engine is not None, "the database is not open"
        return self._engine

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read by. Raises ``DatabaseUnavailable``, also while it is used."""
        async with self._connected(write=False) as connection:
            yield connection

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose changes are committed in the end, or on an error not made at all.

        On SQLite one goes after the other, from the beginning on; on PostgreSQL they are READ COMMITTED, and what must
        not change between reading and writing is read ``FOR UPDATE``.

        Raises:
            DatabaseUnavailable: also while it is used, and in the end; then it may have been committed or not.
        """
        async with self._connected(write=True) as connection:
            yield connection

    async def change(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """The outcome of ``work`` in one transaction, which is begun anew where it clashes with another one.

        Raises:
            DatabaseUnavailable: as :meth:`changing`.
        """
        for attempt in range(_ATTEMPTS):
            try:
                async with self.changing() as connection:
                    return await work(connection)
            except DatabaseUnavailable as error:
                state = getattr(getattr(error.__cause__, "orig", None), "sqlstate", None)
                if state not in _CLASHES or attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError

    def clock(self) -> ColumnElement[float]:
        """The time in a statement, in seconds since 1970, by the one clock that all nodes have in common."""
        return self._opened.clock()

    def insert(self, table: Table) -> sqlite_dialect.Insert | postgresql_dialect.Insert:
        """An ``INSERT`` that has ``on_conflict_do_nothing`` and ``on_conflict_do_update``, which both engines know."""
        from sqlalchemy.dialects import postgresql, sqlite

        return postgresql.insert(table) if self.is_shared else sqlite.insert(table)

    async def tell(self, connection: AsyncConnection, channel: str, text: str = "") -> None:
        """Tell all who listen, at this and other nodes, as soon as the transaction of ``connection`` is committed.

        Args:
            connection: by :meth:`changing`.
            channel: lower-case letters and underscores.
            text: short: at most 7900 bytes.
        """
        await self._opened.tell(connection, channel, text)

    def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Call ``heard`` with each text that is told, until the database is closed.

        What was told while a connection was lost is lost, so it is called with an empty text when there is one anew:
        whoever listens looks what there is, and takes texts for hints.
        """
        self._opened.listen(channel, heard)

    @asynccontextmanager
    async def locked(self, name: str) -> AsyncIterator[None]:
        """Meanwhile nobody else has the lock of that name, at whatever node; for what is not all in one transaction.

        It takes a connection for as long as it is held. A process has a lock only once: who asks twice waits for ever.

        Raises:
            DatabaseUnavailable: also where somebody else has it for longer than the timeout.
        """
        if not self.is_shared:
            async with self._locks.setdefault(name, asyncio.Lock()):
                yield
            return
        from sqlalchemy import func, select

        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        async with self.changing() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(number)))
            yield

    async def check(self) -> None:
        """Raises ``DatabaseUnavailable`` while it cannot be used."""
        from sqlalchemy import select

        async with self.reading() as connection:
            await connection.execute(select(1))

    @asynccontextmanager
    async def _connected(self, *, write: bool) -> AsyncIterator[AsyncConnection]:
        from openmogr.database.loss import is_loss

        engine = self._opened
        try:
            async with engine.connected(write=write) as connection:
                yield connection
        except Exception as error:
            if not is_loss(error):
                raise
            raise DatabaseUnavailable(detail=f"{self.shown}: {engine.in_words(error)}") from error
