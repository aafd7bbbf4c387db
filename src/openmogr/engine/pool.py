"""Image work off the event loop: in worker processes, within a budget of memory, for a bounded time."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import sysconfig
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from openmogr.engine.crossing import Few, Request, pack_request, unpack_answer
from openmogr.errors import CosError, ImageResolutionExceed, InternalError, SlowDown
from openmogr.image import ImageInfo, ImageSettings, Outcome, Pipeline, Result, Source
from openmogr.image.formats.registry import CONTAINERS
from openmogr.observe import Tell, untraced
from openmogr.workers import (
    Admission,
    Busy,
    HeldBytes,
    NeverFits,
    Reply,
    ReplyLost,
    Spool,
    WorkerError,
    WorkerLimits,
    WorkerPool,
    WorkerTimeout,
    Zygote,
)
from openmogr.workers.protocol import spool_file

__all__ = ["Done", "ImagePool"]

Further: TypeAlias = Mapping[str, Source]
_NONE: Further = {}

# As docs/spec/api/errors.md#5 numbers them: too much at a time, too large for this server, our own fault.
# Longer results stay in the file that their worker wrote: many slow readers of them take no memory.
_IN_ONE_PIECE = 256 * 1024
_BUSY, _TOO_LARGE, _FAULT = -164, -447, -901


@dataclass(frozen=True, slots=True)
class Done:
    """What a worker made.

    Attributes:
        outcome: the results in order, without ``data`` where it is the source's or lies in a file.
        files: the data of long results, None for others; whoever gets them closes them.
        cpu: seconds of processor time that it took the worker.
    """

    outcome: Outcome
    files: Sequence[HeldBytes | None]
    cpu: float = 0.0


class ImagePool:
    """Runs :class:`openmogr.image.Processor` in processes.

    ``settings.workers`` bounds what runs and ``settings.memory`` what it needs; ``settings.queue`` and
    ``settings.patience`` bound what waits, and how long.

    Args:
        settings: of image processing.
        spool: folder for results on their way that are not small; None: the system's.
        task: what workers run.
        span: what waiting and working are traced by.
        few: options of a task that imports by and by, in place of the settings.
        zygote: the processes' first one, if it is started already.
    """

    def __init__(
        self,
        settings: ImageSettings,
        spool: Path | None = None,
        task: str = "openmogr.engine.worker:make",
        span: Callable[[str], AbstractContextManager[Tell]] = untraced,
        few: Few | None = None,
        zygote: Zygote | None = None,
    ) -> None:
        self.settings = settings
        self._spool = spool
        self._span = span
        limits = WorkerLimits(
            count=settings.workers,
            # An estimate that is too low costs the job, not the machine.
            memory=settings.memory,
            max_jobs=settings.worker_jobs,
            max_growth=settings.worker_growth,
            nice=settings.worker_nice,
            readable=(*readable_folders(), *_existing(settings.fonts), *(system_libraries() if few else ())),
        )
        self.workers = WorkerPool(
            task, few or settings, limits, None if spool is None else str(spool), zygote
        )
        self.places = Admission(settings.workers, 0, settings.patience, settings.queue)
        self.spool = Spool(settings.spool_bytes, settings.patience)
        # As many as can have a place or wait for one.
        self._copies = Admission(
            settings.workers + settings.queue, settings.spool_bytes, settings.patience, settings.queue
        )
        # All who ask have a place, so none of them is turned away for their number.
        self.memory = Admission(settings.workers, settings.memory, settings.patience, settings.workers)

    @property
    def folder(self) -> Path | None:
        """For copies of sources that lie elsewhere; None: the system's."""
        return self._spool

    @asynccontextmanager
    async def room(self, size: int) -> AsyncIterator[None]:
        """Hold room for so many bytes of copies of sources, which ``settings.spool_bytes`` bounds.

        Raises:
            SlowDown: there was none within the patience.
        """
        if not size:
            yield
            return
        # A longer one has its place while it is the only one.
        size = min(size, self._copies.budget or size)
        try:
            await self._copies.take(size)
        except Busy as error:
            raise SlowDown(
                "The server is short of space for sources. Please try again.", detail=str(error), number=_BUSY
            ) from error
        try:
            yield
        finally:
            self._copies.give_back(size)

    async def start(self) -> None:
        """Start the workers. Raises ``WorkerError`` if they cannot."""
        if self._spool is not None:
            self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
            await asyncio.to_thread(_remove_copies, self._spool)
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

        Raises: as :meth:`make`.
        """
        request = Request(tuple(pipelines), info, source.name, anonymous=not is_owner, further=tuple(further))
        done = await self.make(request, [source, *further.values()])
        results = []
        for result, file in zip(done.outcome.results, done.files, strict=True):
            if file is not None:
                result = replace(result, data=await asyncio.to_thread(file.read))
                file.close()
            elif result.is_original and source.size <= self.settings.max_input_bytes:
                result = replace(result, data=await asyncio.to_thread(source.read))
            results.append(result)
        return Outcome(results, done.outcome.info)

    async def make(self, request: Request, sources: Sequence[Source]) -> Done:
        """The same, with long results left in files.

        Args:
            request: what to make, and of what.
            sources: the source, and then what ``request.further`` names.

        Raises:
            SourceDamaged: a source has another CRC-64 than the request says.
            SlowDown: there was no worker, or not enough memory, within the patience.
            ImageResolutionExceed: it can never be done within the memory or the time of this server.
            InternalError: the worker ended.
            CosError: what the processor raises.
        """
        since = time.monotonic()
        try:
            with self._span("queue"):
                await self.places.take(0)
            try:
                reply = await self._ask_worker(request, sources)
            finally:
                self.places.give_back(0)
            with reply:
                if reply.file is not None:
                    await self.spool.take(reply.file)
                return _done(reply)
        except CosError:
            raise
        except (Busy, NeverFits, WorkerError, ValueError, OSError) as error:
            raise _told(error, self.settings, time.monotonic() - since) from error

    async def _ask_worker(self, request: Request, sources: Sequence[Source]) -> Reply:
        with ExitStack() as held:
            inputs = [await _opened(source, held) for source in sources]
            with self._span("worker") as tell:
                reply = await self.workers.run(
                    pack_request(request), inputs, seconds=self.settings.deadline, admit=self.memory.admit
                )
                tell({"openmogr.result_bytes": reply.size, "openmogr.peak_bytes": reply.peak})
                return reply


def _done(reply: Reply) -> Done:
    outcome, sizes = unpack_answer(reply.head, reply.size)
    results, files, start = [], [], 0
    for result, size in zip(outcome.results, sizes, strict=True):
        held = None
        if size > _IN_ONE_PIECE:
            held = reply.part(start, size)
        elif size:
            # The worker has just written it: it comes from the page cache.
            result = replace(result, data=reply.read(start, start + size))
        results.append(result)
        files.append(held)
        start += size
    return Done(Outcome(results, outcome.info), files, reply.cpu)


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
    if isinstance(error, ReplyLost):
        return SlowDown(
            "The server is short of space for results. Please try again.", detail=str(error), number=_BUSY
        )
    if isinstance(error, WorkerError):
        return InternalError(
            "The image could not be processed: its worker ended.", detail=str(error), number=_FAULT
        )
    return InternalError(detail=f"{type(error).__name__}: {error}", number=_FAULT)


async def _opened(source: Source, held: ExitStack) -> int:
    """A descriptor of a source's bytes, as long as ``held`` is open."""
    if source.path is not None:
        descriptor = os.open(source.path, os.O_RDONLY)
        held.callback(os.close, descriptor)
        return descriptor
    if source.descriptor is not None:
        return source.descriptor
    file = held.enter_context(spool_file(None))
    await asyncio.to_thread(file.write, source.read())
    return file.fileno()


