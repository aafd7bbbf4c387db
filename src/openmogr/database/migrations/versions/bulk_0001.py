"""The ledger of bulk runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openmogr.database.tables import NAME, NUMBER

revision = "bulk_0001"
down_revision = None
branch_labels = ("bulk",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "bulk_runs",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("source", NAME, nullable=False),
        sa.Column("target", NAME, nullable=False),
        sa.UniqueConstraint("source", "target", name="bulk_runs_one_place"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "bulk_recipes",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("key", NAME, nullable=False),
        sa.UniqueConstraint("key", name="bulk_recipes_one_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "bulk_objects",
        sa.Column("run", sa.BigInteger, nullable=False),
        sa.Column("source", NAME, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("recipe", sa.BigInteger, nullable=False),
        sa.Column("target", NAME),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("result_size", sa.BigInteger, nullable=False),
        sa.Column("cpu", sa.Double, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("ended", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("run", "source", name="bulk_objects_key"),
        sa.UniqueConstraint("run", "target", name="bulk_objects_one_target"),
        sqlite_with_rowid=False,
    )
