"""What looks the same: the promise of ``imageSlim``, and the search for the smallest file that keeps it.

The measure is SSIMULACRA2. At 80 an average viewer does not notice the difference of two pictures that are shown
beside each other at their own size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openmogr.image.native import Picture

__all__ = ["JUDGED_PIXELS", "MIN_SIDE", "SAME_LOOK", "coarsest_alike", "looks_same"]

# SSIMULACRA2 of a slimmed picture beside its source, at least.
SAME_LOOK = 80.0
# What windows all over a larger picture have, by which that is judged.
JUDGED_PIXELS = 1 << 20
# Smaller pictures are not judged, and so only written anew without loss.
MIN_SIDE = 8

# Of windows, what chance takes.
_MARGIN = 1.0
_BLACK, _WHITE = 0, 255


def looks_same(original: Picture, other: Picture) -> bool:
    """Whether a picture keeps the promise beside its original; of those with alpha, on white and on black.

    Args:
        original: mode L, LA, RGB or RGBA, no side below ``MIN_SIDE``.
        other: of the same mode and size.
    """
    if original.mode in {"LA", "RGBA"}:
        channels = len(original.mode) - 1
        return all(
            looks_same(original.flatten([ground] * channels), other.flatten([ground] * channels))
            for ground in (_BLACK, _WHITE)
        )
    whole = original.width * original.height <= JUDGED_PIXELS
    score = original.score(other, max_pixels=JUDGED_PIXELS)
    return score >= SAME_LOOK + (0 if whole else _MARGIN)


def coarsest_alike(
    attempt: Callable[[int], bytes], alike: Callable[[bytes], bool], coarsest: int, finest: int, attempts: int
) -> bytes | None:
    """The file of the coarsest quality that keeps the promise, by bisection; None where none was found to.

    Args:
        attempt: makes the file of a quality.
        alike: whether a file keeps the promise.
        coarsest: the lowest quality to try.
        finest: the highest.
        attempts: files to make at most.
    """
    best: bytes | None = None
    low, high = coarsest, finest
    while low <= high and attempts:
        middle = (low + high) // 2
        found = attempt(middle)
        attempts -= 1
        if alike(found):
            best, high = found, middle - 1
        else:
            low = middle + 1
    return best
