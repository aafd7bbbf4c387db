"""Open objects: the pieces of blobs that hold their bytes, pinned until closed."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from openmogr.errors import CosError, InternalError, is_shortage
from openmogr.storage.embedded import crc64 as _crc64
from openmogr.storage.embedded.blobs import BlobFiles
from openmogr.storage.embedded.integrity import SMALL, Integrity
from openmogr.storage.embedded.records import Segment
from openmogr.storage.embedded.worker import Threads, in_thread
from openmogr.storage.errors import StorageBusy
from openmogr.storage.interface import Digest, ObjectInfo, Part, Upload

__all__ = ["FileAssembly", "FileReader", "Means"]

_log = logging.getLogger("openmogr.storage")

# Linux reads from its page cache without ever waiting for the disk, and says so when it cannot.
_NO_WAIT: int | None = getattr(os, "RWF_NOWAIT", None)
_CACHED_CHUNK = 256 * 1024
# Of the event loop's thread, which is the only one to read in that way.
_BUFFER = memoryview(bytearray(_CACHED_CHUNK))


@dataclass(frozen=True, slots=True)
class Means:
    """What readers of one storage share.

    Attributes:
        chunk: most bytes that are read at a time.
        check_later: has an open object read as a whole beside the request.
    """

    blobs: BlobFiles
    pool: Threads
    chunk: int
    integrity: Integrity
    check_later: Callable[[FileReader], None]


class FileReader:
    """See :class:`openmogr.storage.interface.ObjectReader`. The blobs are pinned by the caller beforehand."""

    def __init__(self, means: Means, info: ObjectInfo, segments: Sequence[Segment]) -> None:
        self._means = means
        self._blobs = means.blobs
        self.info = info
        self.segments = segments
        # The whole object, where it was read to be checked and is short.
        self._checked: bytes | None = None
        # What was pinned; nothing once the reader is closed.
        self._pinned: tuple[str, ...] | None = tuple({segment.blob for segment in segments})

    def __del__(self) -> None:
        # A reader may be dropped without being closed: its blobs have to be able to go some day.
        self._release()

    def _release(self) -> None:
        pinned, self._pinned = self._pinned, None
        if pinned is not None:
            self._blobs.unpin(pinned)

    @property
    def path(self) -> Path | None:
        if len(self.segments) != 1 or self.segments[0].start:
            return None
        place = self._blobs.place(self.segments[0].blob)
        return Path(place) if os.stat(place).st_size == self.info.size else None  # noqa: PTH116 - often no path is made

    def hold(self) -> tuple[str, ...]:
        """Pin the blobs once more; the caller unpins them."""
        with self._blobs.lock:
            names = self._pinned
            if names is None:
                raise RuntimeError("the object was closed")
            self._blobs.pin(names)
        return names

    def slice(self, start: int = 0, stop: int | None = None) -> list[Segment]:
        """Where the bytes ``start`` to ``stop`` lie."""
        if stop is None:
            stop = self.info.size
        if not 0 <= start <= stop <= self.info.size:
            raise ValueError(f"bytes {start} to {stop} of an object of {self.info.size}")
        pieces: list[Segment] = []
        position = 0
        for segment in self.segments:
            first = max(start - position, 0)
            last = min(stop - position, segment.length)
            if first < last:
                pieces.append(Segment(segment.blob, segment.start + first, last - first))
            position += segment.length
        return pieces

    async def prepare(self, start: int = 0, stop: int | None = None) -> None:
        return

    async def verify(self, *, whole: bool = False) -> None:
        integrity, size = self._means.integrity, self.info.size
        if not integrity.on or not size:
            return
        integrity.refuse_damaged(self.info, self.segments)
        if size <= SMALL or whole or integrity.wants_all(self.segments):
            if size > _CACHED_CHUNK:
                async for _ in self.stream():
                    pass
            elif (found := self._cached()) is not None:
                self._checked = found
            else:
                self._checked = b"".join([chunk async for chunk in self.stream()])
            return
        await in_thread(self._means.pool, self._check_lengths)
        if integrity.wants_sample(self.segments):
            self._means.check_later(self)

    def crc64_to_check(self) -> int | None:
        if not self._means.integrity.on:
            return None
        self._means.integrity.refuse_damaged(self.info, self.segments)
        return self.info.crc64

    @property
    def at_hand(self) -> bytes | None:
        return self._checked

    def _cached(self) -> bytes | None:
        """All bytes, checked, if they lie in the page cache and are what they were; who waits says what is wrong."""
        if _NO_WAIT is None:
            return None
        end = 0
        try:
            for segment in self.segments:
                descriptor = os.open(self._blobs.place(segment.blob), os.O_RDONLY | os.O_CLOEXEC)
                try:
                    room = _BUFFER[end : end + segment.length]
                    count = os.preadv(descriptor, [room], segment.start, _NO_WAIT)
                finally:
                    os.close(descriptor)
                if count != segment.length:
                    return None
                end += count
        except OSError:
            return None
        found = bytes(_BUFFER[:end])
        return found if _crc64.update(0, found) == self.info.crc64 else None

    def again(self) -> FileReader:
        """A further reader of the same bytes."""
        self.hold()
        return FileReader(self._means, self.info, self.segments)

    def _check_lengths(self) -> None:
        for segment in self.segments:
            try:
                length = self._blobs.path(segment.blob).stat().st_size
            except OSError as error:
                raise self._unreadable(error) from error
            if length < segment.start + segment.length:
                raise self._damaged(f"blob {segment.blob} has {length} bytes")

    def stream(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        pieces = self.slice(start, stop)
        if self._checked is not None:
            return _once(self._checked[start:stop])
        return self._stream(pieces, whole=start == 0 and stop in (None, self.info.size))

    async def read(self, start: int = 0, stop: int | None = None) -> bytes:
        return b"".join([chunk async for chunk in self.stream(start, stop)])

    async def digest(self, start: int = 0, stop: int | None = None) -> Digest:
        """Hash a range of the bytes."""
        size, md5, crc64 = 0, hashlib.md5(usedforsecurity=False), 0
        async for chunk in self.stream(start, stop):
            await in_thread(self._means.pool, lambda data=chunk: md5.update(data))  # type: ignore[misc]
            crc64 = _crc64.update(crc64, chunk)
            size += len(chunk)
        return Digest(size, md5.digest(), crc64)

    async def aclose(self) -> None:
        self._release()
        self._blobs.remove_soon()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _stream(self, pieces: list[Segment], *, whole: bool) -> AsyncIterator[bytes]:
        if self._pinned is None:
            raise RuntimeError("the object was closed")
        integrity = self._means.integrity
        files = _Pieces(self._blobs, pieces, self._means.chunk, sums=whole and integrity.on)
        try:
            while files.remaining:
                chunk = files.cached()
                if chunk is None:
                    chunk = await in_thread(self._means.pool, files.next)
                # Before the last chunk goes out: without it nobody takes the body for complete.
                if files.sums and not files.remaining:
                    if files.crc64 != self.info.crc64:
                        raise self._damaged(f"its CRC-64 is {files.crc64} instead of {self.info.crc64}")
                    if self.info.size > SMALL:
                        integrity.found_whole(self.segments)
                yield chunk
        except _Short as error:
            raise self._damaged(str(error)) from error
        except OSError as error:
            raise self._unreadable(error) from error
        finally:
            files.close()

    def _damaged(self, reason: str) -> InternalError:
        return self._means.integrity.found_damaged(self.info, self.segments, reason)

    def _unreadable(self, error: OSError) -> CosError:
        if is_shortage(error):
            return StorageBusy(detail=f"blob cannot be read: {error}")
        if error.errno == errno.ENOENT:
            return self._damaged(f"a blob is missing: {error.filename}")
        # The disk may be back: looked at anew each time.
        _log.error("object %s/%s cannot be read: %s", self.info.bucket, self.info.key, error)
        return InternalError(detail=f"blob of {self.info.bucket}/{self.info.key} cannot be read: {error}")


class FileAssembly(FileReader):
    """See :class:`openmogr.storage.interface.Assembly`."""

    def __init__(
        self, means: Means, upload: Upload, parts: Sequence[Part], segments: Sequence[Segment]
    ) -> None:
        hashes = hashlib.md5(usedforsecurity=False)
        crc64 = size = 0
        for part in parts:
            hashes.update(bytes.fromhex(part.etag))
            crc64 = _crc64.combine(crc64, part.crc64, part.size)
            size += part.size
        etag = f"{hashes.hexdigest()}-{len(parts)}"
        info = ObjectInfo(upload.bucket, upload.key, size, etag, crc64, upload.initiated, upload.attributes)
        super().__init__(means, info, segments)
        self.upload = upload
        self.parts = parts


async def _once(data: bytes) -> AsyncIterator[bytes]:
    if data:
        yield data


class _Short(Exception):
    """A blob has fewer bytes than the index says."""


class _Pieces:
    """Reads pieces of blobs one chunk after the other, in worker threads.

    Attributes:
        crc64: of the bytes so far, with ``sums``.
    """

    def __init__(self, blobs: BlobFiles, pieces: Sequence[Segment], chunk: int, *, sums: bool) -> None:
        self.sums = sums
        self.crc64 = 0
        self._blobs = blobs
        self._pieces = iter(pieces)
        self._chunk = chunk
        self._piece: Segment | None = None  # the next one, while it could not be opened
        self._descriptor: int | None = None
        self._current = ""
        self._offset = 0
        self._left = 0
        self.remaining = sum(piece.length for piece in pieces)

    def cached(self) -> bytes | None:
        """The next chunk if it lies in the page cache, which costs microseconds; None where a thread must wait."""
        if _NO_WAIT is None:
            return None
        try:
            descriptor = self._opened()
            room = _BUFFER[: min(_CACHED_CHUNK, self._chunk, self._left)]
            count = os.preadv(descriptor, [room], self._offset, _NO_WAIT)
        except OSError:  # not cached, or a file system that cannot tell; what else is wrong next() says
            return None
        return self._taken(bytes(room[:count]))

    def next(self) -> bytes:
        """The next chunk; call only while something remains."""
        return self._taken(os.pread(self._opened(), min(self._chunk, self._left), self._offset))

    def _opened(self) -> int:
        """The file of the next byte, opened."""
        if not self._left:
            self.close()
            self._piece = self._piece or next(self._pieces)
            self._descriptor = os.open(self._blobs.place(self._piece.blob), os.O_RDONLY | os.O_CLOEXEC)
            self._current = self._piece.blob
            self._offset, self._left, self._piece = self._piece.start, self._piece.length, None
        assert self._descriptor is not None
        return self._descriptor

    def _taken(self, data: bytes) -> bytes:
        if not data:
            raise _Short(f"blob {self._current} ends {self._left} bytes early")
        if self.sums:
            self.crc64 = _crc64.update(self.crc64, data)
        self._offset += len(data)
        self._left -= len(data)
        self.remaining -= len(data)
        return data

    def close(self) -> None:
        """Close the open file, if any."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
