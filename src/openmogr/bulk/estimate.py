"""How long pictures will take, by what a listing tells of them; and batches of about the same length.

What a picture needs exactly is known when its header was read (``openmogr.image.cost``), and it is admitted by that
where it is worked on. A listing tells names and bytes; those do for cutting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from openmogr.bulk.model import Batch, Item, Outcome, Status

__all__ = ["Cutter", "Estimate"]

# What a picture takes whatever its size, and each of its bytes besides, in seconds, before anything was measured.
_BASE, _PER_BYTE = 0.002, 100e-9
# What was measured before counts as so many seconds of work.
_MEMORY = 20.0
# Until then a guess may be far off, so that batches are of few objects.
_FIRST_SECONDS, _FIRST_COUNT = 0.5, 16


class Estimate:
    """Seconds of processor time by suffix and size, put right by what is measured as a run goes on."""

    def __init__(self) -> None:
        self._guessed: dict[str, float] = defaultdict(float)
        self._measured: dict[str, float] = defaultdict(float)

    def seconds(self, item: Item) -> float:
        """Of one object."""
        kind = _kind(item)
        kind = kind if kind in self._measured else ""
        if not self._measured[kind]:
            return _guess(item)
        return _guess(item) * self._measured[kind] / self._guessed[kind]

    @property
    def is_measured(self) -> bool:
        """Whether anything was."""
        return bool(self._measured[""])

    def learn(self, outcomes: Sequence[Outcome]) -> None:
        """Take in what was measured."""
        for outcome in outcomes:
            if outcome.status is not Status.done:
                continue
            for kind in {_kind(outcome.item), ""}:
                keep = min(1.0, _MEMORY / max(self._measured[kind], 1e-9))
                self._guessed[kind] = self._guessed[kind] * keep + _guess(outcome.item)
                self._measured[kind] = self._measured[kind] * keep + max(outcome.cpu, 1e-6)


def _kind(item: Item) -> str:
    # Keys may hold anything behind their last dot.
    return PurePosixPath(item.key).suffix.lower()[:6]


def _guess(item: Item) -> float:
    return _BASE + _PER_BYTE * item.size


class Cutter:
    """Cuts what is to be done into batches.

    Args:
        estimate: of single objects.
        seconds: of a batch.
        size: most bytes of the sources of a batch, unless it is of one.
        count: most objects of a batch.
    """

    def __init__(self, estimate: Estimate, *, seconds: float, size: int, count: int = 1000) -> None:
        self._estimate = estimate
        self._seconds, self._size, self._count = seconds, size, count
        self._items: list[Item] = []
        self._taken = 0.0
        self._bytes = 0

    def add(self, item: Item, seconds: float | None = None) -> Batch | None:
        """Put one in; a batch if that made one full.

        Args:
            seconds: of this batch, where it is to be a shorter one.
        """
        wanted = self._seconds if seconds is None else min(self._seconds, seconds)
        most = self._count
        if not self._estimate.is_measured:
            wanted, most = min(wanted, _FIRST_SECONDS), min(most, _FIRST_COUNT)
        full = self.rest() if self._bytes + item.size > self._size else None
        self._items.append(item)
        self._taken += self._estimate.seconds(item)
        self._bytes += item.size
        if full is None and (self._taken >= wanted or len(self._items) >= most):
            full = self.rest()
        return full

    def rest(self) -> Batch | None:
        """What is there, if there is something."""
        if not self._items:
            return None
        batch = Batch(self._items, self._taken)
        self._items, self._taken, self._bytes = [], 0.0, 0
        return batch
