"""Read by alembic: runs revisions over the connection that ``openmogr.database.upgrade`` has begun a transaction of."""

from __future__ import annotations

from alembic import context

from openmogr.database.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table="openmogr_revisions",
    render_as_batch=True,
    # SQLite can, and its driver is told not to commit in between.
    transactional_ddl=True,
)
context.run_migrations()
