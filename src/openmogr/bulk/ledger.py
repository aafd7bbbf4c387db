"""What runs have done, so that the next one does the rest."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.dialects import postgresql, sqlite

from openmogr.bulk.errors import BulkError
from openmogr.bulk.model import Outcome, Status
from openmogr.bulk.tables import OBJECTS, RECIPES, RUNS
from openmogr.database import Database, DatabaseSettings, DatabaseUnusable

__all__ = ["Ledger", "Record"]


# For so many seconds a lock is waited for: PostgreSQL hears in a moment that a killed run is no more.
_PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Record:
    """What became of a source the last time.

    Attributes:
        same: it was done as this run would do it.
        target: the key of what was made of it, if that is there.
    """

    source: str
    size: int
    version: str
    same: bool
    target: str | None
    status: Status
    reason: str
    message: str

    def holds(self, size: int, version: str) -> bool:
        """Whether this run would do the same once more."""
        return self.same and (self.size, self.version) == (size, version)


class Ledger:
    """Opens the database on entering, in which one run at a time works on one source and target.

    Args:
        url: ``postgresql://…``, or the path of a file of SQLite, which is made if missing.
        source: the place of the sources, as a text.
        target: that of the results.
        recipe: stands for all that results depend on besides their sources.
    """

    def __init__(self, url: str, source: str, target: str, recipe: str) -> None:
        self._file = None if "://" in url else Path(url).absolute()
        text = url if self._file is None else self._file.as_uri().replace("file://", "sqlite://", 1)
        try:
            self._settings = DatabaseSettings(url=SecretStr(text), timeout=60)
        except ValueError as error:
            raise BulkError("--ledger is a file or postgresql://user@host/name") from error
        self._places = (source, target)
        self._recipe_key = recipe
        self._lock: Any = None
        self._run = self._recipe = 0

    async def __aenter__(self) -> Self:
        """Raises ``BulkError``."""
        try:
            if self._settings.shared:
                await self._take_lock()
            self._database = Database(self._settings, Path("/"))
            await self._database.open()
        except (OSError, DatabaseUnusable) as error:
            await self._release_lock()
            raise BulkError(f"the ledger cannot be opened: {error}") from error
        self._insert = postgresql.insert if self._settings.shared else sqlite.insert
        source, target = self._places
        self._run = await self._number(RUNS, source=source, target=target)
        self._recipe = await self._number(RECIPES, key=self._recipe_key)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._database.close()
        await self._release_lock()

    async def look_up(self, sources: Sequence[str]) -> dict[str, Record]:
        """What is known of sources, by their keys."""
        return {record.source: record for record in await self._records(OBJECTS.c.source.in_(sources))}

    async def owners(self, targets: Sequence[str]) -> dict[str, str]:
        """Sources that objects of the target were made of, by the keys of those."""
        found = await self._records(OBJECTS.c.target.in_(targets))
        return {record.target: record.source for record in found if record.target is not None}

    async def release(self, sources: Sequence[str]) -> None:
        """What was made of these sources is to be replaced by what is made of others."""
        async with self._database.changing() as connection:
            chosen = (OBJECTS.c.run == self._run) & OBJECTS.c.source.in_(sources)
            await connection.execute(sa.update(OBJECTS).where(chosen).values(target=None))

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Remember what became of some sources, of all or none of them."""
        if not outcomes:
            return
        rows = [self._row(outcome) for outcome in outcomes]
        statement = self._insert(OBJECTS)
        told: dict[str, Any] = {column.name: statement.excluded[column.name] for column in OBJECTS.c}
        # What an earlier run made stays where this one failed.
        told["target"] = sa.func.coalesce(statement.excluded.target, OBJECTS.c.target)
        statement = statement.on_conflict_do_update(
            index_elements=["run", "source"],
            set_={name: value for name, value in told.items() if name not in ("run", "source")},
        )
        async with self._database.changing() as connection:
            await connection.execute(statement, rows)

    def _row(self, outcome: Outcome) -> dict[str, object]:
        item = outcome.item
        return {
            "run": self._run,
            "source": item.key,
            "size": item.size,
            "version": item.version,
            "recipe": self._recipe,
            "target": item.target if outcome.status is Status.done else None,
            "state": outcome.status.value,
            "result_size": outcome.size,
            "cpu": outcome.cpu,
            "reason": outcome.reason,
            # PostgreSQL takes no NUL.
            "message": outcome.message.replace("\0", "")[:1000],
            "ended": int(time.time()),
        }

    async def _records(self, which: sa.ColumnElement[bool]) -> list[Record]:
        columns = OBJECTS.c
        query = sa.select(
            columns.source,
            columns.size,
            columns.version,
            columns.recipe,
            columns.target,
            columns.state,
            columns.reason,
            columns.message,
        ).where(columns.run == self._run, which)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [
            Record(source, size, version, recipe == self._recipe, target, Status(state), reason, message)
            for source, size, version, recipe, target, state, reason, message in rows
        ]

    async def _number(self, table: sa.Table, **values: str) -> int:
        """The number of a row, which is made if missing."""
        async with self._database.changing() as connection:
            await connection.execute(self._insert(table).values(**values).on_conflict_do_nothing())
            same = [table.c[name] == value for name, value in values.items()]
            return int((await connection.execute(sa.select(table.c.number).where(*same))).scalar_one())

    async def _take_lock(self) -> None:
        """Keep other runs out until this process ends, however it ends. A file of SQLite has one process anyway."""
        import asyncpg

        name = hashlib.sha256("\0".join(self._places).encode("utf-8", "surrogateescape")).digest()
        try:
            self._lock = await asyncpg.connect(self._settings.url.get_secret_value(), timeout=60)
        except (asyncpg.PostgresError, ValueError, TimeoutError) as error:
            raise DatabaseUnusable(f"{self._settings.shown}: {' '.join(str(error).split())[:300]}") from error
        until = time.monotonic() + _PATIENCE
        while not await self._lock.fetchval(
            "SELECT pg_try_advisory_lock($1)", int.from_bytes(name[:8], signed=True)
        ):
            if time.monotonic() > until:
                raise DatabaseUnusable(
                    "another run is at work on this source and target; it has to end first"
                )
            await asyncio.sleep(0.1)

    async def _release_lock(self) -> None:
        if self._lock is not None:
            await self._lock.close()
