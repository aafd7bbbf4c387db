"""Documents that configure a bucket, at hand for the requests that they rule."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from openmogr.database import Database
from openmogr.errors import NoSuchBucket
from openmogr.storage import Storage

__all__ = ["Configurations"]

# For so many seconds an answer of the storage is taken for right; a change made here counts at once, one that another
# node made after so long.
_FRESH = 1.0
_MAX_ENTRIES = 4096


class Configurations:
    """Reads and changes the documents of buckets.

    Args:
        storage: keeps them.
        clock: seconds that only grow.
        database: where other nodes are told apart from this one while a document is changed; None without any.
    """

    def __init__(
        self,
        storage: Storage,
        clock: Callable[[], float] = time.monotonic,
        database: Database | None = None,
    ) -> None:
        self._storage = storage
        self._database = database if database is not None and database.is_shared else None
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], tuple[float, bytes | None]] = OrderedDict()
        self._changing = asyncio.Lock()

    async def get(self, bucket: str, kind: str) -> bytes | None:
        """A document as it was at most a second ago; None without one, and without the bucket."""
        place = bucket, kind
        known = self._known.get(place)
        if known is not None and self._clock() - known[0] < _FRESH:
            return known[1]
        started = self._clock()
        try:
            document = await self._storage.get_bucket_document(bucket, kind)
        except NoSuchBucket:
            document = None
        self._known[place] = started, document
        self._known.move_to_end(place)
        while len(self._known) > _MAX_ENTRIES:
            self._known.popitem(last=False)
        return document

    async def read(self, bucket: str, kind: str) -> bytes | None:
        """A document as it is. Raises ``NoSuchBucket``."""
        return await self._storage.get_bucket_document(bucket, kind)

    async def change(self, bucket: str, kind: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Put what ``change`` makes of a document, None for none; changes follow one another.

        Raises:
            NoSuchBucket: and whatever ``change`` raises; then nothing is changed.
        """
        async with self._changing, self._alone(bucket, kind):
            before = await self._storage.get_bucket_document(bucket, kind)
            after = change(before)
            if after != before:
                await self._storage.put_bucket_document(bucket, kind, after)
        self._known.pop((bucket, kind), None)

    def _alone(self, bucket: str, kind: str) -> AbstractAsyncContextManager[None]:
        """Of several nodes that change a document each goes on from what the one before has made."""
        return nullcontext() if self._database is None else self._database.locked(f"{kind} of {bucket}")
