"""QP by quality, measured: made by ``bench/tpg_quality.py --write``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["QP_BY_QUALITY"]

# (quality, QP); linear between the points.
# fmt: off
QP_BY_QUALITY: Mapping[str, tuple[tuple[int, float], ...]] = MappingProxyType({
    "compatible": (
        (1, 56.0), (10, 48.82), (20, 40.68), (25, 38.12), (30, 36.39), (40, 33.45), (50, 31.6),
        (60, 30.01), (70, 27.52), (75, 26.43), (80, 24.81), (85, 22.37), (90, 19.55), (95, 14.23),
        (100, 5.11),
    ),
    "full": (
        (1, 56.0), (10, 49.15), (20, 41.18), (25, 38.93), (30, 37.28), (40, 33.9), (50, 31.95),
        (60, 30.4), (70, 28.41), (75, 27.31), (80, 25.69), (85, 23.46), (90, 20.59), (95, 15.06),
        (100, 5.19),
    ),
})
# fmt: on
