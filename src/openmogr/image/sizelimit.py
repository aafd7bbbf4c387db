"""``size-limit``: the best quality whose result is short enough."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from openmogr.image.encode import EncodeOptions, encode
from openmogr.image.settings import ImageSettings

__all__ = ["encode_within"]

_LOWEST_QUALITY = 1


def encode_within(
    limit: int, image: Image.Image, options: EncodeOptions, settings: ImageSettings
) -> tuple[bytes, int]:
    """The file and its quality, at most ``options.quality``, by bisection in at most eight encodes.

    Args:
        limit: bytes. Where not even the lowest quality keeps it, that is the result: the limit is approximate
            (``api/image-mogr2.md`` section 4.8).
        image: what to write.
        options: how; the quality is the upper end.
        settings: limits and threads.

    Raises:
        CosError: what :func:`encode` raises.
    """
    data = encode(image, options, settings)
    if len(data) <= limit:
        return data, options.quality
    low, high = _LOWEST_QUALITY, options.quality - 1
    best: tuple[bytes, int] | None = None
    while low <= high:
        middle = (low + high) // 2
        data = encode(image, replace(options, quality=middle), settings)
        if len(data) <= limit:
            best, low = (data, middle), middle + 1
        else:
            high = middle - 1
    return best if best is not None else (data, _LOWEST_QUALITY)
