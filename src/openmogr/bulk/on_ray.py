"""Batches worked on by a Ray cluster: each is a task of one processor, whose process keeps a pool of one.

Ray places tasks, tries those again whose process or node ended, asks its autoscaler for nodes, and shows all of it on
its dashboard. What holds a picture in is the same as elsewhere: it is decoded in a process below Ray's, with limits of
its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from typing import Any

from openmogr.bulk.errors import BatchLost, BulkError
from openmogr.bulk.model import Batch, BatchDone, Recipe, versions
from openmogr.bulk.work import Runner
from openmogr.installation import how_to_add
from openmogr.workers import WorkerError

__all__ = ["LOCAL", "RayExecutor"]

# The address that stands for a cluster of this machine alone, which ends with the run.
LOCAL = "local"
# Times that a batch is tried again whose process or node ended.
_RETRIES = 8
_LOOK_EVERY = 2.0
_REACH_SECONDS = 10.0


class RayExecutor:
    """Tasks of a Ray cluster.

    Keys of stores are not sent: they are looked for in the environment of the nodes. Folders have to be the same folder
    on every node.

    Args:
        recipe: what is made of what.
        address: of a cluster as ``ray.init`` takes it (``auto``, ``host:port``, ``ray://…``), or ``LOCAL``.
        jobs: processors of a cluster of this machine.

    Raises:
        BulkError: Ray is not installed.
    """

    def __init__(self, recipe: Recipe, address: str, jobs: int) -> None:
        self._recipe = recipe
        self._address = address
        self._jobs = jobs
        self._tasks: set[Any] = set()
        self._slots = jobs
        self._looked = 0.0
        try:
            # What Ray would tell its makers is the business of whoever runs the cluster.
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            import ray
        except ImportError:
            raise BulkError(f"Ray is missing: openmogr[ray] has it: {how_to_add('ray')}") from None
        self._ray = ray

    async def start(self) -> None:
        """Join the cluster, or start one."""
        quiet: dict[str, Any] = {"logging_level": logging.WARNING, "log_to_driver": False}
        try:
            if self._address == LOCAL:
                self._ray.init(num_cpus=self._jobs, include_dashboard=False, **quiet)
            else:
                await _reach(self._address)
                self._ray.init(address=self._address, **quiet)
        except Exception as error:  # whatever Ray raises
            told = " ".join(str(error).split())[:300]
            raise BulkError(f"the Ray cluster at {self._address} cannot be joined: {told}") from error
        self._shared = self._ray.put(self._recipe)
        self._task = self._ray.remote(_work).options(num_cpus=1, max_retries=_RETRIES, name="openmogr bulk")

    @property
    def slots(self) -> int:
        """The processors of the cluster."""
        if (now := time.monotonic()) > self._looked + _LOOK_EVERY:
            self._looked = now
            with contextlib.suppress(Exception):  # it is asked again
                there = self._ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray gives it no types
                self._slots = max(int(there.get("CPU", 1)), 1)
        return self._slots

    async def run(self, batch: Batch) -> BatchDone:
        """What becomes of a batch."""
        exceptions = self._ray.exceptions
        task = self._task.remote(self._shared, batch)
        self._tasks.add(task)
        try:
            done = await task
        except exceptions.RayTaskError as error:
            # Nothing that a picture does comes out of a task.
            raise BulkError(f"a worker cannot work: {_told(error.cause)}") from error
        except exceptions.RayError as error:
            raise BatchLost(_told(error)) from error
        finally:
            self._tasks.discard(task)
        assert isinstance(done, BatchDone)
        return done

    async def stop(self) -> None:
        """Cancel tasks: the next run does their objects."""
        for task in list(self._tasks):
            with contextlib.suppress(Exception):  # ended meanwhile
                self._ray.cancel(task, force=True)

    async def close(self) -> None:
        """Leave the cluster, which ends all tasks of this run."""
        if self._ray.is_initialized():
            self._ray.shutdown()


def _told(error: object) -> str:
    return " ".join(str(error).split())[:400]


async def _reach(address: str) -> None:
    """Raises ``OSError`` where nobody listens, for which Ray would wait for minutes; ``auto`` is Ray's to find."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        async with asyncio.timeout(_REACH_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.close()


class _Here:
    """What a process of Ray keeps between tasks."""

    def __init__(self, recipe: Recipe) -> None:
        found = versions(recipe.settings)
        if recipe.versions != found:
            raise BulkError("this node has other versions of codecs or fonts than the one that began the run")
        self.key = (recipe.key, recipe.source, recipe.target)
        self._loop = asyncio.new_event_loop()
        self._runner = self._loop.run_until_complete(self._start(recipe))

    async def _start(self, recipe: Recipe) -> Runner:
        for last in (False, False, True):
            runner = Runner(recipe, 1, apart=True)
            try:
                await runner.start()
            except WorkerError as error:
                # Somebody may have ended them as they began; what is really wrong is so again.
                if last:
                    raise BulkError(str(error)) from error
                await runner.close()
            else:
                return runner
        raise AssertionError

    def run(self, batch: Batch) -> BatchDone:
        return self._loop.run_until_complete(self._runner.run(batch))

    def close(self) -> None:
        self._loop.run_until_complete(self._runner.close())
        self._loop.close()


_here: _Here | None = None


def _work(recipe: Recipe, batch: Batch) -> BatchDone:
    """The task."""
    global _here
    if _here is not None and _here.key != (recipe.key, recipe.source, recipe.target):
        _here.close()
        _here = None
    if _here is None:
        _here = _Here(recipe)
    return _here.run(batch)
