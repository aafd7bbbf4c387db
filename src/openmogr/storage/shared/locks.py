"""Keys locked for all nodes by rows of the catalogue, and within a process by locks of its own."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from openmogr.storage.errors import InvalidObjectName, KeyTooLong, StorageBusy
from openmogr.storage.shared.catalogue import Begun, Catalogue, Locked
from openmogr.storage.shared.records import Fact
from openmogr.storage.shared.uploads import Completed

__all__ = ["Locks"]

Recover = Callable[[Fact], Awaitable[object]]
# For so many seconds a key is waited for that others write; a large object takes its time.
_PATIENCE = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.5


class Locks:
    """Begins the writing of keys, one after the other where they are the same.

    Args:
        catalogue: which has the locks.
        recover: ends what was begun and nobody is at any more.
        give_up: the same, without what it was to become.
    """

    def __init__(self, catalogue: Catalogue, recover: Recover, give_up: Recover) -> None:
        self._catalogue = catalogue
        self._recover = recover
        self._give_up = give_up
        # With how many hold or want them.
        self._own: dict[tuple[str, str], tuple[asyncio.Lock, int]] = {}
        # Batches that are being written by this process.
        self.busy: set[str] = set()

    @asynccontextmanager
    async def begun(self, facts: Sequence[Fact], completed: Sequence[Completed] = ()) -> AsyncIterator[Begun]:
        """Put rows down which lock their keys; whoever has asked settles or releases them.

        Raises:
            StorageBusy: others have locked a key for too long.
            NoSuchBucket, NoSuchUpload, InvalidPart: nothing is locked.
        """
        async with AsyncExitStack() as stack:
            for place in sorted({(item.bucket, item.key) for item in facts}):
                await stack.enter_async_context(self._within(place))
            self.busy.update(item.batch for item in facts)
            try:
                yield await self._begin(facts, completed)
            finally:
                self.busy.difference_update(item.batch for item in facts)

    async def _begin(self, facts: Sequence[Fact], completed: Sequence[Completed]) -> Begun:
        until = time.monotonic() + _PATIENCE
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._catalogue.begin(facts, completed)
            except Locked:
                if time.monotonic() > until:
                    raise StorageBusy("The object is being written. Please try again.") from None
            for left in await self._catalogue.lockers(facts):
                if left.batch not in self.busy:
                    await self._end(left)
            # So that nodes do not go in step.
            await asyncio.sleep(pause * (0.5 + secrets.randbelow(500) / 1000))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _end(self, left: Fact) -> None:
        try:
            await self._recover(left)
        except (InvalidObjectName, KeyTooLong):
            # The store will never have it under its key, and whoever waits is about to replace or remove it.
            await self._give_up(left)

    @asynccontextmanager
    async def _within(self, place: tuple[str, str]) -> AsyncIterator[None]:
        lock, users = self._own.get(place, (asyncio.Lock(), 0))
        self._own[place] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._own[place]
            if users > 1:
                self._own[place] = lock, users - 1
            else:
                del self._own[place]
