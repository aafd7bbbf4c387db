"""The ledger: what was made of which source. ``openmogr/database/__init__.py`` says how tables come to be."""

from __future__ import annotations

import sqlalchemy as sa

from openmogr.database.tables import METADATA, NAME, NUMBER

__all__ = ["OBJECTS", "RECIPES", "RUNS"]

# A source and a target; all runs of one command are one run.
RUNS = sa.Table(
    "bulk_runs",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("source", NAME, nullable=False),
    sa.Column("target", NAME, nullable=False),
    sa.UniqueConstraint("source", "target", name="bulk_runs_one_place"),
    sqlite_autoincrement=True,
)

# What results depend on besides their sources: operation, settings, versions of codecs, the rule of keys.
RECIPES = sa.Table(
    "bulk_recipes",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("key", NAME, nullable=False),
    sa.UniqueConstraint("key", name="bulk_recipes_one_key"),
    sqlite_autoincrement=True,
)

# ``target`` is the key of what a run made of the source and nobody else has taken over; None: nothing is there.
OBJECTS = sa.Table(
    "bulk_objects",
    METADATA,
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
    # Rows lie in the order of keys, which most listings have.
    sqlite_with_rowid=False,
)
