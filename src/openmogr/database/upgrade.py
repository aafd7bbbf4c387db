"""Brings the tables of a database to the version of this program."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, inspect, select, table

from openmogr.database.errors import DatabaseUnusable

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["HEADS", "VERSIONS", "configuration", "upgrade"]

# The table that says which revisions there are.
VERSIONS = "openmogr_revisions"
# The last revision of each line. Where a database has just these, nothing is due, and alembic, whose import takes
# longer than all else of an opening, is not imported.
HEADS = frozenset({"bulk_0001", "jobs_0001", "results_0001", "storage_0001"})
_log = logging.getLogger("openmogr.database")


def configuration() -> Config:
    """Alembic's, whose scripts lie in this package."""
    from alembic.config import Config

    config = Config()
    # A % would begin the name of another option.
    place = str(Path(__file__).parent / "migrations").replace("%", "%%")
    config.set_main_option("script_location", place)
    return config


def upgrade(connection: Connection) -> None:
    """Run all revisions that are due, in the transaction of the connection, which the caller commits.

    Raises:
        DatabaseUnusable: the tables are of a newer version.
    """
    there = _revisions(connection)
    if there != HEADS:
        _run_what_is_due(connection, there)


def _revisions(connection: Connection) -> set[str]:
    """Those that the database has; none where it is new."""
    if not inspect(connection).has_table(VERSIONS):
        return set()
    versions = table(VERSIONS, column("version_num"))
    return set(connection.execute(select(versions.c.version_num)).scalars())


def _run_what_is_due(connection: Connection, there: set[str]) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    config = configuration()
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if newer := sorted(there - known):
        raise DatabaseUnusable(
            f"its tables are of a newer version of OpenMogr (revision {', '.join(newer)}): start that version"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "heads")
    _log.info("the tables of the database are of revisions %s now", ", ".join(sorted(HEADS)))
