"""Jobs, queues and templates in SQLite, whose one thread makes every change complete before the next begins.

A job is *claimed* before it is done and *finished* after it. What was claimed when the process ended is there to be
claimed again, at most ``MAX_ATTEMPTS`` times, so that a job which ends its server does not do so for ever.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

from openmogr.jobs.errors import NoSuchTemplate, TooManyJobs
from openmogr.jobs.model import (
    Job,
    JobFilter,
    JobPage,
    JobRequest,
    Outcome,
    Queue,
    QueueState,
    State,
    Template,
)

__all__ = ["MAX_ATTEMPTS", "JobStore"]

T = TypeVar("T")

MAX_ATTEMPTS = 3
_VERSION = 1
_SCHEMA = f"""
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    bucket TEXT NOT NULL,
    queue TEXT NOT NULL,
    state TEXT NOT NULL,
    level INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    started INTEGER,
    ended INTEGER,
    request TEXT NOT NULL,
    code TEXT,
    message TEXT,
    result TEXT
) STRICT;
CREATE INDEX jobs_by_bucket ON jobs (bucket, number);
CREATE INDEX jobs_to_do ON jobs (level DESC, number) WHERE state = 'Submitted';
CREATE TABLE queues (
    id TEXT PRIMARY KEY,
    bucket TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    callback TEXT NOT NULL DEFAULT '',
    callback_format TEXT NOT NULL DEFAULT 'XML'
) STRICT;
CREATE TABLE templates (
    id TEXT PRIMARY KEY,
    bucket TEXT NOT NULL,
    name TEXT NOT NULL,
    rule TEXT NOT NULL,
    is_pic_info INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
) STRICT;
CREATE INDEX templates_by_bucket ON templates (bucket, created);
PRAGMA user_version = {_VERSION};
"""
_JOB = "id, bucket, queue, state, request, created, started, ended, code, message, result"
_ONE = f"SELECT {_JOB} FROM jobs WHERE bucket = ? AND id = ?"  # noqa: S608  # constants
_QUEUE = "id, bucket, name, state, created, updated, callback, callback_format"
_TEMPLATE = "id, bucket, name, rule, is_pic_info, created, updated"


def _identifier(kind: str) -> str:
    return kind + secrets.token_hex(17)[1:]


class JobStore:
    """Opens the database on entering, made if missing.

    Args:
        path: of the database.
        max_waiting: most jobs that wait.
    """

    def __init__(self, path: Path, max_waiting: int) -> None:
        self._path = path
        self._max_waiting = max_waiting
        self._thread = ThreadPoolExecutor(1, "openmogr-jobs")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open, and give back what was claimed. Raises ``OSError`` or ``sqlite3.Error``."""
        await self._run(self._open)

    async def close(self) -> None:
        """Close. Closing what is not open is fine."""
        await self._run(self._close)
        self._thread.shutdown()

    async def add(self, bucket: str, queue_id: str, request: JobRequest) -> Job:
        """A new job. Raises ``TooManyJobs``."""
        job = Job(_identifier("c"), bucket, queue_id, State.SUBMITTED, request, int(time.time()))
        return await self._change(lambda db: self._add(db, job))

    async def get(self, bucket: str, identifier: str) -> Job | None:
        """A job of a bucket."""
        rows = await self._rows(_ONE, bucket, identifier)
        return _job(rows[0]) if rows else None

    async def page(self, bucket: str, wanted: JobFilter) -> JobPage:
        """A page of a bucket's jobs."""
        return await self._change(lambda db: _page(db, bucket, wanted))

    async def cancel(self, bucket: str, identifier: str) -> Job | None:
        """End a job that waits; what runs or has ended stays as it is."""
        await self._execute(
            "UPDATE jobs SET state = ?, ended = ? WHERE bucket = ? AND id = ? AND state IN (?, ?)",
            *(State.CANCEL, int(time.time()), bucket, identifier, State.SUBMITTED, State.PAUSE),
        )
        return await self.get(bucket, identifier)

    async def claim(self) -> Job | None:
        """The next job to be done, which runs from now on."""
        return await self._change(_claim)

    async def release(self, identifier: str) -> None:
        """Give a claimed job back, as if it had not been claimed."""
        await self._execute(
            "UPDATE jobs SET state = ?, started = NULL, attempts = attempts - 1 WHERE id = ? AND state = ?",
            *(State.SUBMITTED, identifier, State.RUNNING),
        )

    async def finish(self, identifier: str, outcome: Outcome) -> None:
        """A claimed job has ended."""
        await self._execute(
            "UPDATE jobs SET state = ?, ended = ?, code = ?, message = ?, result = ? WHERE id = ? AND state = ?",
            *(outcome.state, int(time.time()), outcome.code, outcome.message, outcome.result),
            *(identifier, State.RUNNING),
        )

    async def forget(self, before: int) -> int:
        """Remove what ended before a time in seconds; how many there were."""
        return await self._execute("DELETE FROM jobs WHERE ended < ?", before)

    async def waiting(self) -> int:
        """How many jobs wait."""
        rows = await self._rows("SELECT count(*) FROM jobs WHERE state = 'Submitted'")
        return int(str(rows[0][0]))

    async def queue(self, bucket: str) -> Queue:
        """The queue of a bucket, made when it is first asked for."""
        return await self._change(lambda db: _queue(db, bucket))

    async def put_queue(self, queue: Queue) -> Queue:
        """Replace what can be set of a queue: name, state, callback."""
        queue = replace(queue, updated=int(time.time()))
        await self._execute(
            "UPDATE queues SET name = ?, state = ?, updated = ?, callback = ?, callback_format = ? WHERE id = ?",
            *(queue.name, queue.state, queue.updated, queue.callback, queue.callback_format, queue.id),
        )
        return queue

    async def add_template(self, bucket: str, name: str, rule: str, *, is_pic_info: bool) -> Template:
        """A new template."""
        now = int(time.time())
        template = Template(_identifier("t"), bucket, name, rule, is_pic_info, now, now)
        await self._execute(
            f"INSERT INTO templates ({_TEMPLATE}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # constants
            *(template.id, bucket, name, rule, int(is_pic_info), now, now),
        )
        return template

    async def put_template(self, template: Template) -> Template:
        """Replace a template. Raises ``NoSuchTemplate``."""
        template = replace(template, updated=int(time.time()))
        count = await self._execute(
            "UPDATE templates SET name = ?, rule = ?, is_pic_info = ?, updated = ? WHERE bucket = ? AND id = ?",
            *(template.name, template.rule, int(template.is_pic_info), template.updated),
            *(template.bucket, template.id),
        )
        if not count:
            raise NoSuchTemplate
        return template

    async def delete_template(self, bucket: str, identifier: str) -> None:
        """Raises ``NoSuchTemplate``."""
        if not await self._execute("DELETE FROM templates WHERE bucket = ? AND id = ?", bucket, identifier):
            raise NoSuchTemplate

    async def templates(self, bucket: str) -> Sequence[Template]:
        """All templates of a bucket, oldest first."""
        text = f"SELECT {_TEMPLATE} FROM templates WHERE bucket = ? ORDER BY created, id"  # noqa: S608  # constants
        rows = await self._rows(text, bucket)
        return [_template(row) for row in rows]

    async def template(self, bucket: str, identifier: str) -> Template:
        """Raises ``NoSuchTemplate``."""
        for template in await self.templates(bucket):
            if template.id == identifier:
                return template
        raise NoSuchTemplate

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            assert self._connection is not None, "the database is not open"
            with self._connection as connection:
                return work(connection)

        return await self._run(run)

    async def _execute(self, text: str, *values: object) -> int:
        return await self._change(lambda db: db.execute(text, values).rowcount)

    async def _rows(self, text: str, *values: object) -> list[tuple[object, ...]]:
        return await self._change(lambda db: db.execute(text, values).fetchall())

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Callbacks and keys are nobody else's business; SQLite gives its other files the mode of this one.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self._path, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            connection.close()
            raise OSError(f"{self._path.name} is of a newer version")
        if not version:
            connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        with connection:
            connection.execute(
                "UPDATE jobs SET state = 'Failed', ended = ?, code = 'InternalError',"
                " message = 'The server ended while the job ran, several times.'"
                " WHERE state = 'Running' AND attempts >= ?",
                (int(time.time()), MAX_ATTEMPTS),
            )
            connection.execute("UPDATE jobs SET state = 'Submitted', started = NULL WHERE state = 'Running'")
        self._connection = connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _add(self, db: sqlite3.Connection, job: Job) -> Job:
        waiting = db.execute("SELECT count(*) FROM jobs WHERE state = 'Submitted'").fetchone()[0]
        if waiting >= self._max_waiting:
            raise TooManyJobs
        db.execute(
            "INSERT INTO jobs (id, bucket, queue, state, level, created, request) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(job.id, job.bucket, job.queue_id, job.state, job.request.level, job.created),
                json.dumps(asdict(job.request)),
            ),
        )
        return job


