"""What remembers results, on one node or on several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol

__all__ = ["Entry", "Readable", "Remembering", "StoreStatistics"]


class Readable(Protocol):
    """Bytes that are read in pieces."""

    size: int

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes ``start`` to ``stop``. Raises ``OSError`` where there are fewer."""


@dataclass(slots=True)
class Entry:
    """A result that was found.

    Attributes:
        head: what was stored with it.
        size: bytes of its content.
        file: the content, verified; the caller closes it.
    """

    head: bytes
    size: int
    file: BinaryIO


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """What the store holds, and what it did since it was opened."""

    entries: int
    bytes: int
    max_bytes: int
    hits: int
    misses: int
    damaged: int
    evicted: int


class Remembering(Protocol):
    """Gives back what it was given, if it still has it; a miss costs only that the result is made again."""

    @property
    def generation(self) -> int:
        """Another number once all was forgotten; cheap."""

    async def open(self) -> None:
        """Raises ``OSError`` if it cannot be used at all."""

    async def close(self) -> None:
        """Write what is in memory, and close."""

    async def get(self, key: str) -> Entry | None:
        """The result of a key; never fails."""

    async def put(self, key: str, head: bytes, content: bytes | Readable) -> None:
        """Keep a result; never fails."""

    def touch(self, key: str) -> None:
        """Note that a result was used which its user had in memory."""

    async def statistics(self) -> StoreStatistics:
        """What is there, and what happened."""
