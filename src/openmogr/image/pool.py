"""Image work off the event loop, in a bounded number of threads with a bounded queue."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from openmogr.errors import SlowDown
from openmogr.image.language.operations import Pipeline
from openmogr.image.model import ImageInfo, Result, Source
from openmogr.image.processor import Processor
from openmogr.image.settings import ImageSettings

__all__ = ["Outcome", "WorkPool"]

_T = TypeVar("_T")

RATE_CONTROL = "-164"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job gave: the results in the order of its pipelines, and the info if it was wanted."""

    results: Sequence[Result]
    info: ImageInfo | None


class WorkPool:
    """Runs a :class:`Processor` in threads; the codecs release the interpreter's lock.

    ``settings.workers`` bounds what runs, which protects processors and memory; ``settings.queue`` bounds
    what waits, which protects clients from waiting for an answer that comes too late.
    """

    def __init__(self, settings: ImageSettings) -> None:
        self._processor = Processor(settings)
        self._threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="image")
        self._free = threading.BoundedSemaphore(settings.workers + settings.queue)

    async def execute(self, pipeline: Pipeline, source: Source) -> Result:
        """:meth:`Processor.execute` in a worker.

        Raises:
            SlowDown: all workers are busy and the queue is full.
            CosError: what the processor raises.
        """
        return await self._run(lambda: self._processor.execute(pipeline, source))

    async def image_info(self, source: Source) -> ImageInfo:
        """:meth:`Processor.image_info` in a worker; raises as :meth:`execute`."""
        return await self._run(lambda: self._processor.image_info(source))

    async def run(
        self, pipelines: Sequence[Pipeline], source: Source, *, info: bool, signed: bool
    ) -> Outcome:
        """All of ``pipelines`` over one source in a worker; raises as :meth:`execute`.

        Args:
            pipelines: what is wanted of the source.
            source: the picture.
            info: whether :meth:`Processor.image_info` is wanted too.
            signed: whether the owner asks.
        """

        def work() -> Outcome:
            results = [self._processor.execute(pipeline, source) for pipeline in pipelines]
            return Outcome(results, self._processor.image_info(source) if info else None)

        return await self._run(work)

    async def _run(self, work: Callable[[], _T]) -> _T:
        if not self._free.acquire(blocking=False):
            raise SlowDown("too many pictures are waiting to be processed", headers={"X-ErrNo": RATE_CONTROL})
        try:
            future = self._threads.submit(work)
        except BaseException:
            self._free.release()
            raise
        # A caller that goes away cancels what still waits; what runs keeps its place until it ends.
        future.add_done_callback(self._release)
        return await asyncio.wrap_future(future)

    def _release(self, _: Future[_T]) -> None:
        self._free.release()

    def close(self) -> None:
        """Drop what waits and wait for what runs."""
        self._threads.shutdown(wait=True, cancel_futures=True)
