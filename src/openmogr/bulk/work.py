"""Work on batches, wherever that is: read, have it made by a process that may crash, write."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from dataclasses import replace

from openmogr.bulk.errors import ObjectFailed
from openmogr.bulk.model import Batch, BatchDone, Item, Outcome, Reason, Recipe, Status
from openmogr.bulk.sources import close_source, open_place
from openmogr.bulk.targets import open_target
from openmogr.engine import ImagePool, Request
from openmogr.errors import CosError, InternalError, SlowDown
from openmogr.image import Result, Source
from openmogr.workers import HeldBytes, NeverFits, WorkerError, WorkerTimeout

__all__ = ["Runner"]

# Objects that are read ahead and written behind those that are worked on, for each process.
_AHEAD = 2
_ATTEMPTS = 3
_PAUSE = 0.2
# What pictures under way get when somebody interrupts, in seconds.
_LAST_SECONDS = 2.0
# Nobody waits for an answer: a batch is as long under way as it takes.
_PATIENCE = 30 * 24 * 3600.0


class Runner:
    """Works on batches, several at a time, with a pool of processes.

    What a picture does to its process (a crash, too much memory, too long a time) is told of that picture; one whose
    process ended is tried again, since the system may have ended it for what others did.

    Args:
        recipe: what is made of what.
        processes: that pictures are worked on in.
        apart: this process does nothing else, so that its processor time is the run's.
    """

    def __init__(self, recipe: Recipe, processes: int, *, apart: bool) -> None:
        self._recipe = recipe
        limits: dict[str, object] = {"workers": processes, "patience": _PATIENCE}
        self._settings = recipe.settings.model_copy(update=limits)
        self._pool = ImagePool(self._settings)
        self._source = open_place(recipe.source)
        self._target = open_target(recipe.target)
        self._places = asyncio.Semaphore(processes * (1 + _AHEAD))
        self._further = [Source(data=data, name=name) for name, data in recipe.images.items()]
        self._apart = apart
        self._told = time.process_time()
        self._stopped = False
        self._under_way: set[asyncio.Task[object]] = set()
        self._name = f"{socket.gethostname()}:{os.getpid()}"

    async def start(self) -> None:
        """Start the processes. Raises ``WorkerError``."""
        await self._pool.start()

    async def close(self) -> None:
        """End them, whatever they do."""
        await self._pool.close()

    def stop(self) -> None:
        """Begin with no further object, and give those under way a moment; batches end with what is finished."""
        self._stopped = True
        asyncio.get_running_loop().call_later(_LAST_SECONDS, self._give_up)

    def _give_up(self) -> None:
        for task in list(self._under_way):
            task.cancel()

    async def run(self, batch: Batch) -> BatchDone:
        """What becomes of a batch. Once it is told, what was written outlives a loss of power."""
        found = await asyncio.gather(*(self._in_turn(item) for item in batch.items))
        await self._target.settle()
        outcomes = [outcome for outcome in found if outcome is not None]
        overhead = 0.0
        if self._apart:
            before, self._told = self._told, time.process_time()
            overhead = self._told - before
        return BatchDone(outcomes, overhead, self._name)

    async def _in_turn(self, item: Item) -> Outcome | None:
        async with self._places:
            if self._stopped:
                return None
            task = asyncio.current_task()
            assert task is not None
            self._under_way.add(task)
            try:
                return await self._do(item)
            except asyncio.CancelledError:
                if not self._stopped:
                    raise
                return None
            finally:
                self._under_way.discard(task)

    async def _do(self, item: Item) -> Outcome:
        cpu = 0.0
        for left in reversed(range(_ATTEMPTS)):
            try:
                size, spent = await self._attempt(item)
                return Outcome(item, Status.done, size, cpu + spent)
            except ObjectFailed as error:
                failure = Outcome(item, Status.failed, 0, cpu, error.reason, str(error))
                if not error.transient or self._stopped:
                    return failure
            except CosError as error:
                failure = replace(_failure(item, error), cpu=cpu)
                if not isinstance(error, (InternalError, SlowDown)) or self._stopped:
                    return failure
            except Exception as error:
                return Outcome(
                    item, Status.failed, 0, cpu, "InternalError", f"{type(error).__name__}: {error}"
                )
            if left:
                await asyncio.sleep(_PAUSE * (_ATTEMPTS - left))
        return failure

    async def _attempt(self, item: Item) -> tuple[int, float]:
        """Bytes of the result, and seconds of processor time."""
        if item.size > self._settings.max_input_bytes:
            # Not even read.
            raise ObjectFailed(
                "ImageTooLarge",
                f"it has {item.size} bytes, more than max_input_bytes ({self._settings.max_input_bytes})",
            )
        source = await self._source.read(item)
        try:
            request = Request(
                (self._recipe.pipeline,), False, item.key, anonymous=False, further=tuple(self._recipe.images)
            )
            done = await self._pool.make(request, [source, *self._further])
            result = done.outcome.results[0]
            data = _data(result, done.files[0], source)
        finally:
            close_source(source)
        await self._target.put(item.target, data, result.content_type, replace=item.replace)
        return len(data), done.cpu


def _data(result: Result, file: HeldBytes | None, source: Source) -> bytes:
    if file is not None:
        try:
            return file.read()
        finally:
            file.close()
    return source.read() if result.is_original else result.data


def _failure(item: Item, error: CosError) -> Outcome:
    reason, message, cause = error.code, error.message, error.__cause__
    if isinstance(cause, WorkerTimeout):
        reason = Reason.DEADLINE
    elif isinstance(cause, NeverFits):
        reason = Reason.MEMORY
    elif isinstance(cause, WorkerError) and isinstance(error, InternalError):
        reason, message = Reason.WORKER, f"{message} {cause}"
    elif isinstance(error, SlowDown):
        reason, message = Reason.MEMORY, f"there is not enough memory for it: {error.detail}"
    elif isinstance(error, InternalError):
        message = f"{message} {error.detail}".strip()
    return Outcome(item, Status.failed, 0, 0.0, reason, message)
