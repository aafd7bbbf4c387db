"""Brings the tables of a database to the version of this program."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from openmogr.database.errors import DatabaseUnusable

__all__ = ["VERSIONS", "configuration", "upgrade"]

# The table that says which revisions there are.
VERSIONS = "openmogr_revisions"
_log = logging.getLogger("openmogr.database")


def configuration() -> Config:
    """Alembic's, whose scripts lie in this package."""
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
    config = configuration()
    script = ScriptDirectory.from_config(config)
    known = {revision.revision for revision in script.walk_revisions()}
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSIONS, "transactional_ddl": True}
    )
    there = set(context.get_current_heads())
    if newer := sorted(there - known):
        raise DatabaseUnusable(
            f"its tables are of a newer version of OpenMogr (revision {', '.join(newer)}): start that version"
        )
    if there == set(script.get_heads()):
        return
    config.attributes["connection"] = connection
    command.upgrade(config, "heads")
    _log.info("the tables of the database are of revisions %s now", ", ".join(sorted(script.get_heads())))
