"""A storage whose objects lie in a store under their own keys, and all else in a database."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from openmogr.errors import InvalidArgument
from openmogr.storage.embedded.blobs import BlobFiles
from openmogr.storage.embedded.keys import check_bucket_name, encode_key, encode_text
from openmogr.storage.embedded.modes import tighten
from openmogr.storage.embedded.records import milliseconds, now
from openmogr.storage.embedded.staged import FileStaged
from openmogr.storage.embedded.worker import Threads
from openmogr.storage.errors import (
    BucketNotEmpty,
    StorageBusy,
    StorageUnusable,
)
from openmogr.storage.interface import (
    Acl,
    Bucket,
    Checksum,
    CompletedPart,
    ObjectAttributes,
    ObjectInfo,
    ObjectList,
    ObjectReader,
    Part,
    PartList,
    Promises,
    Staged,
    Upload,
    UploadList,
    Write,
)
from openmogr.storage.settings import StorageSettings
from openmogr.storage.shared import uploads
from openmogr.storage.shared.catalogue import Catalogue
from openmogr.storage.shared.locks import Locks
from openmogr.storage.shared.looking import Looking, Seen
from openmogr.storage.shared.place import HIDDEN, WHOLE, Place
from openmogr.storage.shared.reader import PlaceReader, UploadReader, digest_of
from openmogr.storage.shared.records import Fact, State, StoredPart
from openmogr.storage.shared.recovery import Recovery
from openmogr.storage.shared.writing import Writing

if TYPE_CHECKING:
    from openmogr.database import Database

__all__ = ["SharedStorage"]

T = TypeVar("T")
_MAX_PART_NUMBER = 10_000
# For so long an upload is waited for that somebody completes.
_PATIENCE = 30.0


class SharedStorage:
    """See :class:`openmogr.storage.interface.Storage`. ``docs/use/stores.md`` says what it promises.

    Args:
        settings: of the storage; ``data`` is the folder of what is on its way.
        place: where the objects lie.
        database: of all else; opened before this is started.
        seconds: that a page of a listing may take.
    """

    def __init__(
        self, settings: StorageSettings, place: Place, database: Database, seconds: float = 30.0
    ) -> None:
        self._settings = settings
        self._place = place
        self._database = database
        self._catalogue = Catalogue(database, secrets.token_hex(8))
        self._looking = Looking(place, self._catalogue, settings.chunk_bytes, seconds)
        self._locks = Locks(self._catalogue, self._end, self._give_up)
        self._recovery = Recovery(place, self._catalogue, self._locks.busy)
        self._writing = Writing(place, self._catalogue, self._looking, self._locks, self._recovery)
        self._spool = BlobFiles(settings.data, lambda: None)
        self._pool = Threads(settings.io_threads, "openmogr-io")
        self._lock: int | None = None

    async def _end(self, fact: Fact) -> None:
        await self._recovery.end(fact)

    async def _give_up(self, fact: Fact) -> None:
        await self._recovery.undo([fact])

    async def __aenter__(self) -> Self:
        """Raises :class:`openmogr.storage.StorageUnusable`, saying why."""
        try:
            before = await asyncio.to_thread(self._open)
            if before:
                # Whoever had the folder is no more, since the folder was free.
                await self._catalogue.leave(before)
            await self._recovery.start()
        except BaseException:
            self._release()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._recovery.close()
        await asyncio.to_thread(self._release)

    def _open(self) -> str:
        """Take the folder; returns the name of the node that had it before."""
        data = self._settings.data
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(data / "node", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            before = os.read(self._lock, 64).decode("ascii", "replace")
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, self._catalogue.node.encode(), 0)
            tighten(data)
            staging = data / "staging"
            staging.mkdir(mode=0o700, exist_ok=True)
            for leftover in staging.iterdir():
                leftover.unlink(missing_ok=True)
        except BlockingIOError as error:
            raise StorageUnusable(f"{data} is in use by another OpenMogr process") from error
        except OSError as error:
            raise StorageUnusable(f"{data} cannot be used: {error.strerror}") from error
        return before

    def _release(self) -> None:
        self._pool.shutdown()
        self._spool.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def promises(self) -> Promises:
        return Promises(keeps_opened=False, nests_keys=self._place.root is None)

    async def check(self) -> None:
        await self._database.check()
        await self._place.check()

    def is_read_only(self, name: str) -> bool:
        return False

    # Buckets

    async def create_bucket(self, name: str, *, region: str, acl: Acl = Acl.PRIVATE) -> Bucket:
        check_bucket_name(name)
        return await self._catalogue.create_bucket(name, region, acl, self._settings.max_buckets)

    async def head_bucket(self, name: str) -> Bucket:
        return await self._catalogue.head_bucket(name)

    async def list_buckets(self) -> Sequence[Bucket]:
        return await self._catalogue.list_buckets()

    async def delete_bucket(self, name: str) -> None:
        while True:
            # What is settled and not in the store afterwards, somebody else has removed.
            stale = await self._catalogue.stale(name)
            page = await self._looking.list_page(name, "", "", "", 1)
            if page.objects or page.common_prefixes or page.truncated:
                raise BucketNotEmpty
            if not stale:
                break
            await self._catalogue.forget(stale)
        await self._catalogue.delete_bucket(name)

    async def set_bucket_acl(self, name: str, acl: Acl) -> None:
        await self._catalogue.set_bucket_acl(name, acl)

    async def get_bucket_document(self, name: str, kind: str) -> bytes | None:
        return await self._catalogue.get_document(name, kind)

    async def put_bucket_document(self, name: str, kind: str, document: bytes | None) -> None:
        await self._catalogue.put_document(name, kind, document)

    # Objects

    @contextlib.asynccontextmanager
    async def stage(self) -> AsyncIterator[Staged]:
        settings = self._settings
        staged = FileStaged(self._spool, self._pool, settings.chunk_bytes, settings.max_object_bytes)
        try:
            yield staged
        finally:
            await staged.aclose()

    async def commit(self, writes: Sequence[Write]) -> Sequence[ObjectInfo]:
        for write in writes:
            encode_key(write.key)
        return await _whole(self._writing.commit(writes))

    async def append_object(
        self, bucket: str, key: str, position: int, content: Staged, attributes: ObjectAttributes
    ) -> ObjectInfo:
        encode_key(key)
        if not isinstance(content, FileStaged):
            raise TypeError("bytes are appended that are staged in the same storage")
        limit = self._settings.max_object_bytes
        held = self._lock_of(bucket, key, State.HELD, attributes)

        async def work() -> ObjectInfo:
            async with self._locks.begun([held]) as begun:
                return await self._writing.append(held, begun, position, content, limit)

        return await _whole(work())

    async def head_object(self, bucket: str, key: str) -> ObjectInfo:
        return (await self._look(bucket, key)).info

    async def open_object(self, bucket: str, key: str) -> ObjectReader:
        return self._looking.opened(await self._look(bucket, key))

    async def _look(self, bucket: str, key: str) -> Seen:
        encode_key(key)
        return await self._looking.look(bucket, key)

    async def delete_objects(
        self, bucket: str, keys: Sequence[str], *, modified_until: datetime | None = None
    ) -> None:
        wanted = sorted({encode_key(key).decode() for key in keys})
        if not wanted:
            await self._catalogue.head_bucket(bucket)
            return
        until = None if modified_until is None else milliseconds(modified_until)
        await _whole(self._delete(bucket, wanted, until))

    async def _delete(self, bucket: str, keys: Sequence[str], until: int | None) -> None:
        state = State.REMOVED if until is None else State.HELD
        batch = secrets.token_hex(16)
        held = [self._lock_of(bucket, key, state, batch=batch) for key in keys]
        async with self._locks.begun(held) as begun:
            if until is not None:
                held = await self._only_older(held, until)
            if held:
                await self._recovery.remove(held, begun.ids(held))

    async def _only_older(self, held: Sequence[Fact], until: int) -> list[Fact]:
        """Lock no more those that are newer, and remove the others for all who ask here."""
        older: list[Fact] = []
        newer: list[Fact] = []
        try:
            for fact in held:
                seen = await self._looking.find(fact.bucket, fact.key)
                is_older = seen is not None and milliseconds(seen.info.last_modified) <= until
                (older if is_older else newer).append(fact)
            if newer:
                await self._catalogue.release(newer)
            for fact in older:
                await self._catalogue.revise(replace(fact, state=State.REMOVED))
        except BaseException:
            await self._catalogue.release(held)
            raise
        return older

    async def set_object_acl(self, bucket: str, key: str, acl: Acl) -> None:
        await self._describe(bucket, key, lambda attributes: replace(attributes, acl=acl))

    async def set_object_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        await self._describe(bucket, key, lambda attributes: replace(attributes, tags=dict(tags)))

    async def _describe(
        self, bucket: str, key: str, change: Callable[[ObjectAttributes], ObjectAttributes]
    ) -> None:
        await self._look(bucket, key)
        await _whole(self._described(bucket, key, change))

    async def _described(
        self, bucket: str, key: str, change: Callable[[ObjectAttributes], ObjectAttributes]
    ) -> None:
        held = self._lock_of(bucket, key, State.HELD)
        async with self._locks.begun([held]):
            try:
                seen = await self._looking.look(bucket, key)
                attributes = change(seen.info.attributes)
                told = replace(
                    held,
                    state=State.SETTLED,
                    mark=seen.found.mark,
                    size=seen.found.size,
                    store_etag=seen.found.etag,
                    etag=seen.info.etag,
                    crc64=None,
                    modified=milliseconds(seen.info.last_modified),
                    attributes=attributes,
                )
                name = seen.fact.id if seen.fact is not None else None
                await self._catalogue.describe(held, name, attributes, told)
            except BaseException:
                await self._catalogue.release([held])
                raise

    async def list_objects(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", marker: str = "", max_keys: int = 1000
    ) -> ObjectList:
        for name, text in (("prefix", prefix), ("delimiter", delimiter), ("marker", marker)):
            encode_text(name, text)
        return await self._looking.list_page(bucket, prefix, delimiter, marker, max_keys)

    # Multipart uploads

    async def create_upload(self, bucket: str, key: str, attributes: ObjectAttributes) -> Upload:
        encode_key(key)
        async with self._database.changing() as connection:
            return await uploads.create(connection, bucket, key, attributes)

    async def put_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        content: Staged,
        checksum: Checksum | None = None,
    ) -> Part:
        found = _named(bucket, key, upload_id)
        _check_part_number(number)
        if not isinstance(content, FileStaged):
            raise TypeError("a part is made of bytes staged in the same storage")
        await self._check_upload(found)
        digest = await content.finish()
        part = Part(number, digest.size, digest.etag, digest.crc64, _NEVER, checksum)
        return await _whole(self._put_part(found, part, content.stream))

    async def copy_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        source: ObjectReader,
        start: int = 0,
        stop: int | None = None,
        checksum: Checksum | None = None,
    ) -> Part:
        found = _named(bucket, key, upload_id)
        _check_part_number(number)
        if not isinstance(source, PlaceReader):
            raise TypeError("a part is copied from an object of the same storage")
        await self._check_upload(found)
        digest = await digest_of(source.stream(start, stop))
        part = Part(number, digest.size, digest.etag, digest.crc64, _NEVER, checksum)
        return await _whole(self._put_part(found, part, partial(source.stream, start, stop)))

    async def _check_upload(self, found: tuple[str, str, str]) -> None:
        async with self._database.reading() as connection:
            await uploads.find(connection, *found)

    async def _put_part(
        self, found: tuple[str, str, str], part: Part, stream: Callable[[], AsyncIterator[bytes]]
    ) -> Part:
        place = f"{HIDDEN}/parts/{found[2]}/{part.number}-{secrets.token_hex(8)}"
        await self._catalogue.writing(place)
        try:
            if part.size > WHOLE:
                await self._place.put_stream(place, part.size, stream(), {})
            else:
                await self._place.put(place, b"".join([chunk async for chunk in stream()]), {})
            stored, old = await self._unclaimed(
                lambda connection: uploads.put_part(connection, found, StoredPart(part, place))
            )
        except BaseException:
            await self._recovery.remove_files([place], cut=part.size > WHOLE)
            raise
        await self._recovery.remove_files(old)
        return stored

    async def _unclaimed(self, work: Callable[..., Awaitable[T]]) -> T:
        """A change of an upload, once nobody is completing it."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    try:
                        async with self._database.changing() as connection:
                            return await work(connection)
                    except uploads.Claimed:
                        await asyncio.sleep(0.05)
        except TimeoutError:
            raise StorageBusy("The upload is being completed. Please try again.") from None

    async def list_parts(
        self, bucket: str, key: str, upload_id: str, *, marker: int = 0, max_parts: int = 1000
    ) -> PartList:
        found = _named(bucket, key, upload_id)
        async with self._database.reading() as connection:
            return await uploads.list_parts(connection, found, marker, max_parts)

    async def list_uploads(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        key_marker: str = "",
        upload_id_marker: str = "",
        max_uploads: int = 1000,
    ) -> UploadList:
        wanted = uploads.Range(
            encode_text("prefix", prefix),
            encode_text("delimiter", delimiter),
            encode_text("key-marker", key_marker),
            upload_id_marker,
            max_uploads,
        )
        async with self._database.reading() as connection:
            return await uploads.list_uploads(connection, bucket, wanted)

    async def assemble(
        self, bucket: str, key: str, upload_id: str, parts: Sequence[CompletedPart]
    ) -> UploadReader:
        found = _named(bucket, key, upload_id)
        async with self._database.reading() as connection:
            completed = await uploads.collect(connection, found, parts, self._settings.min_part_bytes)

        async def read(place: str, start: int, stop: int) -> bytes:
            return await self._place.read(place, None, start, stop)

        return UploadReader(completed, read, self._settings.chunk_bytes)

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        found = _named(bucket, key, upload_id)
        places = await self._unclaimed(lambda connection: uploads.abort(connection, found))
        await self._recovery.remove_files(places)

    # How it works inside

    def _lock_of(
        self,
        bucket: str,
        key: str,
        state: State,
        attributes: ObjectAttributes | None = None,
        batch: str = "",
    ) -> Fact:
        """A row that locks a key."""
        name = secrets.token_hex(16)
        return Fact(
            id=name,
            bucket=bucket,
            key=key,
            odd=self._place.is_odd(bucket, key),
            state=state,
            node=self._catalogue.node,
            batch=batch or name,
            mark="",
            size=0,
            store_etag=None,
            place=None,
            etag="",
            crc64=None,
            modified=now(),
            attributes=attributes or ObjectAttributes(),
        )


# Of a part that the catalogue has not taken in.
_NEVER = datetime.fromtimestamp(0, UTC)


def _named(bucket: str, key: str, upload_id: str) -> tuple[str, str, str]:
    encode_key(key)
    return bucket, key, upload_id


def _check_part_number(number: int) -> None:
    if not 1 <= number <= _MAX_PART_NUMBER:
        raise InvalidArgument(f"Part number must be an integer between 1 and {_MAX_PART_NUMBER}.")


async def _whole(work: Awaitable[T]) -> T:
    """The outcome of work that is not given up in the middle: who is cancelled waits for its end."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
