"""QP by quality, measured: made by ``tools/calibrate/tpg_quality.py --write``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["QP_BY_QUALITY"]

# (quality, QP); linear between the points.
# fmt: off
QP_BY_QUALITY: Mapping[str, tuple[tuple[int, float], ...]] = MappingProxyType({
    "full": (
        (1, 63), (5, 62.32), (10, 51.76), (15, 46.57), (20, 42.84), (25, 40.28), (30, 38.39),
        (35, 36.65), (40, 35.4), (45, 34.31), (50, 33.29), (55, 32.46), (60, 31.57), (65, 30.39),
        (70, 29.09), (75, 27.79), (80, 25.71), (85, 23.45), (90, 20.29), (95, 14.46), (100, 3.98),
    ),
    "genuine": (
        (1, 63), (5, 62.06), (10, 51.33), (15, 46.12), (20, 42.28), (25, 39.62), (30, 37.68),
        (35, 36.03), (40, 34.73), (45, 33.68), (50, 32.63), (55, 31.77), (60, 30.91), (65, 29.73),
        (70, 28.42), (75, 27.21), (80, 25.17), (85, 22.91), (90, 19.58), (95, 14.46), (100, 3.38),
    ),
})
# fmt: on
