"""Objects as they are now: what the store tells of them, and what the catalogue knows besides."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from openmogr.errors import NoSuchKey, NotImplementedHere
from openmogr.storage.embedded.records import milliseconds, moment
from openmogr.storage.interface import ObjectAttributes, ObjectInfo, ObjectList
from openmogr.storage.shared.catalogue import Catalogue
from openmogr.storage.shared.place import Place
from openmogr.storage.shared.reader import PlaceReader
from openmogr.storage.shared.records import Fact, Found, State, plain_etag
from openmogr.storage.stores.listing import Entry, OutOfOrder, Page, Scan, list_page, sorted_scan

__all__ = ["Looking", "Seen"]

# Two that agree are enough; more are for keys that are being written all the time.
_LOOKS = 6
_MAX_SORTED = 1_000_000
_PORTION = 1000
# Stands for the ETag of what lies hidden still.
_HIDDEN_ETAG = "\0"


@dataclass(frozen=True, slots=True)
class Seen:
    """An object: what is told of it, where it lies, as what, and the row that describes it, if one does."""

    info: ObjectInfo
    path: str
    found: Found
    fact: Fact | None


class Looking:
    """Reads, without changing anything.

    Args:
        place: where the objects lie.
        catalogue: what else is known.
        chunk_bytes: of what is read in one request.
        seconds: that a page of a listing may take.
    """

    def __init__(self, place: Place, catalogue: Catalogue, chunk_bytes: int, seconds: float) -> None:
        self._place = place
        self._catalogue = catalogue
        self._chunk = chunk_bytes
        self._seconds = seconds
        self._is_ordered = place.is_ordered

    async def look(self, bucket: str, key: str) -> Seen:
        """An object as it is.

        Store and catalogue are asked one after the other, so that a write between the two shows one's old and the
        other's new: then both are asked again. What stays without a row was written by somebody else.

        Raises:
            NoSuchBucket, NoSuchKey, StoreUnavailable: as ``Storage.head_object``.
        """
        path = self._place.path_of(bucket, key)
        before: tuple[Found | None, list[str]] | None = None
        found: Found | None = None
        for _ in range(_LOOKS):
            found, facts = await asyncio.gather(self._place.find(path), self._catalogue.facts(bucket, key))
            moving = next((item for item in facts if item.state in (State.DECIDED, State.REMOVED)), None)
            if moving is not None:
                seen = await self._moving(moving, path)
                if seen is not None:
                    return seen
                continue
            if found is not None:
                fact = described(facts, found)
                if fact is not None:
                    return self._seen(fact, path, found)
            now = found, sorted(item.id for item in facts)
            if now == before or (
                found is not None and not found.mark and not facts and self._place.abilities.attributes
            ):
                break
            before = now
        if found is None:
            raise NoSuchKey(detail=f"key {key!r}")
        return self._foreign(bucket, key, path, found)

    async def find(self, bucket: str, key: str) -> Seen | None:
        """The same; None where there is no object."""
        try:
            return await self.look(bucket, key)
        except NoSuchKey:
            return None

    async def _moving(self, fact: Fact, path: str) -> Seen | None:
        """An object that is about to be moved or removed; None where that has just been done."""
        if fact.state is State.REMOVED:
            raise NoSuchKey(detail=f"key {fact.key!r}")
        for place in (fact.place, path):
            found = await self._place.find(place) if place else None
            if place and found is not None and (found.size, found.mark) == (fact.size, fact.mark):
                return Seen(fact.info(), place, found, fact)
        return None

    def _seen(self, fact: Fact, path: str, found: Found) -> Seen:
        return Seen(fact.info(self._place.origin(path, found), found.headers), path, found, fact)

    def _foreign(self, bucket: str, key: str, path: str, found: Found) -> Seen:
        info = ObjectInfo(
            bucket=bucket,
            key=key,
            size=found.size,
            etag=plain_etag(found.etag) or self._place.origin(path, found)[:32],
            crc64=0,
            last_modified=_milliseconds(found.modified),
            attributes=ObjectAttributes(found.headers),
            origin=self._place.origin(path, found),
        )
        return Seen(info, path, found, None)

    def opened(self, seen: Seen) -> PlaceReader:
        """A reader of an object."""
        fetch = partial(self._place.read, seen.path, seen.found)
        return PlaceReader(seen.info, fetch, self._chunk, seen.path, seen.found)

    # Listings

    async def list_page(
        self, bucket: str, prefix: str, delimiter: str, marker: str, max_keys: int
    ) -> ObjectList:
        """A page of a listing, as of ``Storage.list_objects``; early at its end where the store is slow."""
        view = _View(self._catalogue, bucket, prefix, await self._catalogue.moving(bucket))
        page = Page(prefix, delimiter, max_keys, readable=view.here)

        async def exists(key: str) -> bool:
            return key in view.here or await self._place.find(self._place.path_of(bucket, key)) is not None

        def scan(after: str) -> AsyncGenerator[Sequence[Entry]]:
            return view.scan(self._place.pages(f"{bucket}/", prefix, after), after)

        if self._is_ordered:
            try:
                await list_page(scan, exists, page, marker, self._seconds)
            except OutOfOrder:
                self._is_ordered = False
                page = Page(prefix, delimiter, max_keys, readable=view.here)
        if not self._is_ordered and max_keys:
            ordered: Scan = sorted_scan(await self._all_of(scan("")))
            await list_page(ordered, exists, page, marker, self._seconds)
        objects = await self._listed(bucket, page.items, view.here)
        return ObjectList(objects, page.prefixes, page.truncated, page.last if page.truncated else None)

    async def _all_of(self, pages: AsyncGenerator[Sequence[Entry]]) -> list[Entry]:
        entries: list[Entry] = []
        async for page in pages:
            entries += page
            if len(entries) > _MAX_SORTED:
                raise NotImplementedHere(
                    f"The folder has more than {_MAX_SORTED} objects, too many to be listed."
                )
        return entries

    async def _listed(self, bucket: str, entries: Sequence[Entry], here: dict[str, Fact]) -> list[ObjectInfo]:
        known = await self._catalogue.facts_of(bucket, [entry.key for entry in entries]) if entries else {}
        infos: list[ObjectInfo] = []
        for entry in entries:
            if entry.etag == _HIDDEN_ETAG:
                infos.append(here[entry.key].info())
                continue
            path = self._place.path_of(bucket, entry.key)
            found = Found(entry.size, entry.etag or "", "", entry.modified, ObjectAttributes().headers, "")
            fact = _listed_fact(known.get(entry.key, ()), found)
            seen = self._seen(fact, path, found) if fact else self._foreign(bucket, entry.key, path, found)
            infos.append(seen.info)
        return infos


def described(facts: Sequence[Fact], found: Found) -> Fact | None:
    """The row that describes an object of the store; the newest, if several do."""
    fitting = [item for item in facts if item.describes(found)]
    return max(fitting, key=lambda item: (item.store_etag is None, item.modified), default=None)


def _listed_fact(facts: Sequence[Fact], found: Found) -> Fact | None:
    """The same where the store has not told the mark."""
    told = plain_etag(found.etag)

    def is_of(item: Fact) -> bool:
        if item.store_etag is not None and plain_etag(item.store_etag) == told:
            return True
        return item.state is State.BEGUN and item.etag == told

    fitting = [item for item in facts if item.size == found.size and is_of(item)]
    return max(fitting, key=lambda item: item.modified, default=None)


class _View:
    """What the catalogue knows better than the store, put in between while keys are listed.

    Attributes:
        here: objects that the store does not list under their keys, as far as they were met.
    """

    def __init__(self, catalogue: Catalogue, bucket: str, prefix: str, moving: Sequence[Fact]) -> None:
        self._catalogue = catalogue
        self._bucket = bucket
        self._prefix = prefix
        self._known = {fact.key for fact in moving}
        self._removed = {fact.key for fact in moving if fact.state is State.REMOVED}
        self.here = {fact.key: fact for fact in moving if fact.state is State.DECIDED and not fact.odd}
        self._moved = sorted(self.here)

    async def scan(
        self, pages: AsyncGenerator[Sequence[Entry]], after: str
    ) -> AsyncGenerator[Sequence[Entry]]:
        """Pages of the store from behind a text on, with what is here, and without what it has no more."""
        async with aclosing(pages), aclosing(self._more(after)) as more:
            ahead = await anext(more, None)
            async for page in pages:
                merged: list[Entry] = []
                for entry in page:
                    while ahead is not None and ahead.key < entry.key:
                        merged.append(ahead)
                        ahead = await anext(more, None)
                    if entry.key not in self._known:
                        merged.append(entry)
                yield merged
            while ahead is not None:
                yield [ahead]
                ahead = await anext(more, None)

    async def _more(self, after: str) -> AsyncGenerator[Entry]:
        """What lies hidden, in order."""
        moved = deque(self._moved[bisect_right(self._moved, after) :])
        last = after
        while True:
            facts = await self._catalogue.odd(self._bucket, self._prefix, last, _PORTION)
            for fact in facts:
                if fact.key == last or fact.key in self._removed:
                    continue
                last = fact.key
                while moved and moved[0] < last:
                    yield _entry(self.here[moved.popleft()])
                self.here[last] = fact
                yield _entry(fact)
            if len(facts) < _PORTION:
                break
            last = facts[-1].key
        for key in moved:
            yield _entry(self.here[key])


def _entry(fact: Fact) -> Entry:
    return Entry(fact.key, fact.size, _HIDDEN_ETAG, moment(fact.modified))


def _milliseconds(time: datetime) -> datetime:
    return moment(milliseconds(time.astimezone(UTC)))
