"""Objects and uploads as the image room takes them: files, or bytes in memory."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import IO

from openmogr.errors import CosError, InternalError
from openmogr.image import Source
from openmogr.storage.interface import ObjectReader, Staged

__all__ = ["OpenSource"]

# What is shorter, and does not lie in a file, is kept in memory.
_IN_MEMORY = 1024 * 1024


class OpenSource:
    """The source of image work, made when it is first asked for.

    What does not lie in one file is copied into a temporary one, unless it is short. The owner of ``content`` closes
    this first.

    Args:
        content: finished or open; the size of its bytes has been checked.
        size: bytes.
        etag: with ``size`` and ``told_by``, what tells the content from all others.
        told_by: the CRC-64, or the ``origin`` of an object in a store elsewhere.
        name: the object key, for messages.
    """

    def __init__(
        self, content: Staged | ObjectReader, size: int, etag: str, told_by: int | str, name: str = ""
    ) -> None:
        self.identity = (size, etag, told_by)
        self.size = size
        self._content = content
        self._name = name
        self._reader: ObjectReader | None = None
        self._path: Path | None = None  # of the content's file, once looked up
        self._source: Source | None = None
        self._spooled: IO[bytes] | None = None
        self._making = asyncio.Lock()
        # What whoever reads the source has to find; None where it was checked, or need not be.
        self.crc64_to_check: int | None = None

    @classmethod
    def of(cls, reader: ObjectReader) -> OpenSource:
        """That of an open object."""
        info = reader.info
        source = cls(reader, info.size, info.etag, info.origin or info.crc64, info.key)
        source._reader = reader
        return source

    @property
    def to_copy(self) -> int:
        """Bytes that :meth:`get` copies, to memory or to a file."""
        try:
            return 0 if self._source is not None or self._place() is not None else self.size
        except OSError:  # of which reading says more
            return 0

    def _place(self) -> Path | None:
        """The file of the bytes, which stays where it is once there is one."""
        if self._path is None:
            self._path = self._content.path
        return self._path

    async def get(self, folder: Path | None = None) -> Source:
        """The source.

        Args:
            folder: where it is copied, should that be needed; None: the system's for temporary files.
        """
        if self._source is not None:
            return self._source
        async with self._making:
            if self._source is None:
                # What is made of damaged bytes would be remembered as if it were right.
                if self._reader is not None and not self._lies_in_a_file(self._reader):
                    await self._reader.verify(whole=True)
                self._source = await self._make(folder)
            return self._source

    def _lies_in_a_file(self, reader: ObjectReader) -> bool:
        """Whether the bytes can be checked by who reads them anyway."""
        try:
            if self.size and self._place() is not None:
                self.crc64_to_check = reader.crc64_to_check()
                return True
        except OSError:  # of which checking says more
            pass
        return False

    async def damaged(self) -> CosError:
        """What is to be said where other bytes were read; also for the log."""
        assert self._reader is not None
        try:
            await self._reader.verify(whole=True)
        except CosError as error:
            return error
        return InternalError(detail=f"{self._name} was read otherwise once than another time")

    async def aclose(self) -> None:
        """Remove what was copied."""
        if self._spooled is not None:
            await asyncio.to_thread(self._spooled.close)
            self._spooled = None

    async def _make(self, folder: Path | None) -> Source:
        if not self.size:  # an empty upload has no file
            return Source(data=b"", name=self._name)
        if (path := self._place()) is not None:
            return Source(path=path, name=self._name)
        if self.size <= _IN_MEMORY:
            return Source(data=b"".join([chunk async for chunk in self._content.stream()]), name=self._name)
        self._spooled = file = await asyncio.to_thread(_temporary_file, folder)
        async for chunk in self._content.stream():
            await asyncio.to_thread(file.write, chunk)
        await asyncio.to_thread(file.flush)
        return Source(path=Path(file.name), name=self._name)


def _temporary_file(folder: Path | None) -> IO[bytes]:
    file: IO[bytes] = tempfile.NamedTemporaryFile(prefix="openmogr-", dir=folder)  # noqa: SIM115 - closed by its owner
    return file
