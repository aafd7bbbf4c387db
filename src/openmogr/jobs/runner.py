"""Does the jobs of a store."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from openmogr.database import DatabaseUnavailable
from openmogr.errors import CosError, InternalError, SlowDown
from openmogr.jobs.model import Job, Outcome

if TYPE_CHECKING:
    from openmogr.jobs.store import JobStore

__all__ = ["JobRunner", "Told", "Worker"]

_log = logging.getLogger("openmogr.jobs")

# Does one job, and says how it ended. ``SlowDown``: it is to be done later.
Worker: TypeAlias = Callable[[Job], Awaitable[Outcome]]
# Told of a job that has ended.
Told: TypeAlias = Callable[[Job], Awaitable[None]]

_BUSY_SECONDS = 1.0
_FORGET_SECONDS = 600.0
# How often to look for jobs that nobody announced, where that may have got lost between nodes.
_LOOK_SECONDS = 5.0
# Of a lease, how often it is renewed, and when a job is let go whose lease could not be: before others may take it.
_RENEWED = 0.25
_LAST = 0.8


@dataclass(slots=True)
class _Held:
    """A job that is being done; ``since`` is when its lease was asked for, by the clock of this process."""

    task: asyncio.Task[Outcome]
    since: float


class JobRunner:
    """Claims and does jobs until it is closed.

    Args:
        store: open.
        work: does one.
        told: is told of each that has ended.
        concurrency: jobs at the same time.
        keep: seconds until a job that has ended is forgotten.
    """

    def __init__(self, store: JobStore, work: Worker, told: Told, *, concurrency: int, keep: float) -> None:
        self._store = store
        self._work = work
        self._told = told
        self._concurrency = concurrency
        self._keep = keep
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._held: dict[str, _Held] = {}

    def start(self) -> None:
        """Begin, with what is there."""
        self._store.listen(self._wake.set)
        self._tasks = [asyncio.create_task(self._do_jobs()) for _ in range(self._concurrency)]
        for loop in (self._renew_leases, self._let_go, self._give_back_jobs, self._forget_jobs):
            self._tasks.append(asyncio.create_task(loop()))

    def announce(self) -> None:
        """There is something new to do."""
        self._wake.set()

    async def close(self) -> None:
        """Stop. What is being done is given up, and done anew by another node or after the next start."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def _do_jobs(self) -> None:
        while True:
            # Before looking: what is announced meanwhile is not overlooked.
            self._wake.clear()
            asked = time.monotonic()
            try:
                job = await self._store.claim()
            except DatabaseUnavailable as error:
                _log.warning("jobs cannot be read: %s", error.detail)
                job = None
                await asyncio.sleep(_BUSY_SECONDS)
            if job is not None:
                # There may be more, for whoever is idle.
                self._wake.set()
                await self._do(job, asked)
                continue
            # Not wait_for, which in Python 3.11 forgets to be cancelled when it is woken at the same time.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._wake.wait()

    async def _do(self, job: Job, asked: float) -> None:
        held = self._held[job.id] = _Held(asyncio.create_task(self._outcome(job)), asked)
        try:
            outcome = await asyncio.shield(held.task)
        except (SlowDown, DatabaseUnavailable):
            await self._release(job)
            await asyncio.sleep(_BUSY_SECONDS)
            return
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if held.task.cancelled() and not (task is not None and task.cancelling()):
                # It is, or may soon be, another node's.
                return
            held.task.cancel()
            with contextlib.suppress(asyncio.CancelledError, CosError):
                await held.task
            await self._release(job)
            raise
        else:
            await self._finish(job, outcome, held)
        finally:
            self._held.pop(job.id, None)
            self._store.give_up(job.id)

    async def _outcome(self, job: Job) -> Outcome:
        try:
            return await self._work(job)
        except (SlowDown, DatabaseUnavailable):
            raise
        except CosError as error:
            return Outcome(error.code, error.message)
        except Exception:
            _log.exception("job %s failed", job.id)
            return Outcome(InternalError.code, InternalError.default_message)

    async def _release(self, job: Job) -> None:
        try:
            await self._store.release(job.id)
        except DatabaseUnavailable as error:
            _log.warning("job %s waits for its lease to run out: %s", job.id, error.detail)

    async def _finish(self, job: Job, outcome: Outcome, held: _Held) -> None:
        while True:
            try:
                is_ours = await self._store.finish(job.id, outcome)
                ended = await self._store.get(job.bucket, job.id) if is_ours else None
                break
            except DatabaseUnavailable as error:
                # While the lease lasts nobody else does it, and it need not be done again.
                if time.monotonic() > held.since + self._store.lease * _LAST:
                    _log.warning("the end of job %s cannot be written: %s", job.id, error.detail)
                    return
            await asyncio.sleep(_BUSY_SECONDS)
        if ended is not None:
            await self._tell(ended)

    async def _tell(self, ended: Job) -> None:
        try:
            await self._told(ended)
        except Exception:
            _log.exception("the end of job %s could not be told", ended.id)

    async def _renew_leases(self) -> None:
        while True:
            asked, before = time.monotonic(), set(self._held)
            try:
                kept = await self._store.renew()
            except DatabaseUnavailable as error:
                _log.warning("leases of jobs cannot be renewed: %s", error.detail)
            else:
                for identifier in before & set(self._held):
                    if identifier in kept:
                        self._held[identifier].since = max(self._held[identifier].since, asked)
                    else:
                        self._stop(identifier)
            await asyncio.sleep(self._store.lease * _RENEWED)

    async def _let_go(self) -> None:
        """Stop what may soon be another node's, since its lease cannot be renewed."""
        while True:
            last = time.monotonic() - self._store.lease * _LAST
            for identifier in [name for name, held in self._held.items() if held.since < last]:
                self._stop(identifier)
            await asyncio.sleep(self._store.lease * (1 - _LAST) / 4)

    def _stop(self, identifier: str) -> None:
        task = self._held[identifier].task
        # What is done is only being written, which fails where it is another's.
        if not task.done():
            _log.warning("job %s is let go: its lease could not be renewed", identifier)
            self._store.give_up(identifier)
            task.cancel()

    async def _give_back_jobs(self) -> None:
        while True:
            try:
                for failed in await self._store.give_back():
                    await self._tell(failed)
            except DatabaseUnavailable as error:
                _log.warning("jobs of nodes that ended cannot be given back: %s", error.detail)
            await asyncio.sleep(self._store.lease * _RENEWED)

    async def _forget_jobs(self) -> None:
        while True:
            try:
                await self._store.forget(int(time.time() - self._keep))
            except DatabaseUnavailable as error:
                _log.warning("old jobs cannot be removed: %s", error.detail)
            await asyncio.sleep(_FORGET_SECONDS)
