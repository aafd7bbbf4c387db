"""What a quality number means: that of a source, the one to use, and the encoder's setting for it.

Numbers are 1-100 on the scale of libjpeg. The ``points`` of each format relate them to its encoder.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from openmogr.image.language.operations import Encoding, QualityKind

__all__ = [
    "LOSSLESS",
    "effective_quality",
    "jpeg_quality",
    "quality_of_quantiser",
    "quality_of_setting",
    "setting_of",
]

LOSSLESS = 100

# Linear between its points, from the lowest on.
Points = Sequence[tuple[int, int]]


def setting_of(points: Points, quality: int) -> int:
    """The setting of an encoder for a quality of 1-100, by its points of quality and setting."""
    place = min(max(bisect_right(points, quality, key=lambda point: point[0]), 1), len(points) - 1)
    (q0, s0), (q1, s1) = points[place - 1], points[place]
    return round(s0 + (s1 - s0) * (quality - q0) / (q1 - q0))


def quality_of_setting(points: Points, setting: int) -> int:
    """The quality, 1-100, for which an encoder is given about this setting, by its points of quality and setting."""
    return min(range(1, 101), key=lambda quality: (abs(setting_of(points, quality) - setting), -quality))


def quality_of_quantiser(quantisers: Sequence[tuple[float, int]], points: Points, quantiser: int) -> int:
    """The quality, 1-100, at which an encoder uses about this quantiser.

    Args:
        quantisers: settings with their quantisers, from the coarsest on.
        points: qualities with their settings.
        quantiser: what no setting gives counts as the nearest.
    """
    at = [(-found, setting) for setting, found in quantisers]
    settings = [(setting, quality) for quality, setting in points]
    return round(_interpolated(settings, _interpolated(at, -quantiser)))


def _interpolated(points: Sequence[tuple[float, float]], x: float) -> float:
    """The line through points whose first numbers do not fall; beyond its ends, it goes on level."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x0:
            return y0
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]


def effective_quality(encoding: Encoding, source_quality: int | None, default: int) -> int:
    """The quality to encode with, 1-100 (``docs/spec/api/image-mogr2.md#4.8 and #6``).

    Args:
        encoding: the parameters of the pipeline.
        source_quality: estimate for the source; None where it has none, as for lossless formats. Then the
            minimum rule takes 100, and without a parameter the default counts.
        default: that of the output's format.
    """
    ceiling = LOSSLESS if source_quality is None else source_quality
    if encoding.quality is None:
        quality = default if source_quality is None else source_quality
    elif encoding.quality.kind is QualityKind.score:
        quality = LOSSLESS  # where the search ends
    elif encoding.quality.kind is QualityKind.relative:
        quality = (ceiling * encoding.quality.value + 50) // 100
    elif encoding.quality.force:
        quality = encoding.quality.value
    else:
        quality = min(ceiling, encoding.quality.value)
    if encoding.lower_quality is not None:
        quality = max(quality, encoding.lower_quality)
    return min(max(quality, 1), 100)


# ITU-T T.81 annex K.1, in the order of rows; libjpeg scales it by its quality.
# fmt: off
_LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)
# fmt: on


def _scaled_sum(quality: int) -> int:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return sum(min(max((entry * scale + 50) // 100, 1), 255) for entry in _LUMINANCE)


_SUMS = tuple(_scaled_sum(quality) for quality in range(1, 101))


def jpeg_quality(luminance: Sequence[int]) -> int:
    """The libjpeg quality, 1-100, whose luminance table is nearest by the sum of its 64 steps.

    Exact for tables that libjpeg scaled; for tables of other makers the quality of about the same
    coarseness.
    """
    total = sum(luminance)
    return min(range(1, 101), key=lambda quality: (abs(_SUMS[quality - 1] - total), -quality))
