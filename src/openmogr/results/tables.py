"""The table of results that nodes have in common."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table

from openmogr.database.tables import METADATA, NAME

__all__ = ["SHARED_RESULTS"]

# ``used`` in seconds since 1970, to the hour.
SHARED_RESULTS = Table(
    "shared_results",
    METADATA,
    Column("key", NAME, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
)
Index("shared_results_by_used", SHARED_RESULTS.c.used)
