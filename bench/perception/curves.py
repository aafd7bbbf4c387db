"""Curves of quality over size, and how far they lie apart."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Curve = list[tuple[float, float]]
"""Quality and bits per pixel, in any order."""


def interpolate(xs: Sequence[float], ys: Sequence[float], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """A monotone cubic through the points (Fritsch and Carlson); `xs` increase."""
    x, y = np.array(xs), np.array(ys)
    width, slope = np.diff(x), np.diff(y) / np.diff(x)
    tangent = np.concatenate([slope[:1], (slope[:-1] + slope[1:]) / 2, slope[-1:]])
    tangent[1:-1] = np.where(slope[:-1] * slope[1:] <= 0, 0.0, tangent[1:-1])
    for i, s in enumerate(slope):
        if s == 0:
            tangent[i] = tangent[i + 1] = 0.0
            continue
        size = math.hypot(tangent[i] / s, tangent[i + 1] / s)
        if size > 3:
            tangent[i : i + 2] *= 3 / size
    k = np.clip(np.searchsorted(x, at, "right") - 1, 0, len(width) - 1)
    t = (at - x[k]) / width[k]
    low = y[k] * (1 + 2 * t) * (1 - t) ** 2 + y[k + 1] * t * t * (3 - 2 * t)
    result: NDArray[np.float64] = low + width[k] * (
        tangent[k] * t * (1 - t) ** 2 + tangent[k + 1] * t * t * (t - 1)
    )
    return result


def rising(curve: Curve) -> tuple[list[float], list[float]]:
    """Qualities in rising order, and logarithms of the sizes; points that are no better than a smaller one go."""
    kept: Curve = []
    for quality, bits in sorted(curve, key=lambda point: point[1]):
        if not kept or quality > kept[-1][0]:
            kept.append((quality, bits))
    return [quality for quality, _ in kept], [math.log(bits) for _, bits in kept]


def bd_rate(before: Sequence[Curve], after: Sequence[Curve], span: tuple[float, float]) -> float:
    """Mean difference of size at equal quality in percent, over the pictures whose curves have a range in common."""
    rates = []
    for curves in zip(before, after, strict=True):
        (a, size_a), (b, size_b) = map(rising, curves)
        low, high = max(span[0], a[0], b[0]), min(span[1], a[-1], b[-1])
        if min(len(a), len(b)) < 2 or low >= high:
            continue
        grid = np.linspace(low, high, 200)
        difference = interpolate(b, size_b, grid) - interpolate(a, size_a, grid)
        rates.append(math.exp(float(np.mean(difference))) - 1)
    return 100 * statistics.mean(rates) if rates else math.nan


def mean_difference(before: Sequence[Curve], after: Sequence[Curve], bits: tuple[float, float]) -> float:
    """Mean difference of a quality at equal size, between two numbers of bits per pixel."""
    differences = []
    for curves in zip(before, after, strict=True):
        a, b = (sorted((math.log(size), quality) for quality, size in curve) for curve in curves)
        low, high = max(math.log(bits[0]), a[0][0], b[0][0]), min(math.log(bits[1]), a[-1][0], b[-1][0])
        if low >= high:
            continue
        grid = np.linspace(low, high, 100)
        values = [interpolate([x for x, _ in curve], [y for _, y in curve], grid) for curve in (a, b)]
        differences.append(float(np.mean(values[1] - values[0])))
    return statistics.mean(differences) if differences else math.nan
