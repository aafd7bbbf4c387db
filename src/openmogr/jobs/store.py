"""Jobs, queues and templates in the database, which several nodes may have in common.

A job is *claimed* before it is done and *finished* after it. Who has claimed it has a *lease* on it, which it renews
while it works; a lease that ran out is that of a node which ended, and the job is there to be claimed again, at most
``MAX_ATTEMPTS`` times, so that one which ends its server does not do so for ever. A node that lost its lease can
neither finish nor release the job any more. Leases are told by the clock of the database, which all nodes have in
common.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, Update, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from openmogr.database import Database
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
from openmogr.jobs.tables import JOBS, QUEUES, TEMPLATES

__all__ = ["CHANNEL", "MAX_ATTEMPTS", "JobStore"]

MAX_ATTEMPTS = 3
# Where it is told that there may be something to do.
CHANNEL = "openmogr_jobs"
_GIVEN_UP = Outcome("InternalError", "The server ended while the job ran, several times.")


def _identifier(kind: str) -> str:
    return kind + secrets.token_hex(17)[1:]


class JobStore:
    """Jobs of all nodes that use a database.

    Args:
        database: open before this is.
        max_waiting: most jobs that wait.
        lease: seconds after which a job is anybody's again if its node says nothing.
        before: a database of the version that had one for jobs alone, whose jobs are taken over.

    Attributes:
        lease: as given.
    """

    def __init__(
        self, database: Database, max_waiting: int, *, lease: float = 30.0, before: Path | None = None
    ) -> None:
        self.lease = lease
        self._database = database
        self._max_waiting = max_waiting
        self._before = before
        self._node = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        # Attempts of jobs that this node has claimed: they tell one claim of a job from another.
        self._claimed: dict[str, int] = {}
        self._given_up: list[Job] = []

    @property
    def is_shared(self) -> bool:
        """Whether other nodes may do jobs too."""
        return self._database.is_shared

    async def open(self) -> None:
        """Take over what an earlier version left, and give back what was claimed by nodes that are no more.

        Raises:
            OSError, DatabaseUnavailable, DatabaseUnusable: what they say.
        """
        if self._before is not None and self._before.is_file():
            from openmogr.jobs.before import take_over

            await take_over(self._before, self._database)
        # A file is one process's: whoever claimed before has ended.
        self._given_up += await self._give_back(JOBS.c.state == State.RUNNING if not self.is_shared else None)

    async def close(self) -> None:
        """Nothing is held."""
        self._claimed.clear()

    def listen(self, heard: Any) -> None:
        """Call ``heard`` without arguments when there may be something to do, whichever node it came to."""
        self._database.listen(CHANNEL, lambda _: heard())

    async def add(self, bucket: str, queue_id: str, request: JobRequest) -> Job:
        """A new job. Raises ``TooManyJobs``."""
        job = Job(_identifier("c"), bucket, queue_id, State.SUBMITTED, request, int(time.time()))
        waiting = select(1).where(JOBS.c.state == State.SUBMITTED).limit(self._max_waiting)
        async with self._database.changing() as connection:
            count = await connection.execute(select(func.count()).select_from(waiting.subquery()))
            if count.scalar_one() >= self._max_waiting:
                raise TooManyJobs
            await connection.execute(JOBS.insert().values(**_values(job)))
            await self._database.tell(connection, CHANNEL)
        return job

    async def get(self, bucket: str, identifier: str) -> Job | None:
        """A job of a bucket."""
        wanted = select(JOBS).where(JOBS.c.bucket == bucket, JOBS.c.id == identifier)
        async with self._database.reading() as connection:
            row = (await connection.execute(wanted)).one_or_none()
        return None if row is None else _job(row)

    async def page(self, bucket: str, wanted: JobFilter) -> JobPage:
        """A page of a bucket's jobs."""
        order = JOBS.c.number.desc() if wanted.newest_first else JOBS.c.number
        text = select(JOBS).where(JOBS.c.bucket == bucket, *_conditions(wanted)).order_by(order)
        async with self._database.reading() as connection:
            rows = (await connection.execute(text.limit(wanted.size + 1))).all()
        page = rows[: wanted.size]
        return JobPage([_job(row) for row in page], str(page[-1].number) if len(rows) > wanted.size else "")

    async def cancel(self, bucket: str, identifier: str) -> Job | None:
        """End a job that waits; what runs or has ended stays as it is."""
        ended = (
            update(JOBS)
            .where(JOBS.c.bucket == bucket, JOBS.c.id == identifier)
            .where(JOBS.c.state.in_([State.SUBMITTED, State.PAUSE]))
            .values(state=State.CANCEL, ended=int(time.time()))
        )
        await self._execute(ended)
        return await self.get(bucket, identifier)

    async def claim(self) -> Job | None:
        """The next job to be done, which runs here from now on, and nowhere else while the lease lasts."""
        paused = select(QUEUES.c.id).where(QUEUES.c.state == QueueState.PAUSED)
        first = (
            select(JOBS.c.number)
            .where(JOBS.c.state == State.SUBMITTED, JOBS.c.queue.not_in(paused))
            .order_by(JOBS.c.level.desc(), JOBS.c.number)
            .limit(1)
            # What another node is about to claim is passed by; SQLite has one writer and needs no lock.
            .with_for_update(skip_locked=True, of=JOBS)
        )
        async with self._database.changing() as connection:
            number = (await connection.execute(first)).scalar_one_or_none()
            if number is None:
                return None
            claimed = (
                update(JOBS)
                .where(JOBS.c.number == number)
                .values(state=State.RUNNING, started=int(time.time()), attempts=JOBS.c.attempts + 1)
                .values(node=self._node, lease=self._until())
                .returning(JOBS)
            )
            row = (await connection.execute(claimed)).one()
        self._claimed[row.id] = row.attempts
        return _job(row)

    async def renew(self) -> set[str]:
        """Keep what this node has claimed; the identifiers of what is still its own."""
        if not self._claimed:
            return set()
        mine = [
            (JOBS.c.id == identifier) & self._mine(attempts) for identifier, attempts in self._claimed.items()
        ]
        renewed = update(JOBS).where(or_(*mine)).values(lease=self._until()).returning(JOBS.c.id)
        async with self._database.changing() as connection:
            kept = set((await connection.execute(renewed)).scalars())
        return kept

    async def give_back(self) -> Sequence[Job]:
        """Let be claimed again what nodes claimed that are no more; returns what has failed, tried too often."""
        given_up, self._given_up = self._given_up, []
        return [*given_up, *await self._give_back(None)]

    async def release(self, identifier: str) -> None:
        """Give a claimed job back, as if it had not been claimed."""
        text = update(JOBS).values(state=State.SUBMITTED, started=None, node=None, lease=None)
        await self._let_go(identifier, text.values(attempts=JOBS.c.attempts - 1), tell=True)

    async def finish(self, identifier: str, outcome: Outcome) -> bool:
        """A claimed job has ended; False if the claim was lost meanwhile, and it is another's to finish."""
        return await self._let_go(identifier, update(JOBS).values(**_ended(outcome)))

    def give_up(self, identifier: str) -> None:
        """Claim a job no longer, without a word to the database: the lease runs out by itself."""
        self._claimed.pop(identifier, None)

    async def forget(self, before: int) -> int:
        """Remove what ended before a time in seconds; how many there were."""
        return await self._execute(delete(JOBS).where(JOBS.c.ended < before))

    async def waiting(self) -> int:
        """How many jobs wait."""
        text = select(func.count()).select_from(JOBS).where(JOBS.c.state == State.SUBMITTED)
        async with self._database.reading() as connection:
            return int((await connection.execute(text)).scalar_one())

    async def queue(self, bucket: str) -> Queue:
        """The queue of a bucket, made when it is first asked for."""
        wanted = select(QUEUES).where(QUEUES.c.bucket == bucket)
        async with self._database.reading() as connection:
            row = (await connection.execute(wanted)).one_or_none()
        if row is None:
            now = int(time.time())
            made = {
                "id": _identifier("p"),
                "bucket": bucket,
                "name": "queue-pic-1",
                "state": QueueState.ACTIVE,
            }
            new = self._database.insert(QUEUES).values(**made, created=now, updated=now)
            async with self._database.changing() as connection:
                # Another node may make it at the same time.
                await connection.execute(new.on_conflict_do_nothing())
                row = (await connection.execute(wanted)).one()
        return _queue(row)

    async def put_queue(self, queue: Queue) -> Queue:
        """Replace what can be set of a queue: name, state, callback."""
        queue = replace(queue, updated=int(time.time()))
        names = ("name", "state", "updated", "callback", "callback_format")
        text = update(QUEUES).where(QUEUES.c.id == queue.id)
        await self._execute(text.values({name: getattr(queue, name) for name in names}), tell=True)
        return queue

    async def add_template(self, bucket: str, name: str, rule: str, *, is_pic_info: bool) -> Template:
        """A new template."""
        now = int(time.time())
        template = Template(_identifier("t"), bucket, name, rule, is_pic_info, now, now)
        await self._execute(TEMPLATES.insert().values(**asdict(template)))
        return template

    async def put_template(self, template: Template) -> Template:
        """Replace a template. Raises ``NoSuchTemplate``."""
        template = replace(template, updated=int(time.time()))
        names = ("name", "rule", "is_pic_info", "updated")
        text = update(TEMPLATES).where(TEMPLATES.c.bucket == template.bucket, TEMPLATES.c.id == template.id)
        if not await self._execute(text.values({name: getattr(template, name) for name in names})):
            raise NoSuchTemplate
        return template

    async def delete_template(self, bucket: str, identifier: str) -> None:
        """Raises ``NoSuchTemplate``."""
        text = delete(TEMPLATES).where(TEMPLATES.c.bucket == bucket, TEMPLATES.c.id == identifier)
        if not await self._execute(text):
            raise NoSuchTemplate

    async def templates(self, bucket: str) -> Sequence[Template]:
        """All templates of a bucket, oldest first."""
        text = select(TEMPLATES).where(TEMPLATES.c.bucket == bucket)
        async with self._database.reading() as connection:
            rows = await connection.execute(text.order_by(TEMPLATES.c.created, TEMPLATES.c.id))
            return [Template(**row) for row in rows.mappings()]

    async def template(self, bucket: str, identifier: str) -> Template:
        """Raises ``NoSuchTemplate``."""
        for template in await self.templates(bucket):
            if template.id == identifier:
                return template
        raise NoSuchTemplate

    def _until(self) -> ColumnElement[float]:
        return self._database.clock() + self.lease

    def _mine(self, attempts: int) -> ColumnElement[bool]:
        running = JOBS.c.state == State.RUNNING
        return running & (JOBS.c.node == self._node) & (JOBS.c.attempts == attempts)

    async def _let_go(self, identifier: str, text: Update, *, tell: bool = False) -> bool:
        """Write the end of a claim; whether it was still this node's. The claim is kept if that fails."""
        attempts = self._claimed.get(identifier, -1)
        written = await self._execute(text.where(JOBS.c.id == identifier, self._mine(attempts)), tell=tell)
        self._claimed.pop(identifier, None)
        return bool(written)

    async def _give_back(self, whose: ColumnElement[bool] | None) -> list[Job]:
        """Those of ``whose``, or where the lease ran out."""
        if whose is None:
            lapsed = func.coalesce(JOBS.c.lease, 0.0) < self._database.clock()
            whose = (JOBS.c.state == State.RUNNING) & lapsed
        failed = update(JOBS).where(whose, JOBS.c.attempts >= MAX_ATTEMPTS).values(**_ended(_GIVEN_UP))
        again = update(JOBS).where(whose).values(state=State.SUBMITTED, started=None, node=None, lease=None)

        async def work(connection: AsyncConnection) -> list[Job]:
            rows = (await connection.execute(failed.returning(JOBS))).all()
            if (await connection.execute(again)).rowcount:
                await self._database.tell(connection, CHANNEL)
            return [_job(row) for row in rows]

        return await self._database.change(work)

    async def _execute(self, text: Any, *, tell: bool = False) -> int:
        async with self._database.changing() as connection:
            count = int((await connection.execute(text)).rowcount)
            if tell:
                await self._database.tell(connection, CHANNEL)
        return count


