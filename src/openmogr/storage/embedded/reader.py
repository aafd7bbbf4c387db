"""Open objects: the pieces of blobs that hold their bytes, pinned until closed."""

from __future__ import annotations

import hashlib
import os
import weakref
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from openmogr.errors import InternalError, is_shortage
from openmogr.storage.embedded import crc64 as _crc64
from openmogr.storage.embedded.blobs import BlobFiles
from openmogr.storage.embedded.records import Segment
from openmogr.storage.embedded.worker import in_thread
from openmogr.storage.errors import StorageBusy
from openmogr.storage.interface import Digest, ObjectInfo, Part, Upload

__all__ = ["FileAssembly", "FileReader"]

# Linux reads from its page cache without ever waiting for the disk, and says so when it cannot.
_NO_WAIT: int | None = getattr(os, "RWF_NOWAIT", None)
_CACHED_CHUNK = 256 * 1024


class FileReader:
    """See :class:`openmogr.storage.interface.ObjectReader`. The blobs are pinned by the caller beforehand."""

    def __init__(
        self,
        blobs: BlobFiles,
        pool: ThreadPoolExecutor,
        chunk: int,
        info: ObjectInfo,
        segments: Sequence[Segment],
    ) -> None:
        self._blobs = blobs
        self._pool = pool
        self._chunk = chunk
        self.info = info
        self.segments = segments
        # Also run when a reader is dropped without being closed, so that its blobs can go some day.
        self._release = weakref.finalize(self, blobs.unpin, self.blob_names)
        self._release.atexit = False

    @property
    def blob_names(self) -> set[str]:
        """The blobs that hold the bytes."""
        return {segment.blob for segment in self.segments}

    @property
    def path(self) -> Path | None:
        if len(self.segments) != 1 or self.segments[0].start:
            return None
        path = self._blobs.path(self.segments[0].blob)
        return path if path.stat().st_size == self.info.size else None

    def hold(self) -> set[str]:
        """Pin the blobs once more; the caller unpins them."""
        with self._blobs.lock:
            if not self._release.alive:
                raise RuntimeError("the object was closed")
            names = self.blob_names
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

    def stream(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        return self._stream(self.slice(start, stop))

    async def read(self, start: int = 0, stop: int | None = None) -> bytes:
        return b"".join([chunk async for chunk in self.stream(start, stop)])

    async def digest(self, start: int = 0, stop: int | None = None) -> Digest:
        """Hash a range of the bytes."""
        size, md5, crc64 = 0, hashlib.md5(usedforsecurity=False), 0
        async for chunk in self.stream(start, stop):
            await in_thread(self._pool, lambda data=chunk: md5.update(data))  # type: ignore[misc]
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

    async def _stream(self, pieces: list[Segment]) -> AsyncIterator[bytes]:
        if not self._release.alive:
            raise RuntimeError("the object was closed")
        files = _Pieces(self._blobs, pieces, self._chunk)
        try:
            while files.remaining:
                chunk = files.cached()
                yield await in_thread(self._pool, files.next) if chunk is None else chunk
        finally:
            files.close()


class FileAssembly(FileReader):
    """See :class:`openmogr.storage.interface.Assembly`."""

    def __init__(
        self,
        blobs: BlobFiles,
        pool: ThreadPoolExecutor,
        chunk: int,
        upload: Upload,
        parts: Sequence[Part],
        segments: Sequence[Segment],
    ) -> None:
        hashes = hashlib.md5(usedforsecurity=False)
        crc64 = size = 0
        for part in parts:
            hashes.update(bytes.fromhex(part.etag))
            crc64 = _crc64.combine(crc64, part.crc64, part.size)
            size += part.size
        etag = f"{hashes.hexdigest()}-{len(parts)}"
        info = ObjectInfo(upload.bucket, upload.key, size, etag, crc64, upload.initiated, upload.attributes)
        super().__init__(blobs, pool, chunk, info, segments)
        self.upload = upload
        self.parts = parts


class _Pieces:
    """Reads pieces of blobs one chunk after the other, in worker threads."""

    def __init__(self, blobs: BlobFiles, pieces: list[Segment], chunk: int) -> None:
        self._blobs = blobs
        self._pieces = iter(pieces)
        self._chunk = chunk
        self._piece: Segment | None = None  # the next one, while it could not be opened
        self._descriptor: int | None = None
        self._offset = 0
        self._left = 0
        self.remaining = sum(piece.length for piece in pieces)

    def cached(self) -> bytes | None:
        """The next chunk if it lies in the page cache, which costs microseconds; None where a thread must wait."""
        if _NO_WAIT is None:
            return None
        try:
            descriptor = self._opened()
            buffer = bytearray(min(_CACHED_CHUNK, self._chunk, self._left))
            count = os.preadv(descriptor, [buffer], self._offset, _NO_WAIT)
        except OSError:  # not cached, or a file system that cannot tell; what else is wrong next() says
            return None
        return self._taken(bytes(buffer) if count == len(buffer) else bytes(buffer[:count]))

    def next(self) -> bytes:
        """The next chunk; call only while something remains."""
        try:
            data = os.pread(self._opened(), min(self._chunk, self._left), self._offset)
        except OSError as error:
            if is_shortage(error):
                raise StorageBusy(detail=f"blob cannot be read: {error}") from error
            raise InternalError(detail=f"blob cannot be read: {error}") from error
        return self._taken(data)

    def _opened(self) -> int:
        """The file of the next byte, opened."""
        if not self._left:
            self.close()
            self._piece = self._piece or next(self._pieces)
            self._descriptor = os.open(self._blobs.path(self._piece.blob), os.O_RDONLY | os.O_CLOEXEC)
            self._offset, self._left, self._piece = self._piece.start, self._piece.length, None
        assert self._descriptor is not None
        return self._descriptor

    def _taken(self, data: bytes) -> bytes:
        if not data:
            raise InternalError(detail=f"blob ends {self._left} bytes early")
        self._offset += len(data)
        self._left -= len(data)
        self.remaining -= len(data)
        return data

    def close(self) -> None:
        """Close the open file, if any."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
