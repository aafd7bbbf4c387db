"""QP by quality, measured: made by ``bench/tpg_quality.py --write``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["QP_BY_QUALITY"]

# (quality, QP); linear between the points.
# fmt: off
QP_BY_QUALITY: Mapping[str, tuple[tuple[int, float], ...]] = MappingProxyType({
    "compatible": (
        (1, 63.0), (20, 52.0), (50, 40.0), (75, 33.0), (90, 25.0), (95, 21.0), (100, 16.0),
    ),
    "full": (
        (1, 63.0), (20, 52.0), (50, 40.0), (75, 33.0), (90, 25.0), (95, 21.0), (100, 16.0),
    ),
})
# fmt: on
