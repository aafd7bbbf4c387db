"""Listing with prefix and delimiter by seeking: a common prefix costs one look-up for all its keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from openmogr.storage.embedded.keys import successor

__all__ = ["Page", "list_page"]

Item = TypeVar("Item")
# Rows from a lower bound (inclusive or not) to an upper bound (exclusive, None for no bound), ordered.
Seek: TypeAlias = Callable[[bytes, bool, bytes | None], Iterator[tuple[bytes, Item]]]


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """``last`` is the key or common prefix that ended the page, set when there is more."""

    items: list[Item]
    prefixes: list[bytes]
    last: bytes | None


def list_page(
    seek: Seek[Item], prefix: bytes, delimiter: bytes, marker: bytes, limit: int, *, after: bool = True
) -> Page[Item]:
    """One page of a listing.

    Args:
        seek: gives the rows of a range of keys.
        marker: list behind this key; a common prefix as marker skips what it stands for.
        limit: most items and prefixes together.
        after: False to list from the marker itself on (the seek drops what of it was listed before).
    """
    upper = successor(prefix) if prefix else None
    lower, inclusive = (marker, not after) if marker >= prefix and marker else (prefix, True)
    if delimiter and _group(marker, prefix, delimiter) == marker:
        lower, inclusive = successor(marker), True
    items: list[Item] = []
    prefixes: list[bytes] = []
    last = b""
    while limit:
        for key, item in seek(lower, inclusive, upper):
            if len(items) + len(prefixes) == limit:
                return Page(items, prefixes, last)
            group = _group(key, prefix, delimiter) if delimiter else None
            if group is not None:
                prefixes.append(group)
                last = group
                lower, inclusive = successor(group), True
                break
            items.append(item)
            last = key
        else:
            break
    return Page(items, prefixes, None)


def _group(key: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    """The common prefix that stands for a key, or None if it stands for itself."""
    if not key.startswith(prefix):
        return None
    end = key.find(delimiter, len(prefix))
    return None if end < 0 else key[: end + len(delimiter)]
