"""What was begun and not ended: by a node that is no more, or because store or database could not be reached."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence

from openmogr.errors import CosError
from openmogr.storage.errors import StoreUnavailable
from openmogr.storage.shared.catalogue import LEASE, Catalogue, Locked
from openmogr.storage.shared.place import MAX_COPY, WHOLE, Place
from openmogr.storage.shared.records import Fact, State

__all__ = ["Recovery"]

_log = logging.getLogger("openmogr.storage")
_RENEWED, _LOOKED = 5.0, 30.0


class Recovery:
    """Ends what was begun, now and then for other nodes.

    Args:
        place: where the objects lie.
        catalogue: what is to be ended.
        busy: batches that this process is writing.
    """

    def __init__(self, place: Place, catalogue: Catalogue, busy: set[str]) -> None:
        self._place = place
        self._catalogue = catalogue
        self._busy = busy
        self._alive_until = 0.0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Be a node, end what is left, and go on with both."""
        await self._renew()
        await self.look()
        self._task = asyncio.create_task(self._go_on())

    async def close(self) -> None:
        """Be a node no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        with contextlib.suppress(CosError):
            await self._catalogue.leave(self._catalogue.node)

    def check_alive(self) -> None:
        """Raises ``StoreUnavailable`` once others may take this node for dead, and its work over."""
        if self._catalogue.database.is_shared and time.monotonic() > self._alive_until:
            raise StoreUnavailable("The database was out of reach for too long. Please try again.")

    async def _renew(self) -> None:
        asked = time.monotonic()
        await self._catalogue.renew()
        # Somewhat less, for clocks that do not go alike.
        self._alive_until = asked + 0.75 * LEASE

    async def _go_on(self) -> None:
        looked = time.monotonic()
        while True:
            await asyncio.sleep(_RENEWED)
            with contextlib.suppress(CosError):
                await self._renew()
                if time.monotonic() - looked > _LOOKED:
                    looked = time.monotonic()
                    await self.look()

    async def look(self) -> None:
        """End all that nobody is at any more."""
        for fact in await self._catalogue.left_behind():
            if fact.batch not in self._busy:
                try:
                    await self.end(fact)
                except CosError as error:
                    _log.warning(
                        "%s/%s was not ended: %s", fact.bucket, fact.key, error.detail or error.message
                    )
        await self.remove_files(await self._catalogue.unused_files())
        await self.remove_files(await self._catalogue.cut_files(), cut=True)

    async def end(self, fact: Fact) -> None:
        """End one row; done again, and by several at once, the outcome is the same."""
        if fact.node != self._catalogue.node and not await self._catalogue.take_over(fact):
            return
        _log.info("ending what was begun with %s/%s", fact.bucket, fact.key)
        try:
            if fact.state is State.DECIDED:
                await self.move([fact], await self._before(fact))
            elif fact.state is State.REMOVED:
                await self.remove([fact], await self._before(fact))
            else:
                await self.end_begun(fact, await self._before(fact))
        except Locked:
            return

    async def _before(self, fact: Fact) -> list[str]:
        facts = (await self._catalogue.facts_of(fact.bucket, [fact.key])).get(fact.key, [])
        return [item.id for item in facts if item.state is State.SETTLED]

    async def end_begun(self, fact: Fact, before: Sequence[str]) -> bool:
        """Settle what was written under its key, and undo all else; returns whether it was."""
        if fact.state is State.BEGUN and fact.place is None:
            found = await self._place.find(self._place.path_of(fact.bucket, fact.key))
            if found is not None and fact.describes(found):
                await self.remove_files(await self._catalogue.settle([fact], [found.etag], before))
                return True
        await self.undo([fact])
        return False

    async def undo(self, facts: Sequence[Fact]) -> None:
        """Give up what was begun."""
        for fact in facts:
            if fact.place is not None:
                await self._place.clear(fact.place, cut=fact.size > WHOLE)
        await self._catalogue.release(facts)

    async def move(self, facts: Sequence[Fact], before: Sequence[str]) -> None:
        """Move what was decided under its key."""
        etags = [await self._moved(fact) for fact in facts]
        hidden = [fact.place for fact in facts if fact.place is not None]
        if not self._place.abilities.renames:
            await self._place.delete(hidden)
        await self.remove_files(await self._catalogue.settle(facts, etags, before))

    async def _moved(self, fact: Fact) -> str:
        path = self._place.path_of(fact.bucket, fact.key)
        assert fact.place is not None
        if await self._place.find(fact.place) is not None:
            if self._place.abilities.renames:
                await self._place.rename(fact.place, path)
            elif fact.size <= MAX_COPY:
                await self._place.copy(fact.place, path)
            else:
                attributes = self._place.attributes_of(fact.attributes.headers, fact.mark)
                await self._place.put_stream(path, fact.size, self._hidden(fact.place, fact.size), attributes)
        found = await self._place.find(path)
        # None: somebody else has removed it since.
        return "" if found is None else found.etag

    async def _hidden(self, place: str, size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, WHOLE):
            yield await self._place.read(place, None, start, min(size, start + WHOLE))

    async def remove(self, facts: Sequence[Fact], before: Sequence[str]) -> None:
        """Remove objects that are none any more."""
        await self._place.delete([self._place.path_of(fact.bucket, fact.key) for fact in facts])
        await self._catalogue.release(facts, before)

    async def remove_files(self, places: Sequence[str], *, cut: bool = False) -> None:
        """Remove hidden files that nothing uses; what cannot be removed now is later.

        Args:
            places: where they lie.
            cut: their writing may have been cut off in the middle.
        """
        if not places:
            return
        try:
            for place in places:
                await self._place.clear(place, cut=cut)
            await self._catalogue.removed(places)
        except CosError as error:
            _log.warning("%d hidden files are to be removed yet: %s", len(places), error)