def _ended(outcome: Outcome) -> dict[str, object]:
    return {
        "state": outcome.state,
        "ended": int(time.time()),
        "code": outcome.code,
        # PostgreSQL has no NUL in text.
        "message": outcome.message.replace("\0", "\ufffd"),
        "result": outcome.result.replace("\0", "\ufffd"),
        "node": None,
        "lease": None,
    }


def _conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.queue_id:
        conditions.append(JOBS.c.queue == wanted.queue_id)
    if wanted.states:
        conditions.append(JOBS.c.state.in_(list(wanted.states)))
    if wanted.since is not None:
        conditions.append(JOBS.c.created >= wanted.since)
    if wanted.until is not None:
        conditions.append(JOBS.c.created <= wanted.until)
    if wanted.token:
        number = int(wanted.token)
        conditions.append(JOBS.c.number < number if wanted.newest_first else JOBS.c.number > number)
    return conditions


def _values(job: Job) -> Mapping[str, object]:
    request = json.dumps(asdict(job.request))
    fixed = {"id": job.id, "bucket": job.bucket, "queue": job.queue_id, "state": job.state}
    return {**fixed, "level": job.request.level, "created": job.created, "request": request}


def _queue(row: Row[Any]) -> Queue:
    return Queue(**{**row._mapping, "state": QueueState(row.state)})


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        bucket=row.bucket,
        queue_id=row.queue,
        state=State(row.state),
        request=JobRequest(**json.loads(row.request)),
        created=row.created,
        started=row.started,
        ended=row.ended,
        outcome=None if row.code is None else Outcome(row.code, row.message or "", row.result or ""),
    )
