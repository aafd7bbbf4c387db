"""Refuse by their headers files that were made to cost, whatever limits their sizes keep to."""

from __future__ import annotations

from openmogr.image.errors import input_resolution

__all__ = ["check_plausible"]

# Flat images compress well, but from this size on nobody's image has so few bytes. The most that deflate makes of
# a byte is about 8,000 pixels of one bit; AV1 and VP8L need a few dozen bytes for any flat area.
_LARGE = 16_000_000
_MAX_PIXELS_PER_BYTE = 100_000


def check_plausible(size: tuple[int, int], length: int) -> None:
    """Look at what a header promises.

    Args:
        size: of the image.
        length: of the file in bytes.

    Raises:
        ImageResolutionExceed: so many pixels are in no file of that length.
    """
    pixels = size[0] * size[1]
    if pixels > _LARGE and pixels > _MAX_PIXELS_PER_BYTE * length:
        raise input_resolution(
            f"{length} bytes for {size[0]}x{size[1]} pixels: this is no picture, but made to take memory"
        )
