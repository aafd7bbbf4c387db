"""Encoder settings by quality, measured: made by ``tools/calibrate/quality.py --write``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

__all__ = ["CALIBRATION"]

# (quality, setting); linear between the points.
# fmt: off
CALIBRATION: Mapping[str, Sequence[tuple[int, int]]] = MappingProxyType({
    "webp": (
        (1, 0), (5, 0), (10, 1), (15, 6), (20, 15), (25, 24), (30, 32),
        (35, 40), (40, 47), (45, 53), (50, 59), (55, 64), (60, 69), (65, 75),
        (70, 78), (75, 80), (80, 84), (85, 86), (90, 90), (95, 95), (100, 100),
    ),
    "avif": (
        (1, 0), (5, 0), (10, 8), (15, 20), (20, 29), (25, 35), (30, 39),
        (35, 43), (40, 46), (45, 48), (50, 50), (55, 52), (60, 53), (65, 56),
        (70, 58), (75, 61), (80, 66), (85, 72), (90, 80), (95, 90), (100, 99),
    ),
    "heif": (
        (1, 0), (5, 0), (10, 12), (15, 19), (20, 23), (25, 27), (30, 29),
        (35, 32), (40, 34), (45, 35), (50, 36), (55, 38), (60, 39), (65, 40),
        (70, 42), (75, 44), (80, 47), (85, 50), (90, 54), (95, 62), (100, 81),
    ),
})
# fmt: on
