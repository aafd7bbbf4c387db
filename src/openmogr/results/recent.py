"""What was used of late, in memory, so that the commonest results need neither the index nor the disk."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["Recent"]

T = TypeVar("T")


class Recent(Generic[T]):
    """Values by key, those used longest ago going first.

    Args:
        max_bytes: of all values together.
        max_value: of one value; what is longer is not kept.
    """

    def __init__(self, max_bytes: int, max_value: int) -> None:
        self._max_bytes = max_bytes
        self._max_value = max_value
        self._held = 0
        self._values: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def get(self, key: str) -> T | None:
        """The value of a key."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: str, value: T, size: int) -> None:
        """Keep a value of ``size`` bytes, if it is not too long."""
        if size > self._max_value:
            return
        self._drop(key)
        self._values[key] = (value, size)
        self._held += size
        while self._held > self._max_bytes:
            self._drop(next(iter(self._values)))

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self._held = 0

    def _drop(self, key: str) -> None:
        _, size = self._values.pop(key, (None, 0))
        self._held -= size
