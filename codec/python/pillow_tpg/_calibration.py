"""QP by quality, measured: made by ``bench/tpg_quality.py --write``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["QP_BY_QUALITY"]

# (quality, QP); linear between the points.
# fmt: off
QP_BY_QUALITY: Mapping[str, tuple[tuple[int, float], ...]] = MappingProxyType({
    "compatible": (
        (1, 63), (5, 58.54), (10, 48.74), (15, 44.01), (20, 40.53), (25, 38.2), (30, 36.46),
        (35, 34.83), (40, 33.66), (45, 32.66), (50, 31.61), (55, 30.86), (60, 30.11), (65, 28.94),
        (70, 27.79), (75, 26.64), (80, 24.72), (85, 22.58), (90, 19.53), (95, 15.02), (100, 5.69),
    ),
    "full": (
        (1, 63), (5, 58.43), (10, 48.73), (15, 44.04), (20, 40.67), (25, 38.32), (30, 36.56),
        (35, 34.96), (40, 33.82), (45, 32.88), (50, 31.8), (55, 31.03), (60, 30.26), (65, 29.1),
        (70, 27.94), (75, 26.81), (80, 24.9), (85, 22.79), (90, 19.75), (95, 15.14), (100, 6.53),
    ),
})
# fmt: on
