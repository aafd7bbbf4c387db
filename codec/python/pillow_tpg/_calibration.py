"""QP by quality, measured: made by ``tools/calibrate/tpg_quality.py --write``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["QP_BY_QUALITY"]

# (quality, QP); linear between the points.
# fmt: off
QP_BY_QUALITY: Mapping[str, tuple[tuple[int, float], ...]] = MappingProxyType({
    "full": (
        (1, 63), (5, 62.45), (10, 51.83), (15, 46.42), (20, 42.79), (25, 40.08), (30, 38.08),
        (35, 36.43), (40, 35.33), (45, 34.16), (50, 32.93), (55, 32.06), (60, 31.18), (65, 30.04),
        (70, 28.95), (75, 27.88), (80, 25.47), (85, 23.19), (90, 20.13), (95, 14.37), (100, 2.61),
    ),
    "genuine": (
        (1, 63), (5, 62.29), (10, 51.47), (15, 45.97), (20, 42.26), (25, 39.45), (30, 37.49),
        (35, 35.88), (40, 34.71), (45, 33.44), (50, 32.26), (55, 31.42), (60, 30.58), (65, 29.48),
        (70, 28.44), (75, 27.06), (80, 24.75), (85, 22.56), (90, 19.32), (95, 14.34), (100, 2.34),
    ),
})
# fmt: on
