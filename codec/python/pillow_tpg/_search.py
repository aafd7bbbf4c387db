"""Searches for the QP that meets a target with few encodings."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from pillow_tpg import _pillow_tpg as native

__all__ = ["ALL_QPS", "QpRange", "TargetError", "for_score", "for_size", "most_encodings"]

QpRange: TypeAlias = tuple[int, int]
_MAX_QP = 63
ALL_QPS: QpRange = (0, _MAX_QP)
# A file doubles over about so many QPs; a score falls by about so much with each QP.
_QPS_PER_DOUBLING = 7.0
_SCORE_PER_QP = 2.2
# Bits per pixel and SSIMULACRA2 of photos at this QP, where searches begin.
_USUAL_QP = 26
_USUAL_BITS = 1.0
_USUAL_SCORE = 70.0


def most_encodings(parts: int = 1) -> int:
    """A search never needs more: the secant may only go where bisection could still end it in time."""
    return (_MAX_QP * parts + 1).bit_length() + 1


class TargetError(native.TpgError):
    """No QP meets the target."""


Result = TypeVar("Result")


def for_size(
    attempt: Callable[[int], Result],
    size: Callable[[Result], int],
    target: int,
    pixels: float,
    parts: int = 1,
    qps: QpRange = ALL_QPS,
) -> tuple[int, Result, int]:
    """The smallest QP whose file has at most ``target`` bytes: QP, file, number of encodings.

    QPs given to ``attempt`` and returned count in steps of 1 / ``parts``; the first and the last allowed are ``qps``.

    Raises:
        TargetError: even the file at the last QP is larger.
    """
    goal = math.log2(target)

    def spare(encoded: Result) -> float:
        return (goal - math.log2(size(encoded))) * _QPS_PER_DOUBLING

    usual = math.log2(max(pixels * _USUAL_BITS / 8, 1))
    start = _USUAL_QP - (goal - usual) * _QPS_PER_DOUBLING
    search = _Search(attempt, spare, parts, qps, finest_is_best=True)
    found = search.run(start)
    if found is None:
        raise TargetError(f"target_size is {target} bytes, but even QP {qps[1]} takes {size(search.last)}")
    return found


def for_score(
    attempt: Callable[[int], Result],
    target: float,
    score: Callable[[Result], float],
    parts: int = 1,
    qps: QpRange = ALL_QPS,
) -> tuple[int, Result, int]:
    """The greatest QP whose score is at least ``target``: QP, file, number of encodings.

    QPs given to ``attempt`` and returned count in steps of 1 / ``parts``; the first and the last allowed are ``qps``.

    Raises:
        TargetError: even the score at the first QP is lower.
    """

    def spare(encoded: Result) -> float:
        return (score(encoded) - target) / _SCORE_PER_QP

    start = _USUAL_QP - (target - _USUAL_SCORE) / _SCORE_PER_QP
    search = _Search(attempt, spare, parts, qps, finest_is_best=False)
    found = search.run(start)
    if found is None:
        reached = score(search.last)
        raise TargetError(f"target_ssimulacra2 is {target}, but even QP {qps[0]} reaches only {reached:.2f}")
    return found


class _Search(Generic[Result]):
    """Finds the last QP, on the way from one end of the scale to the other, that keeps a target.

    Args:
        attempt: encodes with a QP, in steps.
        spare: by about how many QPs the target is kept with room to spare, or missed if negative.
        parts: steps per QP.
        qps: the first and the last QP allowed.
        finest_is_best: whether coarse QPs keep the target and the finest of them is sought (size); otherwise fine
            ones keep it and the coarsest of them is sought (score).
    """

    last: Result

    def __init__(
        self,
        attempt: Callable[[int], Result],
        spare: Callable[[Result], float],
        parts: int,
        qps: QpRange,
        *,
        finest_is_best: bool,
    ) -> None:
        self._attempt, self._spare, self._parts = attempt, spare, parts
        # From kept towards missed; the ends lie outside of the scale until something was measured.
        self._direction = -1 if finest_is_best else 1
        ends = (qps[1] * parts + 1, qps[0] * parts - 1)
        self._kept, self._missed = ends if finest_is_best else ends[::-1]
        self._known: list[tuple[int, float]] = []

    def run(self, start: float) -> tuple[int, Result, int] | None:
        """Searches from a guess; None if no QP keeps the target, and then ``last`` is the file closest to it."""
        best: tuple[int, Result] | None = None
        guess, most = start * self._parts, most_encodings(self._parts)
        for encodings in range(1, most + 1):
            qp = self._allowed(guess, most - encodings)
            self.last = self._attempt(qp)
            spare = self._spare(self.last) * self._parts
            self._known.append((qp, spare))
            if spare >= 0:
                self._kept, best = qp, (qp, self.last)
            else:
                self._missed = qp
            if abs(self._kept - self._missed) == 1:
                return None if best is None else (*best, encodings)
            guess = self._secant()
        return None if best is None else (*best, most)

    def _allowed(self, guess: float, left: int) -> int:
        """The QP next to ``guess`` from which bisection can end the search with ``left`` encodings."""
        low, high = sorted((self._kept, self._missed))
        widest = 1 << left
        least, greatest = max(low + 1, high - widest), min(high - 1, low + widest)
        qp = math.floor(guess) if self._direction > 0 else math.ceil(guess)
        return min(max(qp, least), greatest)

    def _secant(self) -> float:
        """Where the line through the last two points keeps the target barely."""
        qp, spare = self._known[-1]
        slope = -float(self._direction)
        if len(self._known) > 1:
            before, spare_before = self._known[-2]
            measured = (spare - spare_before) / (qp - before)
            slope = measured if measured * slope > 0 else slope
        return qp - spare / slope
