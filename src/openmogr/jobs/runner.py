"""Does the jobs of a store."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from openmogr.errors import CosError, InternalError, SlowDown
from openmogr.jobs.model import Job, Outcome
from openmogr.jobs.store import JobStore

__all__ = ["JobRunner", "Told", "Worker"]

_log = logging.getLogger("openmogr.jobs")

# Does one job, and says how it ended. ``SlowDown``: it is to be done later.
Worker: TypeAlias = Callable[[Job], Awaitable[Outcome]]
# Told of a job that has ended.
Told: TypeAlias = Callable[[Job], Awaitable[None]]

_BUSY_SECONDS = 1.0
_FORGET_SECONDS = 600.0
# How often to look for jobs that nobody announced: those of another process.
_LOOK_SECONDS = 30.0


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

    def start(self) -> None:
        """Begin, with what is there."""
        self._tasks = [asyncio.create_task(self._do_jobs()) for _ in range(self._concurrency)]
        self._tasks.append(asyncio.create_task(self._forget_jobs()))

    def announce(self) -> None:
        """There is something new to do."""
        self._wake.set()

    async def close(self) -> None:
        """Stop. What is being done is given up, and done anew after the next start."""
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
            try:
                job = await self._store.claim()
            except sqlite3.Error:
                _log.exception("jobs cannot be read")
                job = None
            if job is not None:
                await self._do(job)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_SECONDS)

    async def _do(self, job: Job) -> None:
        try:
            outcome = await self._work(job)
        except SlowDown:
            await self._store.release(job.id)
            await asyncio.sleep(_BUSY_SECONDS)
            return
        except CosError as error:
            outcome = Outcome(error.code, error.message)
        except asyncio.CancelledError:
            await self._store.release(job.id)
            raise
        except Exception:
            _log.exception("job %s failed", job.id)
            outcome = Outcome(InternalError.code, InternalError.default_message)
        try:
            await self._store.finish(job.id, outcome)
            ended = await self._store.get(job.bucket, job.id)
        except sqlite3.Error:
            _log.exception("the end of job %s cannot be written; it will be done again", job.id)
            return
        if ended is not None:
            try:
                await self._told(ended)
            except Exception:
                _log.exception("the end of job %s could not be told", job.id)

    async def _forget_jobs(self) -> None:
        while True:
            try:
                await self._store.forget(int(time.time() - self._keep))
            except sqlite3.Error:
                _log.exception("old jobs cannot be removed")
            await asyncio.sleep(_FORGET_SECONDS)
