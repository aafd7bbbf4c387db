"""The embedded back-end: objects' bytes as files, everything else in SQLite, in one folder of one process."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import Self, TypeAlias, TypeVar

from openmogr.errors import CosError, InternalError, InvalidArgument
from openmogr.reserve import Reserve
from openmogr.storage.embedded import buckets, objects, uploads
from openmogr.storage.embedded.blobs import BlobFiles, sync_folder
from openmogr.storage.embedded.index import Index, Transaction
from openmogr.storage.embedded.integrity import Integrity
from openmogr.storage.embedded.keys import check_bucket_name, encode_key, encode_text
from openmogr.storage.embedded.modes import tighten
from openmogr.storage.embedded.quick import NotNow
from openmogr.storage.embedded.reader import FileAssembly, FileReader, Means
from openmogr.storage.embedded.recent import Found, RecentObjects
from openmogr.storage.embedded.records import Segment, find_bucket, milliseconds
from openmogr.storage.embedded.staged import FileStaged
from openmogr.storage.embedded.worker import Threads, settled
from openmogr.storage.errors import StorageUnusable
from openmogr.storage.interface import (
    Acl,
    Bucket,
    Checksum,
    CompletedPart,
    Content,
    Digest,
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

__all__ = ["EmbeddedStorage"]

T = TypeVar("T")
# Where they lie, their size, ETag and CRC-64.
Bytes: TypeAlias = tuple[Sequence[Segment], int, str, int]
_MAX_PART_NUMBER = 10_000


class EmbeddedStorage:
    """See :class:`openmogr.storage.interface.Storage`. ``docs/use/storage.md`` describes files and guarantees."""

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings
        reserve = Reserve(settings.data / "reserve", settings.reserve_bytes)
        self._blobs = BlobFiles(settings.data, reserve.make)
        self._index = Index(
            settings.data / "index.sqlite3",
            settings.index_threads,
            settings.max_commit_batch,
            self._blobs,
            reserve,
        )
        self._pool = Threads(settings.io_threads, "openmogr-io")
        self._means = Means(
            self._blobs, self._pool, settings.chunk_bytes, Integrity(settings.verify), self._check_later
        )
        # Buckets that were asked for of late. Every change comes through here, since the folder has one process.
        self._known: dict[str, Bucket] = {}
        self._recent = RecentObjects(lambda: self._index.changes)
        self._checking: asyncio.Task[None] | None = None
        self._lock: int | None = None
        self._closing = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="openmogr-sweep", daemon=True)

    async def __aenter__(self) -> Self:
        """Raises :class:`openmogr.storage.StorageUnusable`, saying why."""
        try:
            await asyncio.to_thread(self._open)
        except BaseException:
            self._release()
            raise
        self._sweeper.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.wait([self._checking])
        await asyncio.to_thread(self._close)

    async def reclaimed(self) -> None:
        """Wait until all files are removed that nothing uses, those of an earlier run included."""
        await asyncio.to_thread(self._sweeper.join)
        await asyncio.to_thread(self._blobs.wait)

    @property
    def promises(self) -> Promises:
        return Promises()

    async def check(self) -> None:
        await self._read(lambda connection: connection.execute("SELECT 1 FROM buckets LIMIT 1").fetchone())

    def is_read_only(self, name: str) -> bool:
        return False

    # Buckets

    async def create_bucket(self, name: str, *, region: str, acl: Acl = Acl.PRIVATE) -> Bucket:
        check_bucket_name(name)
        limit = self._settings.max_buckets
        return await self._change(name, lambda change: buckets.create(change, name, region, acl, limit))

    async def head_bucket(self, name: str) -> Bucket:
        if (known := self._known.get(name)) is not None:
            return known

        def work(connection: Connection) -> Bucket:
            return find_bucket(connection, name)[1]

        try:
            bucket = self._index.read_here(work)
        except NotNow:
            # In a thread it may be overtaken by a change, after which nobody would look again.
            return await self._read(work)
        self._known[name] = bucket
        return bucket

    async def list_buckets(self) -> Sequence[Bucket]:
        return await self._read(buckets.list_all)

    async def delete_bucket(self, name: str) -> None:
        await self._change(name, lambda change: buckets.delete(change, name), frees=True)

    async def set_bucket_acl(self, name: str, acl: Acl) -> None:
        await self._change(name, lambda change: buckets.set_acl(change, name, acl))

    async def get_bucket_document(self, name: str, kind: str) -> bytes | None:
        return await self._look_up(lambda connection: buckets.get_document(connection, name, kind))

    async def put_bucket_document(self, name: str, kind: str, document: bytes | None) -> None:
        await self._write(
            lambda change: buckets.put_document(change, name, kind, document), frees=document is None
        )

    # Objects

    @contextlib.asynccontextmanager
    async def stage(self) -> AsyncIterator[Staged]:
        settings = self._settings
        staged = FileStaged(self._blobs, self._pool, settings.chunk_bytes, settings.max_object_bytes)
        try:
            yield staged
        finally:
            await staged.aclose()

    async def commit(self, writes: Sequence[Write]) -> Sequence[ObjectInfo]:
        keys = [encode_key(write.key) for write in writes]
        contents = list({id(write.content): write.content for write in writes}.values())
        with self._held(contents):
            described = {id(content): await _described(content) for content in contents}
            assemblies = [content for content in contents if isinstance(content, FileAssembly)]

            def work(change: Transaction) -> list[ObjectInfo]:
                infos = objects.write(change, entries)
                for assembly in assemblies:
                    uploads.complete(change, assembly.upload, assembly.parts)
                return infos

            entries: list[objects.Entry] = []

            def entered() -> Callable[[Transaction], list[ObjectInfo]]:
                bytes_of = {name: settle() for name, settle in described.items()}
                entries.extend(
                    objects.Entry(
                        write.bucket,
                        key,
                        *bytes_of[id(write.content)],
                        write.attributes,
                        forbid_overwrite=write.forbid_overwrite,
                        if_match=write.if_match,
                        modified=None if write.modified is None else milliseconds(write.modified),
                    )
                    for write, key in zip(writes, keys, strict=True)
                )
                return work

            return await self._own(contents, entered)

    async def append_object(
        self, bucket: str, key: str, position: int, content: Staged, attributes: ObjectAttributes
    ) -> ObjectInfo:
        name = encode_key(key)
        if not isinstance(content, FileStaged):
            raise TypeError("bytes are appended that are staged in the same storage")
        await content.flushed()

        def entered() -> Callable[[Transaction], ObjectInfo]:
            entry = objects.Entry(bucket, name, *_settled(content), attributes)
            return lambda change: objects.append(change, entry, position, self._settings.max_object_bytes)

        return await self._own([content], entered)

    async def head_object(self, bucket: str, key: str) -> ObjectInfo:
        name = encode_key(key)
        if (known := self._recent.find(bucket, name)) is not None:
            return known[0]
        return await self._look_up(lambda connection: objects.find(connection, bucket, name))

    async def open_object(self, bucket: str, key: str) -> ObjectReader:
        name = encode_key(key)

        def work(connection: Connection) -> Found:
            return objects.find_with_segments(connection, bucket, name)

        def waiting(connection: Connection) -> FileReader:
            with self._blobs.lock:
                return self._pinned(work(connection))

        try:
            if not self._blobs.lock.acquire(blocking=False):
                raise NotNow
            try:
                return self._pinned(
                    self._recent.find(bucket, name)
                    or self._recent.looked_up(bucket, name, lambda: self._index.read_here(work))
                )
            finally:
                self._blobs.lock.release()
        except NotNow:
            return await self._read(waiting)

    def _pinned(self, found: Found) -> FileReader:
        """An open object. Called with the lock of the blobs held, which was so when it was found."""
        info, segments = found
        self._blobs.pin({segment.blob for segment in segments})
        return FileReader(self._means, info, segments)

    async def delete_objects(
        self, bucket: str, keys: Sequence[str], *, modified_until: datetime | None = None
    ) -> None:
        encoded = [encode_key(key) for key in keys]
        until = None if modified_until is None else milliseconds(modified_until)
        await self._write(lambda change: objects.delete(change, bucket, encoded, until), frees=True)

    async def set_object_acl(self, bucket: str, key: str, acl: Acl) -> None:
        name = encode_key(key)
        await self._write(lambda change: objects.set_acl(change, bucket, name, acl))

    async def set_object_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        name = encode_key(key)
        await self._write(lambda change: objects.set_tags(change, bucket, name, dict(tags)))

    async def list_objects(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", marker: str = "", max_keys: int = 1000
    ) -> ObjectList:
        bounds = (
            encode_text("prefix", prefix),
            encode_text("delimiter", delimiter),
            encode_text("marker", marker),
        )
        return await self._read(
            lambda connection: objects.list_keys(connection, bucket, *bounds, limit=max_keys)
        )

    # Multipart uploads

    async def create_upload(self, bucket: str, key: str, attributes: ObjectAttributes) -> Upload:
        name = encode_key(key)
        return await self._write(lambda change: uploads.create(change, bucket, name, attributes))

    async def put_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        content: Staged,
        checksum: Checksum | None = None,
    ) -> Part:
        name = encode_key(key)
        _check_part_number(number)
        if not isinstance(content, FileStaged):
            raise TypeError("a part is made of bytes staged in the same storage")
        await content.flushed()

        def entered() -> Callable[[Transaction], Part]:
            segments, digest = content.settle()
            given = uploads.GivenPart(number, digest, segments, checksum)
            return lambda change: uploads.put_part(change, bucket, name, upload_id, given)

        return await self._own([content], entered)

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
        name = encode_key(key)
        _check_part_number(number)
        if not isinstance(source, FileReader):
            raise TypeError("a part is copied from an object of the same storage")
        with self._held([source]):
            segments = source.slice(start, stop)
            digest = await _digest(source, start, stop)
            given = uploads.GivenPart(number, digest, segments, checksum)
            return await self._write(lambda change: uploads.put_part(change, bucket, name, upload_id, given))

    async def list_parts(
        self, bucket: str, key: str, upload_id: str, *, marker: int = 0, max_parts: int = 1000
    ) -> PartList:
        name = encode_key(key)
        return await self._read(
            lambda connection: uploads.list_parts(connection, bucket, name, upload_id, marker, max_parts)
        )

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
        bounds = (
            encode_text("prefix", prefix),
            encode_text("delimiter", delimiter),
            encode_text("key-marker", key_marker),
        )
        return await self._read(
            lambda connection: uploads.list_uploads(
                connection, bucket, *bounds, id_marker=upload_id_marker, limit=max_uploads
            )
        )

    async def assemble(
        self, bucket: str, key: str, upload_id: str, parts: Sequence[CompletedPart]
    ) -> FileAssembly:
        name = encode_key(key)
        minimum = self._settings.min_part_bytes

        def work(connection: Connection) -> FileAssembly:
            with self._blobs.lock:
                upload, found, segments = uploads.collect(connection, bucket, name, upload_id, parts, minimum)
                self._blobs.pin({segment.blob for segment in segments})
            return FileAssembly(self._means, upload, found, segments)

        return await self._read(work)

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        name = encode_key(key)
        await self._write(lambda change: uploads.abort(change, bucket, name, upload_id), frees=True)

    # How it works inside

    async def _look_up(self, work: Callable[[Connection], T]) -> T:
        """A read of few rows."""
        try:
            return self._index.read_here(work)
        except NotNow:
            return await self._read(work)

    async def _read(self, work: Callable[[Connection], T]) -> T:
        return await settled(self._index.read(work))

    async def _write(self, work: Callable[[Transaction], T], *, frees: bool = False) -> T:
        return await settled(self._index.write(work, frees=frees))

    async def _change(self, name: str, work: Callable[[Transaction], T], *, frees: bool = False) -> T:
        """Write what is known of a bucket, and look again from then on."""
        try:
            return await self._write(work, frees=frees)
        finally:
            self._known.pop(name, None)

    async def _own(self, contents: Sequence[Content], entered: Callable[[], Callable[[Transaction], T]]) -> T:
        """Commit; staged bytes then belong to the index, even if the caller was cancelled.

        Args:
            contents: what is committed.
            entered: makes bytes durable, in a thread, which goes on with the change of the index that it gives.
        """
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()

        def work() -> None:
            try:
                change = entered()
            except BaseException as error:
                future.set_exception(error)
            else:
                self._index.write(change, future=future)

        self._pool.start(work)
        try:
            return await settled(future)
        finally:
            if future.done() and future.exception() is None:
                for content in contents:
                    if isinstance(content, FileStaged):
                        content.committed()

    @contextlib.contextmanager
    def _held(self, contents: Sequence[Content]) -> Iterator[None]:
        """Keep the blobs of open objects until the commit that refers to them is through."""
        names: list[str] = []
        try:
            for content in contents:
                if isinstance(content, FileReader):
                    names.extend(content.hold())
            yield
        finally:
            self._blobs.unpin(names)

    def _check_later(self, reader: FileReader) -> None:
        """Read an object as a whole while nothing waits for it; one at a time, others are passed over."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.get_running_loop().create_task(_check(reader.again()))

    def _open(self) -> None:
        data = self._settings.data
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            _take_lock(self._lock, data)
            tighten(data)
            self._blobs.prepare()
            self._index.open()
            sync_folder(data)
        except OSError as error:
            raise StorageUnusable(f"{data} cannot be used: {error.strerror}") from error

    def _close(self) -> None:
        self._closing.set()
        if self._sweeper.is_alive():
            self._sweeper.join()
        self._release()

    def _release(self) -> None:
        self._pool.shutdown()
        self._index.close()
        self._blobs.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _sweep(self) -> None:
        """Remove the blobs that an earlier run wrote and did not commit, or could not remove."""
        with contextlib.suppress(InternalError, OSError):
            for names in self._blobs.earlier():
                unused = self._index.read(partial(_unused, names=names)).result()
                if unused:
                    # Looked at again where nothing changes in between: a copy may have come to use one.
                    self._index.write(partial(_drop_unused, names=unused)).result()
                if self._closing.is_set():
                    return


