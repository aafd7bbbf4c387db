"""Takes over the jobs of a version that kept them in a database of SQLite of their own."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import select

from openmogr.database import Database, DatabaseUnusable
from openmogr.jobs.tables import JOBS, QUEUES, TEMPLATES

__all__ = ["take_over"]

_log = logging.getLogger("openmogr.jobs")

_VERSION = 1
_ROWS = 500
# Columns of the tables as they were.
_COLUMNS = {
    "queues": ("id", "bucket", "name", "state", "created", "updated", "callback", "callback_format"),
    "templates": ("id", "bucket", "name", "rule", "is_pic_info", "created", "updated"),
    "jobs": (
        *("id", "bucket", "queue", "state", "level", "attempts", "created", "started", "ended", "request"),
        *("code", "message", "result"),
    ),
}
_ORDER = {"queues": "id", "templates": "created, id", "jobs": "number"}


async def take_over(path: Path, database: Database) -> int:
    """Copy jobs, queues and templates, in one transaction, then name the file otherwise; how many jobs there were.

    What is there already, since a start before ended in between, is not copied again.

    Raises:
        OSError, DatabaseUnusable, DatabaseUnavailable: what they say; the file is as it was.
    """
    try:
        tables = await asyncio.to_thread(_read, path)
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"the jobs in {path} cannot be read: {error}") from error
    if tables is None:
        return 0
    async with database.changing() as connection:
        for table, name in ((QUEUES, "queues"), (TEMPLATES, "templates")):
            for row in tables[name]:
                values = {**row, "is_pic_info": bool(row["is_pic_info"])} if "is_pic_info" in row else row
                await connection.execute(database.insert(table).values(**values).on_conflict_do_nothing())
        # Another node may have made the queue of a bucket already, with another identifier.
        found = await connection.execute(select(QUEUES.c.bucket, QUEUES.c.id))
        queues = {row.bucket: row.id for row in found}
        rows = [{**row, "queue": queues.get(row["bucket"], row["queue"])} for row in tables["jobs"]]
        for start in range(0, len(rows), _ROWS):
            insert = database.insert(JOBS).on_conflict_do_nothing()
            await connection.execute(insert, rows[start : start + _ROWS])
    await asyncio.to_thread(path.replace, path.with_name(path.name + "-taken-over"))
    _log.info("%d jobs of %s were taken over into %s", len(rows), path, database.shown)
    return len(rows)


def _read(path: Path) -> dict[str, list[dict[str, object]]] | None:
    """The rows of all tables; None where there are none."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise DatabaseUnusable(f"the jobs in {path} are of a newer version")
        if not version:
            return None
        tables = {}
        for name, columns in _COLUMNS.items():
            text = f"SELECT {', '.join(columns)} FROM {name} ORDER BY {_ORDER[name]}"  # noqa: S608 - constants
            tables[name] = [dict(zip(columns, row, strict=True)) for row in connection.execute(text)]
        # So that nothing is left beside the file once it is closed.
        connection.execute("PRAGMA journal_mode = DELETE")
        return tables
