"""QP by quality, measured: made by ``bench/tpg_quality.py --write``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["QP_BY_QUALITY"]

# (quality, QP); linear between the points.
# fmt: off
QP_BY_QUALITY: Mapping[str, tuple[tuple[int, float], ...]] = MappingProxyType({
    "genuine": (
        (1, 63), (5, 60.57), (10, 50.12), (15, 45.02), (20, 41.28), (25, 38.74), (30, 36.79),
        (35, 35.05), (40, 33.8), (45, 32.75), (50, 31.62), (55, 30.82), (60, 30.02), (65, 28.75),
        (70, 27.55), (75, 26.27), (80, 24.31), (85, 22.01), (90, 18.74), (95, 13.84), (100, 2.83),
    ),
    "full": (
        (1, 63), (5, 60.9), (10, 50.31), (15, 45.22), (20, 41.55), (25, 38.96), (30, 37.06),
        (35, 35.38), (40, 34.08), (45, 33.03), (50, 31.87), (55, 31.03), (60, 30.21), (65, 28.95),
        (70, 27.71), (75, 26.45), (80, 24.47), (85, 22.14), (90, 18.85), (95, 13.76), (100, 3.35),
    ),
})
# fmt: on
