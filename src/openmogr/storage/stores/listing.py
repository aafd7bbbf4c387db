"""Pages of a listing with any prefix, delimiter and marker, from a store that lists keys in order from a key on."""

from __future__ import annotations

import bisect
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Container, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime

from openmogr.storage.errors import StoreUnavailable
from openmogr.storage.stores.names import LAST, just_before

__all__ = ["Entry", "OutOfOrder", "Page", "Scan", "list_page", "sorted_scan"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An object of a listing; ``etag`` as the store has it, None where it has none."""

    key: str
    size: int
    etag: str | None
    modified: datetime


# Pages of all objects whose keys come after a text, in the order of UTF-8.
Scan = Callable[[str], AsyncGenerator[Sequence[Entry]]]
# Whether there is an object of that very key.
Exists = Callable[[str], Awaitable[bool]]


class OutOfOrder(Exception):
    """The store does not list its keys in the order of UTF-8."""


@dataclass
class Page:
    """A page being filled; ``last`` is the key or common prefix that came last.

    Attributes:
        readable: keys with a slash at the end that are objects, and not marks of folders.
    """

    prefix: str
    delimiter: str
    limit: int
    items: list[Entry] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""
    truncated: bool = False
    readable: Container[str] = ()

    @property
    def full(self) -> bool:
        """Whether nothing more may be added."""
        return len(self.items) + len(self.prefixes) >= self.limit

    def group(self, key: str) -> str | None:
        """The common prefix that stands for a key."""
        if not self.delimiter or not key.startswith(self.prefix):
            return None
        end = key.find(self.delimiter, len(self.prefix))
        return None if end < 0 else key[: end + len(self.delimiter)]

    def add(self, entry: Entry) -> bool:
        """Take in an entry; False where the page is full and this one is more."""
        group = self.group(entry.key)
        if group is not None and self.prefixes and self.prefixes[-1] == group:
            return True
        if group is None and entry.key.endswith("/") and entry.key not in self.readable:
            return True  # the mark of a folder, which cannot be read
        if self.full:
            self.truncated = True
            return False
        if group is None:
            self.items.append(entry)
        else:
            self.prefixes.append(group)
        self.last = group or entry.key
        return True


async def list_page(scan: Scan, exists: Exists, page: Page, marker: str, seconds: float) -> None:
    """Fill a page with what comes after a marker.

    A common prefix of more keys than the store tells at a time is passed over by asking for what comes behind it.
    A page for which the time is up ends early, and says that there is more.

    Args:
        scan: the store.
        exists: tells marks of folders from empty objects: the client drops the slash at their ends.
        page: empty.
        marker: a key, or a common prefix, which stands for all its keys.
        seconds: that it may take.

    Raises:
        OutOfOrder: the store has another order.
        StoreUnavailable: nothing was found in time.
    """
    if page.limit == 0:
        return
    walk = _Walk(exists, page, marker, time.monotonic() + seconds)
    after: str | None = walk.start
    while after is not None:
        async with aclosing(scan(after)) as pages:
            after = await walk.through(pages, after)


class _Walk:
    """One way through the keys, which may be taken up again further on."""

    def __init__(self, exists: Exists, page: Page, marker: str, until: float) -> None:
        self._exists = exists
        self._page = page
        self._marker = marker
        self._until = until
        self._passed = marker if page.delimiter and page.group(marker) == marker else None
        self._before = ""

    @property
    def start(self) -> str:
        """The text behind which everything of concern lies."""
        if self._passed is not None:
            return self._passed + LAST
        return self._marker if self._marker >= self._page.prefix else just_before(self._page.prefix)

    async def through(self, pages: AsyncIterator[Sequence[Entry]], after: str) -> str | None:
        """Take in what is of concern; returns behind which text to go on, None at the end."""
        self._before = ""
        async for found in pages:
            # Some servers begin anew whatever they are asked for.
            entries = [entry for entry in found if _highest(entry) > after]
            for entry in entries:
                if time.monotonic() > self._until:
                    _end_early(self._page)
                    return None
                if not self._take(await self._as_stored(entry)):
                    return None
            behind = _behind(self._page, entries)
            if behind not in (None, after):
                return behind
        return None

    async def _as_stored(self, entry: Entry) -> Entry:
        """The entry with the key that it has in the store."""
        before, self._before = self._before, max(self._before, entry.key)
        if entry.size or entry.key.endswith("/"):
            if entry.key < before:
                raise OutOfOrder
            return entry
        is_near = entry.key.startswith(self._page.prefix.rstrip("/"))
        if entry.key < before or (is_near and not await self._exists(entry.key)):
            return replace(entry, key=f"{entry.key}/")
        return entry

    def _take(self, entry: Entry) -> bool:
        """Whether there may be more."""
        if entry.key <= self._marker or (self._passed and entry.key.startswith(self._passed)):
            return True
        if not entry.key.startswith(self._page.prefix):
            return entry.key < self._page.prefix
        return self._page.add(entry)


def _highest(entry: Entry) -> str:
    """The key that an entry has at most: of an empty object the client may have dropped a slash."""
    return entry.key if entry.size else f"{entry.key}/"


def _behind(page: Page, entries: Sequence[Entry]) -> str | None:
    """Where to go on if the last entries lie under the last common prefix."""
    if not entries or not page.prefixes or not entries[-1].key.startswith(page.prefixes[-1]):
        return None
    return page.prefixes[-1] + LAST


def _end_early(page: Page) -> None:
    if not page.last:
        raise StoreUnavailable("The store of this bucket lists too slowly. Please try again.")
    page.truncated = True


def sorted_scan(entries: Sequence[Entry]) -> Scan:
    """A scan of entries that are all at hand, in whatever order."""
    ordered = sorted(entries, key=lambda entry: entry.key)
    keys = [entry.key for entry in ordered]

    async def scan(after: str) -> AsyncGenerator[Sequence[Entry]]:
        yield ordered[bisect.bisect_right(keys, after) :]

    return scan
