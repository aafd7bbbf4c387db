"""Image work off the event loop: in worker processes, within a budget of memory, for a bounded time."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import sysconfig
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

from openmogr.engine.worker import Request, pack_request, unpack_answer
from openmogr.errors import CosError, ImageResolutionExceed, InternalError, SlowDown
from openmogr.image import ImageInfo, ImageSettings, Outcome, Pipeline, Result, Source
from openmogr.image.formats.registry import CONTAINERS
from openmogr.workers import (
    Admission,
    Busy,
    NeverFits,
    WorkerError,
    WorkerLimits,
    WorkerPool,
    WorkerTimeout,
)
from openmogr.workers.protocol import spool_file

__all__ = ["ImagePool"]

Further: TypeAlias = Mapping[str, Source]
_NONE: Further = {}

# As docs/spec/api/errors.md#5 numbers them: too much at a time, too large for this server, our own fault.
_BUSY, _TOO_LARGE, _FAULT = -164, -447, -901


class ImagePool:
    """Runs :class:`openmogr.image.Processor` in processes.

    ``settings.workers`` bounds what runs and ``settings.memory`` what it needs; ``settings.queue`` and
    ``settings.patience`` bound what waits, and how long.

    Args:
        settings: of image processing.
        spool: folder for results on their way that are not small; None: the system's.
        task: what workers run.
    """

    def __init__(
        self, settings: ImageSettings, spool: Path | None = None, task: str = "openmogr.engine.worker:make"
    ) -> None:
        self.settings = settings
        limits = WorkerLimits(
            count=settings.workers,
            # An estimate that is too low costs the job, not the machine.
            memory=settings.memory,
            max_jobs=settings.worker_jobs,
            max_growth=settings.worker_growth,
            readable=(*readable_folders(), *_existing(settings.fonts)),
        )
        self.workers = WorkerPool(task, settings, limits, None if spool is None else str(spool))
        self.places = Admission(settings.workers, 0, settings.patience, settings.queue)
        # All who ask have a place, so none of them is turned away for their number.
        self.memory = Admission(settings.workers, settings.memory, settings.patience, settings.workers)

    async def start(self) -> None:
        """Start the workers. Raises ``WorkerError`` if they cannot."""
        await self.workers.start()

    async def close(self) -> None:
        """End the workers, whatever they do."""
        await self.workers.close()

    async def execute(
        self, pipeline: Pipeline, source: Source, further: Further = _NONE, *, is_owner: bool = True
    ) -> Result:
        """The result of one pipeline; arguments and errors as of :meth:`run`."""
        return (await self.run((pipeline,), source, further, is_owner=is_owner)).results[0]

    async def image_info(self, source: Source, *, is_owner: bool = True) -> ImageInfo:
        """What a source is; raises as :meth:`run`."""
        info = (await self.run((), source, info=True, is_owner=is_owner)).info
        assert info is not None
        return info

    async def run(
        self,
        pipelines: Sequence[Pipeline],
        source: Source,
        further: Further = _NONE,
        *,
        info: bool = False,
        is_owner: bool = True,
    ) -> Outcome:
        """The results of all pipelines over one source, by one worker, which decodes it once.

        Args:
            pipelines: what to make.
            source: of what.
            further: all images that pipelines read besides, by the names of ``Pipeline.further_sources``.
            info: tell what the source is, too.
            is_owner: by somebody whose key is known; the limits are lower for others.

        Raises:
            SlowDown: there was no worker, or not enough memory, within the patience.
            ImageResolutionExceed: it can never be done within the memory or the time of this server.
            InternalError: the worker ended.
            CosError: what the processor raises.
        """
        names = tuple(further)
        request = pack_request(
            Request(tuple(pipelines), info, source.name, anonymous=not is_owner, further=names)
        )
        since = time.monotonic()
        try:
            async with AsyncExitStack() as held:
                await held.enter_async_context(self.places.admit(0))
                inputs = [await held.enter_async_context(_opened(one)) for one in (source, *further.values())]
                reply = await self.workers.run(
                    request, inputs, seconds=self.settings.deadline, admit=self.memory.admit
                )
            try:
                body = reply.read() if reply.file is None else await asyncio.to_thread(reply.read)
                return unpack_answer(reply.head, body)
            finally:
                reply.close()
        except CosError:
            raise
        except (Busy, NeverFits, WorkerError, ValueError, OSError) as error:
            raise _told(error, self.settings, time.monotonic() - since) from error


def _told(error: Exception, settings: ImageSettings, waited: float) -> CosError:
    if isinstance(error, Busy):
        return SlowDown(
            "Too many pictures are waiting to be processed.", detail=f"after {waited:.1f} s", number=_BUSY
        )
    if isinstance(error, NeverFits):
        return ImageResolutionExceed(
            f"The image needs about {error.cost >> 20} MiB of memory here; {error.budget >> 20} MiB is the limit.",
            number=_TOO_LARGE,
        )
    if isinstance(error, WorkerTimeout):
        return ImageResolutionExceed(
            f"Processing the image takes longer than {settings.deadline:g} s, which is the limit.",
            number=_TOO_LARGE,
        )
    if isinstance(error, WorkerError):
        return InternalError(
            "The image could not be processed: its worker ended.", detail=str(error), number=_FAULT
        )
    return InternalError(detail=f"{type(error).__name__}: {error}", number=_FAULT)


@asynccontextmanager
async def _opened(source: Source) -> AsyncIterator[int]:
    """A descriptor of a source's bytes."""
    if source.path is not None:
        descriptor = os.open(source.path, os.O_RDONLY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
        return
    if source.descriptor is not None:
        yield source.descriptor
        return
    with spool_file(None) as file:
        await asyncio.to_thread(file.write, source.read())
        yield file.fileno()


def readable_folders() -> tuple[str, ...]:
    """Where code and its data lie, which workers may still have to load."""
    places = {sys.prefix, sys.base_prefix, sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"]}
    extras = {container.extra.module_name for container in CONTAINERS.values() if container.extra is not None}
    for name in ("openmogr", "openmogr_pixels", "PIL", "numpy", *extras):
        # Found, not imported: installed in place, they lie elsewhere.
        spec = importlib.util.find_spec(name)
        places.update([] if spec is None else spec.submodule_search_locations or [])
    return _existing(sorted(places))


def _existing(folders: Sequence[str]) -> tuple[str, ...]:
    return tuple(folder for folder in folders if Path(folder).is_dir())
