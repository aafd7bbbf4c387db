"""QP by quality, measured: made by ``bench/tpg_quality.py --write``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["QP_BY_QUALITY"]

# (quality, QP); linear between the points.
# fmt: off
QP_BY_QUALITY: Mapping[str, tuple[tuple[int, float], ...]] = MappingProxyType({
    "compatible": (
        (1, 63), (5, 60.83), (10, 50.32), (15, 45.16), (20, 41.51), (25, 38.96), (30, 37.0),
        (35, 35.3), (40, 34.05), (45, 33.04), (50, 31.89), (55, 31.07), (60, 30.25), (65, 29.02),
        (70, 27.82), (75, 26.6), (80, 24.62), (85, 22.39), (90, 19.21), (95, 14.42), (100, 3.8),
    ),
    "full": (
        (1, 63), (5, 61.13), (10, 50.68), (15, 45.55), (20, 41.88), (25, 39.37), (30, 37.44),
        (35, 35.79), (40, 34.54), (45, 33.53), (50, 32.47), (55, 31.61), (60, 30.75), (65, 29.54),
        (70, 28.25), (75, 27.04), (80, 25.05), (85, 22.8), (90, 19.5), (95, 14.74), (100, 4.91),
    ),
})
# fmt: on