def _remove_copies(folder: Path) -> None:
    """Remove what a server left that was killed: its data folder is nobody else's."""
    for left in folder.glob("openmogr-*"):
        left.unlink(missing_ok=True)


def readable_folders() -> tuple[str, ...]:
    """Where code and its data lie, which workers may still have to load."""
    places = {sys.prefix, sys.base_prefix, sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"]}
    extras = {container.extra.module_name for container in CONTAINERS.values() if container.extra is not None}
    for name in ("openmogr", "openmogr_pixels", "PIL", "numpy", *extras):
        # Found, not imported: installed in place, they lie elsewhere.
        spec = importlib.util.find_spec(name)
        places.update([] if spec is None else spec.submodule_search_locations or [])
    return _existing(sorted(places))


# Where systems have them that keep to the Filesystem Hierarchy Standard, and the index of them.
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_INDEX = "/etc/ld.so.cache"


def system_libraries() -> tuple[str, ...]:
    """Where the system's shared libraries lie, for workers that import when they are closed in already."""
    return (*_existing(_LIBRARIES), *((_INDEX,) if Path(_INDEX).is_file() else ()))


def can_import_late() -> bool:
    """Whether workers find the libraries of what they import, as far as this process found its own there."""
    try:
        found = {line.split(maxsplit=5)[-1] for line in Path("/proc/self/maps").read_text().splitlines()}
    except OSError:
        return sys.platform != "linux"
    own = [path for path in found if Path(path).name.startswith(("libc.", "ld-"))]
    return bool(own) and all(path.startswith(tuple(f"{place}/" for place in _LIBRARIES)) for path in own)


def _existing(folders: Sequence[str]) -> tuple[str, ...]:
    return tuple(folder for folder in folders if Path(folder).is_dir())
