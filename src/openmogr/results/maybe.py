"""Which keys may be there: told at once, without the index."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["MaybeKeys"]

_BITS = 23
_MASK = (1 << _BITS) - 1
# Beyond so many keys more than a tenth of the others would be taken for known.
_ENOUGH = 2_000_000


class MaybeKeys:
    """A Bloom filter in 1 MiB: ``in`` is never false for a key that was added.

    Args:
        keys: what is there.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._bits = bytearray(1 << _BITS - 3)
        self._added = 0
        for key in keys:
            self.add(key)
        self._enough = max(_ENOUGH, 2 * self._added)

    def add(self, key: str) -> None:
        """Take a key in."""
        self._added += 1
        for place in _places(key):
            self._bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, key: str) -> bool:
        bits = self._bits
        return all(bits[place >> 3] >> (place & 7) & 1 for place in _places(key))

    @property
    def is_full(self) -> bool:
        """Whether it says yes too often, and is better made anew of what is there still."""
        return self._added > self._enough


def _places(key: str) -> tuple[int, int, int]:
    number = hash(key)
    return number & _MASK, number >> 20 & _MASK, number >> 40 & _MASK
