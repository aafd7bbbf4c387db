"""PostgreSQL by asyncpg: several nodes at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import ColumnElement, Connection, Double, cast, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from openmogr.database.errors import DatabaseUnusable
from openmogr.database.loss import is_loss
from openmogr.database.settings import DatabaseSettings
from openmogr.installation import how_to_add

if TYPE_CHECKING:
    import asyncpg

__all__ = ["PostgreSQL"]

_log = logging.getLogger("openmogr.database")

# Held by the node that changes tables; a number of ours.
_UPGRADE_LOCK = 0x6F70656E6D6F6772
# Seconds that others wait for it, and between two looks whether the connection that listens is still there.
_UPGRADE_SECONDS = 300.0
_LOOK_SECONDS = 15.0
_RETRY_SECONDS = 1.0
# What a server says that is no longer the one that is written to; and what one that was ended says.
_READ_ONLY = "25006"
_OLDEST = 130_000


class PostgreSQL:
    """The engine over a server; the URL is read by asyncpg, nearly as libpq would.

    Args:
        settings: of it.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        self._url = settings.url.get_secret_value()
        self._timeout = settings.timeout
        self._connections = settings.max_connections
        self._engine: AsyncEngine | None = None
        self._listeners: dict[str, list[Callable[[str], None]]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    async def open(self, upgrade: Callable[[Connection], None]) -> None:
        """Connect, and bring the tables to this version. Raises ``DatabaseUnusable``."""
        try:
            import asyncpg
        except ImportError:
            raise DatabaseUnusable(
                f"asyncpg is missing: openmogr[postgres] has it: {how_to_add('postgres')}"
            ) from None
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=self._connections,
            max_overflow=0,
            pool_timeout=self._timeout,
            pool_pre_ping=True,
        )
        try:
            async with self.connected(write=True) as connection:
                await self._upgrade(connection, upgrade)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise DatabaseUnusable(self.in_words(error)) from error
        except Exception as error:
            if not is_loss(error) and not isinstance(error, DBAPIError):
                raise
            raise DatabaseUnusable(self.in_words(error)) from error

    async def _upgrade(self, connection: AsyncConnection, upgrade: Callable[[Connection], None]) -> None:
        version = int((await connection.execute(text("SHOW server_version_num"))).scalar_one())
        if version < _OLDEST:
            raise DatabaseUnusable(f"it is PostgreSQL {version // 10_000}, and 13 is the oldest that will do")
        if (await connection.execute(text("SHOW server_encoding"))).scalar_one() != "UTF8":
            raise DatabaseUnusable("its encoding is not UTF8")
        # Not asked of the server at once, which would hold the answer back for longer than an answer may take.
        locked = select(func.pg_try_advisory_xact_lock(_UPGRADE_LOCK))
        async with asyncio.timeout(_UPGRADE_SECONDS):
            while not (await connection.execute(locked)).scalar_one():  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.1)
        await connection.run_sync(upgrade)

    async def close(self) -> None:
        """Close all connections."""
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
            self._listening = None
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    async def _connect(self) -> asyncpg.Connection[Any]:
        import asyncpg

        async with asyncio.timeout(self._timeout):
            return await asyncpg.connect(
                self._url,
                timeout=self._timeout,
                command_timeout=self._timeout,
                server_settings={"application_name": "openmogr", "client_encoding": "UTF8"},
            )

    @asynccontextmanager
    async def connected(self, *, write: bool) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction, which is committed in the end."""
        assert self._engine is not None
        async with self._engine.connect() as connection:
            try:
                async with connection.begin():
                    yield connection
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) == _READ_ONLY:
                    # Another server has taken over, and the next connection is to find it.
                    await connection.invalidate()
                raise

    def clock(self) -> ColumnElement[float]:
        """The time, as a statement has it."""
        return cast(func.extract("epoch", func.clock_timestamp()), Double)

    async def tell(self, connection: AsyncConnection, channel: str, text: str) -> None:
        """Tell, once the transaction is committed."""
        await connection.execute(select(func.pg_notify(channel, text)))

    def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Be told."""
        self._listeners.setdefault(channel, []).append(heard)
        self._changed.set()
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        import asyncpg

        while True:
            try:
                connection = await self._connect()
                try:
                    await self._hear(connection)
                finally:
                    connection.terminate()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                _log.warning("what other nodes tell is not heard for now: %s", self.in_words(error))
            await asyncio.sleep(_RETRY_SECONDS)

    async def _hear(self, connection: asyncpg.Connection[Any]) -> None:
        known: set[str] = set()
        while True:
            self._changed.clear()
            for channel in set(self._listeners) - known:
                await connection.add_listener(channel, self._heard)
                known.add(channel)
                self._heard(connection, 0, channel, "")
            # Not wait_for, which in Python 3.11 forgets to be cancelled when it is woken at the same time.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._changed.wait()
            await connection.execute("SELECT 1")

    def _heard(self, connection: object, pid: int, channel: str, payload: object) -> None:
        for heard in self._listeners.get(channel, ()):
            try:
                heard(str(payload))
            except Exception:
                _log.exception("what was told on %s was not taken", channel)

    def in_words(self, error: BaseException) -> str:
        """What is wrong, for the log and the operator, in one line and without the password."""
        cause = getattr(error, "orig", None) or error
        if isinstance(cause, TimeoutError):
            return f"it does not answer in {self._timeout:g} s"
        if isinstance(cause, OSError) and cause.errno and not isinstance(cause, socket.gaierror):
            return os.strerror(cause.errno)
        told = " ".join(str(cause).split()) or type(cause).__name__
        # The dialect puts the driver's class before its words.
        told = told.rpartition("'>: ")[2]
        for secret in (_password(self._url), os.environ.get("PGPASSWORD", "")):
            if secret:
                told = told.replace(secret, "***")
        return told[:500]


def _password(url: str) -> str:
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""
