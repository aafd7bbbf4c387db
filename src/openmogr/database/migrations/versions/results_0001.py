"""Which results lie in a store that nodes have in common."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openmogr.database.tables import NAME

revision = "results_0001"
down_revision = None
branch_labels = ("results",)
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "shared_results",
        sa.Column("key", NAME, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
    )
    op.create_index("shared_results_by_used", "shared_results", ["used"])
