"""Objects written: in one request under their key where that is enough, otherwise hidden first, decided, and moved."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from openmogr.errors import CosError, NoSuchKey
from openmogr.storage.embedded import crc64
from openmogr.storage.embedded.records import milliseconds, now
from openmogr.storage.embedded.staged import FileStaged
from openmogr.storage.errors import (
    EntityTooLarge,
    InvalidObjectName,
    KeyTooLong,
    ObjectAlreadyExists,
    ObjectChanged,
    ObjectNotAppendable,
    PositionNotEqualToLength,
    StoreUnavailable,
)
from openmogr.storage.interface import Content, Digest, ObjectHeaders, ObjectInfo, Write
from openmogr.storage.shared.catalogue import Begun, Catalogue, Locked
from openmogr.storage.shared.locks import Locks
from openmogr.storage.shared.looking import Looking, Seen
from openmogr.storage.shared.place import HIDDEN, MAX_COPY, WHOLE, Place
from openmogr.storage.shared.reader import PlaceReader, UploadReader, digest_of
from openmogr.storage.shared.records import Fact, State, appended_etag
from openmogr.storage.shared.recovery import Recovery

if TYPE_CHECKING:
    from obstore import PutMode

__all__ = ["Writing"]

_log = logging.getLogger("openmogr.storage")


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes to be written.

    Attributes:
        digest: theirs, but for the MD5 of what was uploaded in parts.
        etag: of the object that they make.
        stream: gives them, from the beginning each time.
        reader: the object of the same place that they are, which may be copied there.
        completed: the upload that they end.
    """

    size: int
    etag: str
    crc64: int
    stream: Callable[[], AsyncIterator[bytes]]
    reader: PlaceReader | None = None
    upload: UploadReader | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One object on its way: the row that locks its key, its bytes, what is asked for, and whether to copy it there."""

    fact: Fact
    source: Source
    write: Write
    is_copied: bool = False


class Writing:
    """Writes objects.

    Args:
        place: where they lie.
        catalogue: what else is known.
        looking: reads them.
        locks: of keys.
        recovery: ends what was interrupted.
    """

    def __init__(
        self, place: Place, catalogue: Catalogue, looking: Looking, locks: Locks, recovery: Recovery
    ) -> None:
        self._place = place
        self._catalogue = catalogue
        self._looking = looking
        self._locks = locks
        self._recovery = recovery

    async def commit(self, writes: Sequence[Write]) -> list[ObjectInfo]:
        """See ``Storage.commit``; the keys are checked."""
        if not writes:
            return []
        sources: dict[int, Source] = {}
        for write in writes:
            if id(write.content) not in sources:
                sources[id(write.content)] = await _source(write.content)
        batch, moment = secrets.token_hex(16), now()
        tasks = [self._task(write, sources[id(write.content)], batch, moment) for write in writes]
        # Of a key named twice the last stays.
        last = {(task.write.bucket, task.write.key): task for task in tasks}
        chosen = list(last.values())
        uploads = list({id(item): item for item in sources.values() if item.upload is not None}.values())
        completed = [item.upload.completed for item in uploads if item.upload is not None]
        if len(chosen) == 1 and not chosen[0].is_copied and self._goes_direct(chosen[0]):
            chosen = [_direct(chosen[0])]
        async with self._locks.begun([task.fact for task in chosen], completed) as begun:
            if len(chosen) == 1 and chosen[0].fact.place is None:
                await self._put(chosen[0], begun)
            else:
                await self._put_all(chosen, begun, writes)
        return [task.fact.info() for task in tasks]

    def _task(self, write: Write, source: Source, batch: str, moment: int) -> Task:
        name = secrets.token_hex(16)
        is_copied = self._is_copied(write, source)
        found = source.reader.found if source.reader is not None else None
        mark = found.mark if is_copied and found is not None else name
        fact = Fact(
            id=name,
            bucket=write.bucket,
            key=write.key,
            odd=self._place.is_odd(write.bucket, write.key),
            state=State.BEGUN,
            node=self._catalogue.node,
            batch=batch,
            mark=mark if self._place.abilities.attributes else "",
            size=source.size,
            store_etag=None,
            place=f"{HIDDEN}/new/{name}",
            etag=source.etag,
            crc64=source.crc64,
            modified=moment if write.modified is None else milliseconds(write.modified),
            attributes=write.attributes,
        )
        return Task(fact, source, write, is_copied)

    def _is_copied(self, write: Write, source: Source) -> bool:
        """Whether the store can make the object by itself, which leaves headers and metadata as they are."""
        reader = source.reader
        if reader is None or reader.found is None or source.size > MAX_COPY:
            return False
        return self._kept(write.attributes.headers) == self._kept(reader.found.headers)

    def _kept(self, headers: ObjectHeaders) -> dict[str, str]:
        return self._place.attributes_of(headers, "")

    # One object

    def _goes_direct(self, task: Task) -> bool:
        """Whether it is written under its key at once.

        A large one is an upload of the store. Under its own key one that was cut off could not be told from those that
        other programs have begun, and so not be ended.
        """
        abilities = self._place.abilities
        if abilities.ends_uploads and WHOLE < task.source.size <= MAX_COPY:
            return False
        return not abilities.renames

    async def _put(self, task: Task, begun: Begun) -> None:
        """Write it under its key. What is not known to be written is looked after later."""
        fact = task.fact
        path = self._place.path_of(fact.bucket, fact.key)
        try:
            mode = await self._mode(task.write, task.source)
            self._recovery.check_alive()
            etag = await self._send(path, fact, task.source, mode)
        except BaseException as error:
            if not await self._ended(fact, begun, error):
                raise
            return
        await self._settle([fact], [etag], begun)

    async def _mode(self, write: Write, source: Source) -> PutMode:
        """The condition in the store's own terms; it is checked here besides, since not every store or request has it.

        Raises:
            ObjectAlreadyExists, ObjectChanged, NoSuchKey: it does not hold.
        """
        seen = await self._check(write)
        if source.size > WHOLE:
            return "overwrite"
        if write.forbid_overwrite:
            return "create"
        if seen is not None and self._place.abilities.updates and seen.found.etag:
            if seen.found.version:
                # Google's condition is the generation, which is the version.
                return {"e_tag": seen.found.etag, "version": seen.found.version}
            return {"e_tag": seen.found.etag}
        return "overwrite"

    async def _check(self, write: Write) -> Seen | None:
        if not write.forbid_overwrite and write.if_match is None:
            return None
        try:
            seen = await self._looking.look(write.bucket, write.key)
        except NoSuchKey:
            if write.if_match is not None:
                raise
            return None
        if write.forbid_overwrite:
            raise ObjectAlreadyExists(detail=f"key {write.key!r}")
        if write.if_match != seen.info.etag:
            raise ObjectChanged(detail=f"key {write.key!r}")
        return seen

    async def _send(self, path: str, fact: Fact, source: Source, mode: PutMode = "overwrite") -> str:
        attributes = self._place.attributes_of(fact.attributes.headers, fact.mark)
        if source.size > WHOLE:
            return await self._place.put_stream(path, source.size, source.stream(), attributes)
        data = b"".join([chunk async for chunk in source.stream()])
        if len(data) != source.size:
            raise StoreUnavailable(detail=f"{len(data)} bytes came of {source.size}")
        return await self._place.put(path, data, attributes, mode)

    async def _ended(self, fact: Fact, begun: Begun, error: BaseException) -> bool:
        """After an error: whether the object was written nevertheless, as where only the answer was lost."""
        try:
            if isinstance(error, (InvalidObjectName, KeyTooLong)):
                await self._recovery.undo([fact])
                return False
            return await self._recovery.end_begun(fact, begun.ids([fact]))
        except CosError:
            # Neither is known now; the row says what to look for.
            _log.warning("%s/%s may have been written: %s", fact.bucket, fact.key, error)
            return False

    # Several, or what has to be moved

    async def _put_all(self, tasks: Sequence[Task], begun: Begun, writes: Sequence[Write]) -> None:
        """Write them hidden, decide, and move each to its key."""
        facts = [task.fact for task in tasks]
        try:
            for write in writes:
                await self._check(write)
            for fact in facts:
                await self._place.check_room(self._place.path_of(fact.bucket, fact.key))
            for task in tasks:
                self._recovery.check_alive()
                await self._hide(task)
            unused = await self._catalogue.decide(facts)
        except Locked as error:
            raise StoreUnavailable("This node was taken for dead meanwhile. Please try again.") from error
        except BaseException:
            await self._recovery.undo(facts)
            raise
        # From here on they are there for all who ask; what cannot be moved now is moved later.
        try:
            await self._recovery.move(facts, begun.ids(facts))
        except CosError as error:
            _log.warning("%d objects are to be moved yet: %s", len(facts), error)
        await self._recovery.remove_files(unused)

    async def _hide(self, task: Task) -> None:
        fact, source = task.fact, task.source
        assert fact.place is not None
        if not task.is_copied:
            await self._send(fact.place, fact, source)
            return
        reader = source.reader
        assert reader is not None
        try:
            await self._place.copy(reader.at, fact.place)
        except NoSuchKey as error:
            raise StoreUnavailable("The object was removed while it was copied. Please try again.") from error
        # The copy cannot be asked for on a condition: that the source is the one that was opened is seen afterwards.
        if await self._place.find(reader.at) != reader.found:
            raise StoreUnavailable("The object was changed while it was copied. Please try again.")

    async def _settle(self, facts: Sequence[Fact], etags: Sequence[str], begun: Begun) -> None:
        try:
            unused = await self._catalogue.settle(facts, etags, begun.ids(facts))
        except Locked as error:
            raise StoreUnavailable("This node was taken for dead meanwhile. Please try again.") from error
        await self._recovery.remove_files(unused)

    # Appending

    async def append(
        self, held: Fact, begun: Begun, position: int, content: FileStaged, limit: int
    ) -> ObjectInfo:
        """Put bytes behind an object whose key is locked: it is written anew, with them behind it.

        Args:
            held: the lock, with the attributes of an object that is made.
            begun: what was of the key before.
            position: as of ``Storage.append_object``.
            content: the bytes.
            limit: most bytes of an object.
        """
        try:
            digest = await content.finish()
            fact, source, seen = await self._appended(held, position, digest, content, limit)
        except BaseException:
            await self._catalogue.release([held])
            raise
        if source is None:
            assert seen is not None
            await self._catalogue.release([held])
            return seen.info
        write = Write(
            fact.bucket,
            fact.key,
            content,
            fact.attributes,
            forbid_overwrite=seen is None,
            if_match=None if seen is None else seen.info.etag,
        )
        task = Task(fact, source, write)
        if self._goes_direct(task):
            task = _direct(task)
        await self._catalogue.revise(task.fact)
        if task.fact.place is None:
            await self._put(task, begun)
        else:
            await self._put_all([task], begun, [write])
        return task.fact.info()

    async def _appended(
        self, held: Fact, position: int, digest: Digest, content: FileStaged, limit: int
    ) -> tuple[Fact, Source | None, Seen | None]:
        """The row and the bytes of the object with more behind it; no bytes, if there are no more."""
        new = replace(held, state=State.BEGUN, place=f"{HIDDEN}/new/{held.id}", modified=now())
        new = replace(new, mark=held.id if self._place.abilities.attributes else "")
        try:
            seen = await self._looking.look(held.bucket, held.key)
        except NoSuchKey:
            if position:
                raise PositionNotEqualToLength(
                    detail=f"key {held.key!r}", headers=_next_position(0)
                ) from None
            made = replace(new, size=digest.size, etag=digest.etag, crc64=digest.crc64, appends=1)
            return made, Source(digest.size, digest.etag, digest.crc64, content.stream), None
        fact, size = seen.fact, seen.info.size
        if fact is None or not fact.appends:
            raise ObjectNotAppendable(detail=f"key {held.key!r}")
        if position != size:
            raise PositionNotEqualToLength(
                f"The position is {position}, and the length of the object {size}.",
                headers=_next_position(size),
            )
        if size + digest.size > limit:
            raise EntityTooLarge(f"An object has at most {limit} bytes.")
        if not digest.size:
            return held, None, seen
        etag = appended_etag(fact.etag, digest.etag, fact.appends + 1)
        crc = crc64.combine(seen.info.crc64, digest.crc64, digest.size)

        async def both() -> AsyncIterator[bytes]:
            async with self._looking.opened(seen) as reader:
                async for chunk in reader.stream():
                    yield chunk
            async for chunk in content.stream():
                yield chunk

        grown = replace(
            new,
            size=size + digest.size,
            etag=etag,
            crc64=crc,
            appends=fact.appends + 1,
            attributes=fact.attributes,
        )
        return grown, Source(grown.size, etag, crc, both), seen


def _next_position(size: int) -> dict[str, str]:
    return {"x-cos-next-append-position": str(size)}


def _direct(task: Task) -> Task:
    """The same, written under its key at once."""
    return replace(task, fact=replace(task.fact, place=None))


async def _source(content: Content) -> Source:
    if isinstance(content, FileStaged):
        digest = await content.finish()
        return Source(digest.size, digest.etag, digest.crc64, content.stream)
    if isinstance(content, UploadReader):
        info = content.info
        return Source(info.size, info.etag, info.crc64, content.stream, upload=content)
    if isinstance(content, PlaceReader):
        info = content.info
        if info.origin or "-" in info.etag:
            digest = await digest_of(content.stream())
            return Source(digest.size, digest.etag, digest.crc64, content.stream, reader=content)
        return Source(info.size, info.etag, info.crc64, content.stream, reader=content)
    raise TypeError("the content belongs to another storage")
