"""The tables of jobs. What they hold says ``openmogr.jobs.model``."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from openmogr.database.tables import METADATA, NAME, NUMBER

__all__ = ["JOBS", "QUEUES", "TEMPLATES"]

_WAITING, _RUNNING, _OVER = text("state = 'Submitted'"), text("state = 'Running'"), text("ended IS NOT NULL")

JOBS = Table(
    "jobs",
    METADATA,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("id", NAME, nullable=False),
    Column("bucket", NAME, nullable=False),
    Column("queue", NAME, nullable=False),
    Column("state", NAME, nullable=False),
    Column("level", Integer, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created", BigInteger, nullable=False),
    Column("started", BigInteger),
    Column("ended", BigInteger),
    Column("request", Text, nullable=False),
    Column("code", Text),
    Column("message", Text),
    Column("result", Text),
    # Who does it, and until when nobody else may, in seconds since 1970 by the clock of the database.
    Column("node", NAME),
    Column("lease", Double),
    UniqueConstraint("id", name="jobs_one_id"),
    sqlite_autoincrement=True,
)
Index("jobs_by_bucket", JOBS.c.bucket, JOBS.c.number)
Index("jobs_to_do", JOBS.c.level.desc(), JOBS.c.number, sqlite_where=_WAITING, postgresql_where=_WAITING)
Index("jobs_leased", JOBS.c.lease, sqlite_where=_RUNNING, postgresql_where=_RUNNING)
Index("jobs_ended", JOBS.c.ended, sqlite_where=_OVER, postgresql_where=_OVER)

QUEUES = Table(
    "queues",
    METADATA,
    Column("id", NAME, primary_key=True),
    Column("bucket", NAME, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", NAME, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("callback", Text, nullable=False, server_default=""),
    Column("callback_format", Text, nullable=False, server_default="XML"),
    UniqueConstraint("bucket", name="queues_one_bucket"),
)

TEMPLATES = Table(
    "templates",
    METADATA,
    Column("id", NAME, primary_key=True),
    Column("bucket", NAME, nullable=False),
    Column("name", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("is_pic_info", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
Index("templates_by_bucket", TEMPLATES.c.bucket, TEMPLATES.c.created)
