"""Where the work of ``openmogr compress`` is done: in a thread of its own process, or in many processes."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from openmogr.cli.compress.early import started_early
from openmogr.cli.compress.plan import Source as Picture
from openmogr.image import ImageSettings, Pipeline, Result, Source
from openmogr.image.formats.registry import SUFFIXES, TARGETS

__all__ = ["InProcesses", "InThreads", "Maker", "kinds_of", "maker_for"]

Images = Mapping[str, Source]

# Whoever waits for a command can stop it.
_PATIENCE = 30 * 24 * 3600.0


class Maker(Protocol):
    """Makes results of pipelines."""

    async def start(self) -> None:
        """Be ready. Raises ``WorkerError`` if that cannot be."""

    async def make(self, pipeline: Pipeline, source: Source, images: Images) -> Result:
        """The result of a pipeline. Raises ``CosError``."""

    async def close(self) -> None:
        """End all work, also what is under way."""


class InThreads:
    """For one picture, which is done before other processes would have started; and where there is no ``fork``.

    What is under way cannot be stopped, so that threads end with the process and do not hold it up.
    """

    def __init__(self, settings: ImageSettings) -> None:
        from openmogr.image import Processor

        self._processor = Processor(settings)

    async def start(self) -> None:
        """Nothing is needed."""

    async def make(self, pipeline: Pipeline, source: Source, images: Images) -> Result:
        """As ``Processor.execute``."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()

        def finish(result: Result | None, error: BaseException | None) -> None:
            if done.done():
                return
            if result is not None:
                done.set_result(result)
            elif error is not None:
                done.set_exception(error)

        def work() -> None:
            result, failure = None, None
            try:
                result = self._processor.execute(pipeline, source, images)
            except BaseException as error:
                failure = error
            with suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(finish, result, failure)

        threading.Thread(target=work, name="compress", daemon=True).start()
        return await done

    async def close(self) -> None:
        """Nobody waits for what is under way."""


class InProcesses:
    """In the processes of the server's engine: as many as ``jobs``, within its budget of memory.

    A picture that ends its process, or needs more memory than there may be, costs no other.

    Args:
        kinds: the formats that processes should be ready for; None: for whatever comes.
    """

    def __init__(self, settings: ImageSettings, jobs: int, kinds: frozenset[str] | None) -> None:
        from openmogr.engine import Few, ImagePool
        from openmogr.engine.pool import can_import_late

        limits: dict[str, float] = {"workers": jobs, "queue": jobs, "patience": _PATIENCE}
        if "worker_nice" not in settings.model_fields_set:
            # Nobody else is answered meanwhile; whoever wants to step back says nice.
            limits["worker_nice"] = 0
        if "deadline" not in settings.model_fields_set:
            limits["deadline"] = _PATIENCE
        settings = settings.model_copy(update=limits)
        few = None if kinds is None or not can_import_late() else Few(settings, kinds)
        self._pool = ImagePool(settings, few=few, zygote=started_early())

    async def start(self) -> None:
        """Start the processes."""
        await self._pool.start()

    async def make(self, pipeline: Pipeline, source: Source, images: Images) -> Result:
        """As ``ImagePool.execute``."""
        return await self._pool.execute(pipeline, source, images)

    async def close(self) -> None:
        """End the processes, whatever they do."""
        await self._pool.close()


def kinds_of(pictures: Sequence[Picture], pipelines: Sequence[Pipeline]) -> frozenset[str]:
    """The names of the formats of pictures, as far as suffixes tell, and of their outputs."""
    suffixes = {picture.path.suffix.lower() for picture in pictures}
    outputs = {pipeline.encoding.format or "" for pipeline in pipelines}
    return frozenset(
        [SUFFIXES[suffix] for suffix in suffixes if suffix in SUFFIXES]
        + [TARGETS[name].container.name for name in outputs if name in TARGETS]
    )


def maker_for(
    settings: ImageSettings, pictures: int, jobs: int, kinds: frozenset[str] | None = None
) -> Maker:
    """What suits so many pictures, of which ``jobs`` are worked on at a time.

    Args:
        kinds: those of :func:`kinds_of`; None: whatever there is may be needed.
    """
    if pictures < 2 or not hasattr(os, "fork"):
        return InThreads(settings)
    return InProcesses(settings, min(jobs, pictures), kinds)
