"""Decode a PNG by Pillow, with the transparent colour and the code points as the specification has them."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

from openmogr.image.formats.png_parts.layout import PngLayout
from openmogr.image.source.arrays import np

__all__ = ["full_range", "keyed", "keyed_frame"]

_GREY, _RGB = 0, 2


def keyed(image: Image.Image, again: Callable[[], Image.Image], layout: PngLayout) -> Image.Image:
    """The decoded image with the colour that ``tRNS`` makes transparent.

    Pillow compares that colour, as it is stored, with samples that it has scaled to 8 bit.

    Args:
        image: decoded.
        again: opens the same file once more.
        layout: of the file.
    """
    key = layout.key
    if not key or layout.color_type not in {_GREY, _RGB}:
        return image
    numbers = tuple(int.from_bytes(key[i : i + 2], "big") & ((1 << layout.bit_depth) - 1) for i in (0, 2, 4))
    if layout.color_type == _RGB and layout.bit_depth == 16:
        return _without_colour(image, again(), numbers)
    if layout.color_type == _RGB:
        image.info["transparency"] = numbers
    elif layout.bit_depth == 16:
        image.info["transparency"] = numbers[0]
    else:
        image.info["transparency"] = numbers[0] * 255 // ((1 << layout.bit_depth) - 1)
    return image


def keyed_frame(data: bytes, layout: PngLayout) -> Image.Image:
    """A decoded frame of an APNG, which was made a file of its own."""

    def opened() -> Image.Image:
        return Image.open(io.BytesIO(data), formats=["PNG"])

    image = opened()
    image.load()
    return keyed(image, opened, layout)


def _without_colour(image: Image.Image, second: Image.Image, key: tuple[int, ...]) -> Image.Image:
    """16 bit samples are decoded twice: Pillow keeps their high bytes, and read the other way round their low ones."""
    second.tile = [part._replace(args="RGB;16L") for part in second.tile]  # type: ignore[attr-defined]
    second.load()
    high, low = np.asarray(image), np.asarray(second)
    equal = np.ones(high.shape[:2], bool)
    for channel, value in enumerate(key):
        equal &= (high[..., channel] == value >> 8) & (low[..., channel] == value & 255)
    result = image.convert("RGB")
    result.putalpha(Image.fromarray(np.where(equal, 0, 255).astype(np.uint8)))
    result.info = {name: value for name, value in image.info.items() if name != "transparency"}
    return result


def full_range(image: Image.Image) -> Image.Image:
    """Samples of narrow range (16-235) brought to 0-255; mode L, LA, RGB or RGBA."""
    table = [min(max(round((value - 16) * 255 / 219), 0), 255) for value in range(256)]
    alpha = image.mode.endswith("A")
    return image.point(table * (len(image.getbands()) - alpha) + list(range(256)) * alpha)
