"""Buckets of a store, and what the store does not say of its objects."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openmogr.database.tables import NAME

revision = "storage_0001"
down_revision = None
branch_labels = ("storage",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_buckets()
    _make_facts()
    _make_uploads()
    op.create_table(
        "store_nodes",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("until", sa.Double, nullable=False),
    )


def _make_buckets() -> None:
    op.create_table(
        "store_buckets",
        sa.Column("name", NAME, primary_key=True),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("acl", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "store_documents",
        sa.Column("bucket", NAME, primary_key=True),
        sa.Column("kind", NAME, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def _attributes() -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in ("acl", "storage_class", "headers", "tags")]


def _make_facts() -> None:
    op.create_table(
        "store_facts",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("bucket", NAME, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("odd", sa.Boolean, nullable=False),
        sa.Column("state", sa.Integer, nullable=False),
        sa.Column("node", NAME, nullable=False),
        sa.Column("batch", NAME, nullable=False),
        sa.Column("mark", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("store_etag", sa.Text),
        sa.Column("place", sa.Text),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("crc64", sa.BigInteger),
        sa.Column("modified", sa.BigInteger, nullable=False),
        *_attributes(),
        sa.Column("appends", sa.Integer, nullable=False, server_default="0"),
    )
    unsettled = sa.text("state < 9")
    op.create_index("store_facts_by_key", "store_facts", ["bucket", "key"])
    odd = sa.text("odd")
    op.create_index(
        "store_facts_odd", "store_facts", ["bucket", "key"], sqlite_where=odd, postgresql_where=odd
    )
    op.create_index(
        "store_facts_one_unsettled",
        "store_facts",
        ["bucket", "key"],
        unique=True,
        sqlite_where=unsettled,
        postgresql_where=unsettled,
    )
    op.create_index(
        "store_facts_unsettled",
        "store_facts",
        ["node"],
        sqlite_where=unsettled,
        postgresql_where=unsettled,
    )


def _make_uploads() -> None:
    op.create_table(
        "store_uploads",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("bucket", NAME, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("initiated", sa.BigInteger, nullable=False),
        *_attributes(),
        sa.Column("batch", NAME),
    )
    op.create_index("store_uploads_by_key", "store_uploads", ["bucket", "key", "id"])
    claimed = sa.text("batch IS NOT NULL")
    op.create_index(
        "store_uploads_by_batch",
        "store_uploads",
        ["batch"],
        sqlite_where=claimed,
        postgresql_where=claimed,
    )
    op.create_table(
        "store_parts",
        sa.Column("upload", NAME, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("crc64", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("checksum", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
    )
    op.create_table(
        "store_files",
        sa.Column("place", NAME, primary_key=True),
        sa.Column("node", NAME, nullable=False),
    )
    op.create_index("store_files_by_node", "store_files", ["node"])
