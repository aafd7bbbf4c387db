"""An upload on its way in: buffered, hashed and written to a temporary file in worker threads."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import AsyncIterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Lock

from openmogr.errors import CosError, InternalError, is_shortage
from openmogr.storage.embedded import crc64
from openmogr.storage.embedded.blobs import BlobFiles
from openmogr.storage.embedded.records import Segment
from openmogr.storage.embedded.worker import Threads, in_thread, settled
from openmogr.storage.errors import EntityTooLarge, StorageBusy, StorageFull
from openmogr.storage.interface import Digest

__all__ = ["FileStaged"]

_LONG = 16 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)


class FileStaged:
    """See :class:`openmogr.storage.interface.Staged`.

    A chunk is written and hashed while the next one arrives; at most two chunks are in memory.
    """

    def __init__(self, blobs: BlobFiles, pool: Threads, chunk: int, limit: int) -> None:
        self._blobs = blobs
        self._pool = pool
        self._chunk = chunk
        self._limit = limit
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._size = 0
        # MD5 is what ETags are made of; nothing here relies on it for safety.
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc64 = 0
        self._path: str | None = None
        self._descriptor: int | None = None
        self._flushing: Future[None] | None = None
        self._digest: Digest | None = None
        self._blob: str | None = None
        self._committed = False
        self._settling = Lock()

    @property
    def path(self) -> Path | None:
        return None if self._path is None else Path(self._path)

    @property
    def size(self) -> int:
        return self._size

    @property
    def digest(self) -> Digest | None:
        """The digest, once finished."""
        return self._digest

    async def write(self, chunk: bytes) -> None:
        if self._digest is not None:
            raise RuntimeError("the upload was finished before")
        self._size += len(chunk)
        if self._size > self._limit:
            raise EntityTooLarge(
                f"Your proposed upload exceeds the maximum allowed size of {self._limit} bytes."
            )
        self._buffer.append(bytes(chunk))
        self._buffered += len(chunk)
        if self._buffered >= self._chunk:
            await self.flushed()
            self._flushing = self._pool.submit(partial(self._append, self._take()))

    async def finish(self) -> Digest:
        if self._digest is None:
            await self.flushed()
            return await in_thread(self._pool, self._finished)
        return self._digest

    def _finished(self) -> Digest:
        with self._settling:
            return self._sum_up()

    def _sum_up(self) -> Digest:
        if self._digest is None:
            self._append(self._take())
            self._digest = Digest(self._size, self._md5.digest(), self._crc64)
        return self._digest

    async def stream(self) -> AsyncIterator[bytes]:
        digest = await self.finish()
        position = 0
        while position < digest.size:
            chunk = await in_thread(self._pool, partial(self._read, position))
            position += len(chunk)
            yield chunk

    def _read(self, position: int) -> bytes:
        if self._descriptor is None:
            raise RuntimeError("the upload was committed before")
        try:
            data = os.pread(self._descriptor, self._chunk, position)
        except OSError as error:
            raise _translate(error) from error
        if not data:
            raise InternalError(detail=f"staging: {self._path} ends at byte {position}")
        return data

    def settle(self) -> tuple[list[Segment], Digest]:
        """Make the bytes durable in their place, in a thread that may wait, after :meth:`flushed`.

        What lies in memory still is written there at once. The name is durable before the index refers to it.
        """
        with self._settling:
            if self._committed:
                raise RuntimeError("the upload was committed before")
            if self._path is None and self._size:
                self._blob = self._blobs.new_name()
                self._path = self._blobs.place(self._blob)
            digest = self._sum_up()
            if not digest.size:
                return [], digest
            if self._descriptor is not None:
                self._adopt(self._descriptor)
            assert self._blob is not None
            return [Segment(self._blob, 0, digest.size)], digest

    def committed(self) -> None:
        """The index owns the bytes now. Called in the thread of the commit."""
        self._committed = True

    async def aclose(self) -> None:
        """End the stage; what is not committed is removed."""
        with contextlib.suppress(CosError):
            await self.flushed()
        if self._path is not None and not (self._committed and self._descriptor is None):
            await in_thread(self._pool, self._discard)

    def _take(self) -> list[bytes]:
        data, self._buffer, self._buffered = self._buffer, [], 0
        return data

    async def flushed(self) -> None:
        """Wait for the last chunk, and raise what went wrong with it."""
        if self._flushing is not None:
            await settled(self._flushing)

    def _append(self, chunks: list[bytes]) -> None:
        # Long pieces are not joined: fresh memory for them costs more than a few calls.
        pieces = chunks if sum(map(len, chunks)) >= _LONG * len(chunks) else [b"".join(chunks)]
        if not any(pieces):
            return
        try:
            if self._descriptor is None:
                self._path = self._path or self._blobs.new_staging_path()
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                self._descriptor = os.open(self._path, flags, 0o600)
            for piece in pieces:
                rest = memoryview(piece)
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise _translate(error) from error
        for piece in pieces:
            self._md5.update(piece)
            self._crc64 = crc64.update(self._crc64, piece)

    def _adopt(self, descriptor: int) -> None:
        assert self._path is not None
        try:
            os.fsync(descriptor)
            if self._blob is None:
                blob = self._blobs.new_name()
                target = self._blobs.place(blob)
                os.rename(self._path, target)  # noqa: PTH104 - texts are enough
                self._blob, self._path = blob, target
            self._blobs.placed(self._blob)
        except OSError as error:
            raise _translate(error) from error
        self._descriptor = None
        os.close(descriptor)

    def _discard(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if not self._committed and self._path is not None:
            Path(self._path).unlink(missing_ok=True)
            if self._blob is not None:
                self._blobs.withdrawn(self._blob)


def _translate(error: OSError) -> CosError:
    detail = f"staging: {error}"
    if error.errno in _FULL:
        return StorageFull(detail=detail)
    return StorageBusy(detail=detail) if is_shortage(error) else InternalError(detail=detail)
