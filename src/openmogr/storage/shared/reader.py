"""Objects of the place, and what a multipart upload will become, open for reading."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from openmogr.storage.embedded import crc64
from openmogr.storage.interface import Digest, ObjectInfo, Part, Upload
from openmogr.storage.shared.records import Found, parts_etag
from openmogr.storage.shared.uploads import Completed
from openmogr.storage.stores.reader import PieceReader

__all__ = ["PlaceReader", "UploadReader", "digest_of"]

# Bytes of a path from a position to another, exclusive.
Read = Callable[[str, int, int], Awaitable[bytes]]


class PlaceReader(PieceReader):
    """See :class:`openmogr.storage.interface.ObjectReader`.

    Args:
        info: the object as it was when it was looked up.
        fetch: gives bytes of that version, or raises.
        chunk_bytes: of a piece.
        path: where it lay.
        found: what the store told of it.
    """

    def __init__(
        self,
        info: ObjectInfo,
        fetch: Callable[[int, int], Awaitable[bytes]],
        chunk_bytes: int,
        path: str = "",
        found: Found | None = None,
    ) -> None:
        super().__init__(info, self._open_fetch, chunk_bytes)
        self._of_store = fetch
        self._is_open = True
        self.at = path
        self.found = found

    async def _open_fetch(self, start: int, stop: int) -> bytes:
        if not self._is_open:
            raise RuntimeError("the object was closed")
        return await self._of_store(start, stop)

    async def stream(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        if not self._is_open:
            raise RuntimeError("the object was closed")
        async for piece in super().stream(start, stop):
            yield piece

    async def aclose(self) -> None:
        self._is_open = False
        await super().aclose()


class UploadReader(PlaceReader):
    """See :class:`openmogr.storage.interface.Assembly`.

    Args:
        completed: the upload and the parts that make the object.
        read: gives bytes of a part's file.
        chunk_bytes: of a piece.
    """

    def __init__(self, completed: Completed, read: Read, chunk_bytes: int) -> None:
        self.completed = completed
        self._read_part = read
        crc = size = 0
        for part in self.parts:
            crc = crc64.combine(crc, part.crc64, part.size)
            size += part.size
        upload = completed.upload
        etag = parts_etag(list(self.parts))
        info = ObjectInfo(upload.bucket, upload.key, size, etag, crc, upload.initiated, upload.attributes)
        super().__init__(info, self._fetch_parts, chunk_bytes)

    @property
    def upload(self) -> Upload:
        """The upload being completed."""
        return self.completed.upload

    @property
    def parts(self) -> Sequence[Part]:
        """Its parts that make the object, in order."""
        return [item.part for item in self.completed.parts]

    async def _fetch_parts(self, start: int, stop: int) -> bytes:
        pieces: list[bytes] = []
        position = 0
        for item in self.completed.parts:
            first = max(start - position, 0)
            last = min(stop - position, item.part.size)
            if first < last:
                pieces.append(await self._read_part(item.place, first, last))
            position += item.part.size
        return b"".join(pieces)


async def digest_of(chunks: AsyncIterator[bytes]) -> Digest:
    """Hash bytes, in threads."""
    size, md5, crc = 0, hashlib.md5(usedforsecurity=False), 0
    async for chunk in chunks:
        await asyncio.to_thread(md5.update, chunk)
        crc = crc64.update(crc, chunk)
        size += len(chunk)
    return Digest(size, md5.digest(), crc)
