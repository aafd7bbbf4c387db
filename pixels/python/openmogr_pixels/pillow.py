"""From Pillow and back; needs Pillow, which this package does not ask for."""

from __future__ import annotations

from PIL import Image

from openmogr_pixels._openmogr_pixels import Picture

__all__ = ["from_pillow", "to_pillow"]


def from_pillow(image: Image.Image) -> Picture:
    """A copy of the pixels of an image in mode L, LA, RGB, RGBA or CMYK.

    Raises:
        ArgumentError: another mode.
    """
    return Picture(image.mode, image.width, image.height, image.tobytes())


def to_pillow(picture: Picture) -> Image.Image:
    """An image of the picture's mode and pixels."""
    return Image.frombytes(picture.mode, picture.size, picture.data)
