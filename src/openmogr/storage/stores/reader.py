"""An object of a store, read piece by piece, every piece of the same version."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from openmogr.storage.interface import ObjectInfo

__all__ = ["PieceReader", "StoreReader"]

# Bytes from a position to another, exclusive.
Fetch = Callable[[int, int], Awaitable[bytes]]


class PieceReader:
    """See :class:`openmogr.storage.interface.ObjectReader`.

    Pieces are requests of their own, so that a client that reads slowly keeps none open; the next one is fetched while
    one is taken. Whether the bytes are those that were stored is the store's to check.

    Args:
        info: the object as it was when it was looked up.
        fetch: gives bytes of that version, or raises.
        chunk_bytes: of a piece.
    """

    def __init__(self, info: ObjectInfo, fetch: Fetch, chunk_bytes: int) -> None:
        self.info = info
        self._fetch = fetch
        self._chunk = chunk_bytes
        self._first: tuple[int, int, bytes] | None = None

    @property
    def path(self) -> Path | None:
        return None

    @property
    def at_hand(self) -> bytes | None:
        return None

    async def prepare(self, start: int = 0, stop: int | None = None) -> None:
        start, stop = self._range(start, stop)
        until = min(stop, start + self._chunk)
        if start < stop:
            self._first = start, until, await self._fetch(start, until)

    async def stream(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        start, stop = self._range(start, stop)
        pieces = [(begin, min(stop, begin + self._chunk)) for begin in range(start, stop, self._chunk)]
        first, self._first = self._first, None
        if pieces and first is not None and first[:2] == pieces[0]:
            yield first[2]
            del pieces[0]
        coming: asyncio.Task[bytes] | None = None
        try:
            for number, piece in enumerate(pieces):
                data = await (coming if coming is not None else self._fetch(*piece))
                coming = None
                if number + 1 < len(pieces):
                    coming = asyncio.create_task(self._fetched(*pieces[number + 1]))
                yield data
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

    async def _fetched(self, start: int, stop: int) -> bytes:
        return await self._fetch(start, stop)

    async def verify(self, *, whole: bool = False) -> None:
        return

    def crc64_to_check(self) -> int | None:
        return None

    async def read(self, start: int = 0, stop: int | None = None) -> bytes:
        return b"".join([chunk async for chunk in self.stream(start, stop)])

    async def aclose(self) -> None:
        self._first = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _range(self, start: int, stop: int | None) -> tuple[int, int]:
        if stop is None:
            stop = self.info.size
        if not 0 <= start <= stop <= self.info.size:
            raise ValueError(f"bytes {start} to {stop} of an object of {self.info.size}")
        return start, stop


class StoreReader(PieceReader):
    """An object of a bucket that is only read."""
