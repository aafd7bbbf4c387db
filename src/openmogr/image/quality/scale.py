"""What a quality number means: that of a source, the one to use, and the encoder's setting for it.

Numbers are 1-100 on the scale of libjpeg. ``ENCODER_TABLES`` alone relates them to other encoders.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

from openmogr.image.language.operations import Encoding, QualityKind
from openmogr.image.quality.calibration import CALIBRATION
from openmogr.image.quality.quantisers import QUANTISERS

__all__ = [
    "DEFAULT_QUALITY",
    "ENCODER_TABLES",
    "LOSSLESS",
    "effective_quality",
    "encoder_setting",
    "jpeg_quality",
    "quality_of_quantiser",
    "quality_of_setting",
    "vp8_quality",
]

LOSSLESS = 100

# For sources without a quality of their own. At 60 the photos of docs/format/quality.md lose 94 % of their PNG's size
# and score 66 on SSIMULACRA2, as docs/format/quality.md shows; JPEG keeps the usual 85.
DEFAULT_QUALITY: Mapping[str, int] = MappingProxyType(
    {"jpeg": 85, "webp": 60, "avif": 60, "heif": 60, "tpg": 60}
)

_SAME = ((1, 1), (100, 100))

# Quality to encoder setting, linear between the points. TPG's encoder knows the scale itself.
ENCODER_TABLES: Mapping[str, Sequence[tuple[int, int]]] = MappingProxyType(
    {"jpeg": _SAME, "tpg": _SAME, **CALIBRATION}
)


def encoder_setting(container: str, quality: int) -> int:
    """The setting of a lossy container's encoder for a quality of 1-100."""
    points = ENCODER_TABLES[container]
    place = min(max(bisect_right(points, quality, key=lambda point: point[0]), 1), len(points) - 1)
    (q0, s0), (q1, s1) = points[place - 1], points[place]
    return round(s0 + (s1 - s0) * (quality - q0) / (q1 - q0))


def quality_of_setting(container: str, setting: int) -> int:
    """The quality, 1-100, for which the container's encoder is given about this setting."""
    return min(
        range(1, 101), key=lambda quality: (abs(encoder_setting(container, quality) - setting), -quality)
    )


def quality_of_quantiser(container: str, quantiser: int) -> int:
    """The quality, 1-100, at which the container's encoder uses about this quantiser.

    Args:
        container: ``avif`` or ``heif``.
        quantiser: ``base_q_idx`` of an AVIF, slice QP of a HEIF. What no setting gives counts as the nearest.
    """
    quantisers = [(-quantiser, setting) for setting, quantiser in QUANTISERS[container]]
    settings = [(setting, quality) for quality, setting in ENCODER_TABLES[container]]
    return round(_interpolated(settings, _interpolated(quantisers, -quantiser)))


def _interpolated(points: Sequence[tuple[float, float]], x: float) -> float:
    """The line through points whose first numbers do not fall; beyond its ends, it goes on level."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x0:
            return y0
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]


def effective_quality(encoding: Encoding, source_quality: int | None, container: str) -> int:
    """The quality to encode with, 1-100 (``docs/spec/api/image-mogr2.md#4.8 and #6``).

    Args:
        encoding: the parameters of the pipeline.
        source_quality: estimate for the source; None where it has none, as for lossless formats. Then the
            minimum rule takes 100, and without a parameter the container's default counts.
        container: name of the output's container.
    """
    ceiling = LOSSLESS if source_quality is None else source_quality
    if encoding.quality is None:
        quality = DEFAULT_QUALITY.get(container, LOSSLESS) if source_quality is None else source_quality
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


def vp8_quality(index: int) -> int:
    """The quality, 1-100, at which libwebp is told to use about this quantiser index, 0-127.

    libwebp has index = 127 * (1 - c), where c is the cube root of a line in two pieces; here inverted.
    """
    compression = 1 - index / 127
    linear = compression**3
    quality = linear / 2 * 3 if linear < 0.5 else (linear + 1) / 2
    return quality_of_setting("webp", round(quality * 100))
