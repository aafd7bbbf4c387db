"""QP by quality, measured: made by ``bench/tpg_quality.py --write``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["QP_BY_QUALITY"]

# (quality, QP); linear between the points.
# fmt: off
QP_BY_QUALITY: Mapping[str, tuple[tuple[int, float], ...]] = MappingProxyType({
    "compatible": (
        (1, 63), (5, 58.51), (10, 48.79), (15, 44.07), (20, 40.55), (25, 38.2), (30, 36.51),
        (35, 34.9), (40, 33.73), (45, 32.74), (50, 31.66), (55, 30.88), (60, 30.11), (65, 28.92),
        (70, 27.77), (75, 26.6), (80, 24.68), (85, 22.48), (90, 19.37), (95, 14.6), (100, 4.44),
    ),
    "full": (
        (1, 63), (5, 58.48), (10, 48.81), (15, 44.08), (20, 40.68), (25, 38.34), (30, 36.6),
        (35, 35.01), (40, 33.86), (45, 32.92), (50, 31.86), (55, 31.11), (60, 30.36), (65, 29.21),
        (70, 28.02), (75, 26.88), (80, 24.89), (85, 22.69), (90, 19.57), (95, 14.77), (100, 5.23),
    ),
})
# fmt: on
