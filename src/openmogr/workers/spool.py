"""How much may lie in files on its way to clients, some of whom read slowly."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque

from openmogr.workers.admission import Busy
from openmogr.workers.held import HeldBytes

__all__ = ["Spool"]

_log = logging.getLogger("openmogr.workers")

# Seconds between two looks for room, which is seldom wanted.
_PAUSE = 0.05


class Spool:
    """Bounds the bytes of long replies that are held, by having the slowest readers give way.

    Args:
        limit: bytes; 0: any number. One reply that is longer has its place while it is the only one.
        patience: seconds that a reply waits for room at most.
        least: seconds that whoever sends a reply has for it, whatever else wants its room.
    """

    def __init__(self, limit: int, patience: float, least: float = 10.0) -> None:
        self.limit, self.patience, self.least = limit, patience, least
        self.given_way = 0
        self._held = 0
        self._let_go: deque[int] = deque()  # by whatever thread
        self._sending: dict[HeldBytes, float] = {}

    @property
    def held(self) -> int:
        """Bytes that are held."""
        while self._let_go:
            self._held -= self._let_go.popleft()
        return self._held

    async def take(self, part: HeldBytes) -> None:
        """Hold a reply until it is closed for the last time.

        Raises:
            Busy: there was no room within the patience; the reply is its caller's to close.
        """
        size = part.size
        deadline = time.monotonic() + self.patience
        while self.limit and self.held and self._held + size > self.limit:
            if self._one_gives_way():
                continue
            if time.monotonic() >= deadline:
                raise Busy()
            await asyncio.sleep(_PAUSE)
        self._held += size
        part.when_gone(lambda: self._let_go.append(size))

    def sent_from_now(self, part: HeldBytes) -> None:
        """Whoever reads a part has begun to send it: from ``least`` on it may have to give way, if it was taken."""
        if part.is_counted:
            self._sending[part] = time.monotonic()

    def sent(self, part: HeldBytes) -> None:
        """It is sent, or nobody wants it any more."""
        self._sending.pop(part, None)

    def _one_gives_way(self) -> bool:
        """Close the part that is being sent for longest; its reader is told by the end of the connection."""
        for part, since in self._sending.items():
            seconds = time.monotonic() - since
            if seconds < self.least:
                return False
            del self._sending[part]
            self.given_way += 1
            _log.warning("a client that reads %d bytes for %.0f s gives way to others", part.size, seconds)
            part.close()
            return True
        return False
