"""Results of image work: looked up, joined while they are made, or made; each once (``openmogr.results``)."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Hashable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from pydantic import TypeAdapter, ValidationError

from openmogr.api.coalesce import Coalescer, Flight
from openmogr.api.observing import Observer
from openmogr.api.sources import OpenSource
from openmogr.engine import ImagePool, Request, SourceDamaged
from openmogr.errors import CosError, SlowDown
from openmogr.image import ImageInfo, ImageSettings, Pipeline, Result, Slimming
from openmogr.results import Recent, Remembering, StoreStatistics, result_key
from openmogr.storage import StorageUnusable
from openmogr.workers import HeldBytes

__all__ = ["Made", "Results", "Work", "settings_of_results"]

_log = logging.getLogger("openmogr.api")

# In the place of a pipeline's text, which it can never be.
_IMAGE_INFO = "?ImageInfo"

# Of results in memory: all together, one, and what one takes besides its bytes.
_RECENT_BYTES = 16 * 1024 * 1024
_RECENT_VALUE = 128 * 1024
_RECENT_OVERHEAD = 1024


def settings_of_results(settings: ImageSettings) -> str:
    """All settings of image work that a result may depend on."""
    bounds = {
        *(
            "workers",
            "queue",
            "patience",
            "deadline",
            "memory",
            "spool_bytes",
            "worker_jobs",
            "worker_growth",
            "worker_nice",
            "auto_seconds",
        ),
        *("max_target_pixels", "max_effort", "anonymous_max_target_pixels", "anonymous_max_effort"),
    }
    return settings.model_dump_json(exclude=bounds)


@dataclass(frozen=True)
class _Head:
    """What is kept beside the bytes of a result: all of it that is not its bytes, and when it was made (Unix)."""

    made: int
    result: Result | None = None
    info: ImageInfo | None = None


_HEAD = TypeAdapter(_Head)


@dataclass(frozen=True, slots=True)
class Made:
    """A result, or what is known of an image.

    Attributes:
        result: without its ``data`` where there is a file.
        file: the bytes where they are many; whoever gets it closes it.
        age: seconds since it was made; None if that was for this very request.
    """

    result: Result | None = None
    info: ImageInfo | None = None
    file: HeldBytes | None = None
    size: int = 0
    age: int | None = None

    def share(self) -> Made:
        """The same for somebody else, who closes it too."""
        return self if self.file is None else replace(self, file=self.file.share())


@dataclass(frozen=True, slots=True)
class Work:
    """What a request wants of one source.

    Attributes:
        further: all that pipelines read besides, by the names of ``Pipeline.further_sources``.
        info: whether what is known of the image is wanted too.
        is_owner: whether the owner asks, who may ask for more.
        remembered: whether results are looked up and kept; those of what is not stored are not.
    """

    source: OpenSource
    pipelines: Sequence[Pipeline]
    further: Mapping[str, OpenSource] = field(default_factory=dict)
    info: bool = False
    is_owner: bool = False
    remembered: bool = True


class Results:
    """Gets results or makes them.

    Args:
        pool: makes them.
        store: remembers them; None: nothing does.
        makers: all that the bytes of a result depend on besides source and pipeline.
        observer: is told what was found.
    """

    def __init__(
        self, pool: ImagePool, store: Remembering | None, makers: Sequence[str], observer: Observer
    ) -> None:
        self._pool = pool
        self._store = store
        self._makers = result_key(*makers)
        self._observer = observer
        self._flights: Coalescer[Made] = Coalescer()
        self._recent: Recent[_Head] = Recent(_RECENT_BYTES, _RECENT_VALUE)
        self._generation = 0

    async def __aenter__(self) -> Self:
        """Raises :class:`StorageUnusable`."""
        if self._store is not None:
            try:
                await self._store.open()
            except OSError as error:
                raise StorageUnusable(f"remembered results cannot be kept: {error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._store is not None:
            await self._store.close()

    @property
    def remembers(self) -> bool:
        """Whether results are kept at all."""
        return self._store is not None

    async def statistics(self) -> StoreStatistics | None:
        """Those of the store."""
        return None if self._store is None else await self._store.statistics()

    def key(
        self, source: OpenSource, pipeline: Pipeline, further: Mapping[str, OpenSource] | None = None
    ) -> str:
        """What a result depends on, as a name: a change of it is another result.

        Args:
            source: what it is made of; its content counts.
            pipeline: how.
            further: all that the pipeline reads besides, by name; their contents count likewise.
        """
        others = [part for name in pipeline.further_sources for part in (further or {})[name].identity]
        return result_key(*source.identity, pipeline.normalised, *others, self._makers)

    async def get(self, work: Work) -> list[Made]:
        """Every result that is wanted, in order, and then the info.

        Raises:
            CosError: what the first failure of the work says; failures are not remembered.
        """
        names = [self.key(work.source, pipeline, work.further) for pipeline in work.pipelines]
        if work.info:
            names.append(result_key(*work.source.identity, _IMAGE_INFO, self._makers))
        found: dict[str, Made] = {}
        try:
            for name in dict.fromkeys(names):
                if work.remembered and self._flights.find((name, work.is_owner)) is None:
                    made = await self._remembered(name)
                    if made is not None:
                        found[name] = made
            missing = [name for name in dict.fromkeys(names) if name not in found]
            if missing:
                found |= await self._fly(work, names, missing)
            return [found[name] for name in names]
        except BaseException:
            for made in found.values():
                if made.file is not None:
                    made.file.close()
            raise

    async def _remembered(self, name: str) -> Made | None:
        if self._store is None:
            return None
        if (generation := self._store.generation) != self._generation:
            self._recent.clear()
            self._generation = generation
        head = self._recent.get(name)
        if head is not None:
            self._store.touch(name)
            self._observer.looked_up("hit")
            return _made(head, None, 0)
        entry = await self._store.get(name)
        if entry is None:
            return None
        try:
            head = _HEAD.validate_json(entry.head)
        except ValidationError as error:
            entry.file.close()
            _log.warning("what was remembered of a result is not understood, so it is made again: %s", error)
            return None
        self._observer.looked_up("hit")
        if entry.size > _RECENT_VALUE:
            return _made(head, HeldBytes(entry.file, 0, entry.size), entry.size)
        with entry.file as file:
            # It has just been read to be checked: it comes from the page cache.
            data = os.pread(file.fileno(), entry.size, 0)
        if head.result is not None:
            head = replace(head, result=replace(head.result, data=data))
        self._recent.put(name, head, entry.size + _RECENT_OVERHEAD)
        return _made(head, None, 0)

    async def _fly(self, work: Work, names: Sequence[str], missing: Sequence[str]) -> dict[str, Made]:
        """Join what is under way, and do the rest."""
        joined = {name: flight for name in missing if (flight := self._flights.find((name, work.is_owner)))}
        own = [name for name in missing if name not in joined]
        found: dict[str, Made] = {}
        if own:
            found |= await self._start(work, names, own)
        again: list[str] = []
        for name, flight in joined.items():
            self._observer.looked_up("joined")
            made = await _joined(flight, (name, work.is_owner))
            if made is None:
                again.append(name)
            else:
                found[name] = made
        if again:
            found |= await self._start(work, names, again)
        return found

    async def _start(self, work: Work, names: Sequence[str], wanted: Sequence[str]) -> dict[str, Made]:
        for _ in wanted:
            self._observer.looked_up("miss")
        keys = [(name, work.is_owner) for name in wanted]
        flight = self._flights.start(keys, lambda: self._make(work, names, wanted))
        values = await flight.wait()
        return {name: values[name, work.is_owner].share() for name in wanted}

    async def _make(self, work: Work, names: Sequence[str], wanted: Sequence[str]) -> Mapping[Hashable, Made]:
        chosen = {
            name: pipeline for name, pipeline in zip(names, work.pipelines, strict=False) if name in wanted
        }
        info_name = names[-1] if work.info and names[-1] in wanted else None
        further = sorted({name for pipeline in chosen.values() for name in pipeline.further_sources})
        sources = [work.source, *(work.further[name] for name in further)]
        try:
            copied = sum([one.to_copy for one in sources])
            async with self._pool.room(copied) if copied else nullcontext():
                opened = [await one.get(self._pool.folder) for one in sources]
                started = time.perf_counter()
                done = await self._pool.make(
                    Request(
                        list(chosen.values()),
                        info_name is not None,
                        opened[0].name,
                        anonymous=not work.is_owner,
                        further=tuple(further),
                        crc64s=tuple(one.crc64_to_check for one in sources),
                    ),
                    opened,
                )
        except SlowDown:
            self._observer.refused("busy")
            raise
        except SourceDamaged as error:
            raise await sources[error.number].damaged() from error
        made = [
            Made(result, file=file, size=len(result.data) if file is None else file.size)
            for result, file in zip(done.outcome.results, done.files, strict=True)
        ]
        sizes = [(item.result.format, item.size) for item in made if item.result is not None]
        self._observer.made(work.source.size, sizes, time.perf_counter() - started)
        values: dict[Hashable, Made] = {}
        for (name, pipeline), item in zip(chosen.items(), made, strict=True):
            values[name, work.is_owner] = item
            kept = item.result is not None and not _may_pass(item.result, pipeline)
            if work.remembered and kept and item.result is not None:
                await self._remember(name, item.result, item.file)
        if info_name is not None:
            values[info_name, work.is_owner] = Made(info=done.outcome.info)
            if work.remembered:
                await self._put(info_name, _Head(int(time.time()), info=done.outcome.info), b"")
        return values

    async def _remember(self, name: str, result: Result, file: HeldBytes | None) -> None:
        # An unchanged source lies in the storage already.
        content = b"" if result.is_original else file or result.data
        await self._put(name, _Head(int(time.time()), replace(result, data=b"")), content)

    async def _put(self, name: str, head: _Head, content: bytes | HeldBytes) -> None:
        if self._store is not None:
            await self._store.put(name, _HEAD.dump_json(head), content)


def _made(head: _Head, file: HeldBytes | None, size: int) -> Made:
    if file is None and head.result is not None:
        size = len(head.result.data)
    return Made(head.result, head.info, file, size, max(0, int(time.time()) - head.made))


def _may_pass(result: Result, pipeline: Pipeline) -> bool:
    """Whether the source stands for a failure that may pass, as far as can be told."""
    # That nothing makes it smaller is none, and to find that out is dear.
    return result.is_original and pipeline.ignore_error and result.slimming is not Slimming.kept


async def _joined(flight: Flight[Made], key: Hashable) -> Made | None:
    """What somebody else's work gives; None where its failure is not certainly that of this key."""
    try:
        return (await flight.wait())[key].share()
    except CosError:
        if flight.keys == (key,):
            raise
    except asyncio.CancelledError:
        # All others have left while this request was not waiting for it yet; or this one is itself told to stop.
        task = asyncio.current_task()
        if not flight.task.cancelled() or (task is not None and task.cancelling()):
            raise
    except Exception:
        _log.debug("work that was joined failed", exc_info=True)
    return None
