"""Turning by any angle."""

from __future__ import annotations

import math

from PIL import Image, ImageOps

from openmogr.image.steps.geometry import Size

__all__ = ["CLOCKWISE", "UPRIGHT", "rotated", "rotated_size"]

CLOCKWISE = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}

# Pixels that the interpolation looks at beyond the edge.
_BORDER = 2

# EXIF orientation to what turns the image upright (Exif 2.3, section 4.6.4).
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def rotated_size(degrees: float, size: Size) -> Size:
    """Width and height of what :func:`rotated` gives."""
    if degrees % 180 == 0:
        return size
    if degrees % 90 == 0:
        return size[1], size[0]
    turn = math.radians(degrees % 360)
    cosine, sine = abs(math.cos(turn)), abs(math.sin(turn))
    return max(round(size[0] * cosine + size[1] * sine), 1), max(round(size[0] * sine + size[1] * cosine), 1)


def rotated(image: Image.Image, degrees: float) -> Image.Image:
    """The image turned clockwise; transparent outside, in RGBA or LA, unless the angle is a multiple of 90."""
    if degrees % 90 == 0:
        method = CLOCKWISE.get(int(degrees % 360))
        return image if method is None else image.transpose(method)
    size = rotated_size(degrees, image.size)
    # Premultiplied, so that the colour of invisible pixels does not bleed into the edges.
    # The empty border gives the interpolation something to fade into.
    mode = "LA" if image.mode in {"L", "LA"} else "RGBA"
    bordered = ImageOps.expand(image.convert(mode).convert(mode.replace("A", "a")), _BORDER, (0,) * len(mode))
    turn = math.radians(degrees)
    cosine, sine = math.cos(turn), math.sin(turn)
    # From places in the result to those in the image; centre lies on centre, also where one is between two pixels.
    across, down = size[0] / 2, size[1] / 2
    left = bordered.width / 2 - cosine * across - sine * down
    top = bordered.height / 2 + sine * across - cosine * down
    matrix = (cosine, sine, left, -sine, cosine, top)
    turned = bordered.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    return turned.convert(mode)