def _claim(db: sqlite3.Connection) -> Job | None:
    row = db.execute(
        "SELECT id FROM jobs WHERE state = 'Submitted' AND queue NOT IN"
        " (SELECT id FROM queues WHERE state = 'Paused') ORDER BY level DESC, number LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    db.execute(
        "UPDATE jobs SET state = 'Running', started = ?, attempts = attempts + 1 WHERE id = ?",
        (int(time.time()), row[0]),
    )
    return _job(db.execute(f"SELECT {_JOB} FROM jobs WHERE id = ?", row).fetchone())  # noqa: S608  # constants


def _page(db: sqlite3.Connection, bucket: str, wanted: JobFilter) -> JobPage:
    conditions = ["bucket = ?"]
    values: list[object] = [bucket]

    def where(condition: str, *given: object) -> None:
        conditions.append(condition)
        values.extend(given)

    if wanted.queue_id:
        where("queue = ?", wanted.queue_id)
    if wanted.states:
        where(f"state IN ({', '.join('?' * len(wanted.states))})", *wanted.states)
    if wanted.since is not None:
        where("created >= ?", wanted.since)
    if wanted.until is not None:
        where("created <= ?", wanted.until)
    if wanted.token:
        where("number < ?" if wanted.newest_first else "number > ?", int(wanted.token))
    order = "DESC" if wanted.newest_first else "ASC"
    rows = db.execute(
        f"SELECT {_JOB}, number FROM jobs WHERE {' AND '.join(conditions)}"  # noqa: S608  # constants
        f" ORDER BY number {order} LIMIT ?",
        (*values, wanted.size + 1),
    ).fetchall()
    page = rows[: wanted.size]
    return JobPage([_job(row[:-1]) for row in page], str(page[-1][-1]) if len(rows) > wanted.size else "")