def _take_lock(descriptor: int, data: Path) -> None:
    """Become the folder's owner. Tried for a moment: reports take the lock briefly to see if it is free."""
    for _ in range(10):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
    raise StorageUnusable(f"{data} is in use by another OpenMogr process")


def _check_part_number(number: int) -> None:
    if not 1 <= number <= _MAX_PART_NUMBER:
        raise InvalidArgument(f"Part number must be an integer between 1 and {_MAX_PART_NUMBER}.")


async def _check(reader: FileReader) -> None:
    # What is wrong is in the log, and refused from now on.
    with contextlib.suppress(CosError):
        async with reader:
            await reader.verify(whole=True)


async def _described(content: Content) -> Callable[[], Bytes]:
    """What gives, in a thread that may wait, where bytes lie durable, and their size, ETag and CRC-64."""
    if isinstance(content, FileStaged):
        await content.flushed()
        return partial(_settled, content)
    if isinstance(content, FileReader):
        etag = (
            content.info.etag if isinstance(content, FileAssembly) else (await _digest(content, 0, None)).etag
        )
        found = content.segments, content.info.size, etag, content.info.crc64
        return lambda: found
    raise TypeError("the content belongs to another storage")


def _settled(staged: FileStaged) -> Bytes:
    segments, digest = staged.settle()
    return segments, digest.size, digest.etag, digest.crc64


async def _digest(reader: FileReader, start: int, stop: int | None) -> Digest:
    """The digest of a range of an open object; read only if it is not known."""
    info = reader.info
    if start == 0 and stop in (None, info.size) and "-" not in info.etag:
        return Digest(info.size, bytes.fromhex(info.etag), info.crc64)
    return await reader.digest(start, stop)


def _unused(connection: Connection, names: Sequence[str]) -> list[str]:
    query = "SELECT 1 FROM segments WHERE blob = ? LIMIT 1"
    return [name for name in names if connection.execute(query, (name,)).fetchone() is None]


def _drop_unused(change: Transaction, names: Sequence[str]) -> None:
    change.drop(_unused(change.connection, names))
