"""What the index said of objects of late, for as long as nothing in it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from openmogr.storage.embedded.records import Segment
from openmogr.storage.interface import ObjectInfo

__all__ = ["Found", "RecentObjects"]

# An object and where its bytes lie.
Found: TypeAlias = tuple[ObjectInfo, Sequence[Segment]]

_MOST = 4096
# Objects of many pieces are few, and their lists long.
_PIECES = 4


class RecentObjects:
    """Answers of the index, all of which are forgotten with the first change of anything.

    Used by one thread, that of the event loop.

    Args:
        changes: a number that is odd while the index is being changed, and another one after each change.
    """

    def __init__(self, changes: Callable[[], int]) -> None:
        self._changes = changes
        self._known: dict[tuple[str, bytes], Found] = {}
        self._since = 0

    def find(self, bucket: str, key: bytes) -> Found | None:
        """What the index would say now; None: it has to be asked.

        Who pins the blobs holds their lock meanwhile: changes end with it, before they remove any.
        """
        return self._known.get((bucket, key)) if self._since == self._changes() else None

    def looked_up(self, bucket: str, key: bytes, look_up: Callable[[], Found]) -> Found:
        """What ``look_up`` gives, remembered if nothing changed meanwhile."""
        before = self._changes()
        found = look_up()
        if before == self._changes() and not before % 2 and len(found[1]) <= _PIECES:
            if before != self._since or len(self._known) >= _MOST:
                self._known.clear()
                self._since = before
            self._known[bucket, key] = found
        return found