def _queue(db: sqlite3.Connection, bucket: str) -> Queue:
    text = f"SELECT {_QUEUE} FROM queues WHERE bucket = ?"  # noqa: S608  # constants
    row = db.execute(text, (bucket,)).fetchone()
    if row is None:
        now = int(time.time())
        db.execute(
            "INSERT INTO queues (id, bucket, name, state, created, updated) VALUES (?, ?, 'queue-pic-1', ?, ?, ?)",
            (_identifier("p"), bucket, QueueState.ACTIVE, now, now),
        )
        row = db.execute(text, (bucket,)).fetchone()
    identifier, name, title, state, *rest = row
    return Queue(identifier, name, title, QueueState(state), *rest)


def _template(row: Sequence[object]) -> Template:
    identifier, bucket, name, rule, is_pic_info, created, updated = row
    return Template(
        *(str(identifier), str(bucket), str(name), str(rule), bool(is_pic_info)),
        *(int(str(created)), int(str(updated))),
    )


def _job(row: Sequence[object]) -> Job:
    identifier, bucket, queue, state, request, created, started, ended, code, message, result = row
    return Job(
        id=str(identifier),
        bucket=str(bucket),
        queue_id=str(queue),
        state=State(str(state)),
        request=JobRequest(**json.loads(str(request))),
        created=int(str(created)),
        started=None if started is None else int(str(started)),
        ended=None if ended is None else int(str(ended)),
        outcome=None if code is None else Outcome(str(code), str(message or ""), str(result or "")),
    )
