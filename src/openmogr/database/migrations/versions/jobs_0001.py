"""Jobs, their queues and templates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openmogr.database.tables import NAME, NUMBER

revision = "jobs_0001"
down_revision = None
branch_labels = ("jobs",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_jobs()
    _make_queues()


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("id", NAME, nullable=False),
        sa.Column("bucket", NAME, nullable=False),
        sa.Column("queue", NAME, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("started", sa.BigInteger),
        sa.Column("ended", sa.BigInteger),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("message", sa.Text),
        sa.Column("result", sa.Text),
        sa.Column("node", NAME),
        sa.Column("lease", sa.Double),
        sa.UniqueConstraint("id", name="jobs_one_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("jobs_by_bucket", "jobs", ["bucket", "number"])
    waiting, running, over = (
        sa.text("state = 'Submitted'"),
        sa.text("state = 'Running'"),
        sa.text("ended IS NOT NULL"),
    )
    op.create_index(
        "jobs_to_do",
        "jobs",
        [sa.text("level DESC"), "number"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("jobs_leased", "jobs", ["lease"], sqlite_where=running, postgresql_where=running)
    op.create_index("jobs_ended", "jobs", ["ended"], sqlite_where=over, postgresql_where=over)


def _make_queues() -> None:
    op.create_table(
        "queues",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("bucket", NAME, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("callback", sa.Text, nullable=False, server_default=""),
        sa.Column("callback_format", sa.Text, nullable=False, server_default="XML"),
        sa.UniqueConstraint("bucket", name="queues_one_bucket"),
    )
    op.create_table(
        "templates",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("bucket", NAME, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("is_pic_info", sa.Boolean, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
    )
    op.create_index("templates_by_bucket", "templates", ["bucket", "created"])
