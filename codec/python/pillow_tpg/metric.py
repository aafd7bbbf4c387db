"""SSIMULACRA2: how much of a difference a viewer sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pillow_tpg import _pillow_tpg as native
from pillow_tpg.image import Samples

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Ssimulacra2"]


class Ssimulacra2:
    """A reference picture, analysed once, to which others of the same size are compared.

    Args:
        reference: a Pillow image, taken as RGB, or an array of shape (height, width, 3), 8-bit sRGB; at least 8
            pixels a side give meaningful scores.

    Raises:
        ValueError: the array has another shape, type or size than it should.
    """

    def __init__(self, reference: Image.Image | Samples) -> None:
        pixels = _pixels(reference)
        self._shape = pixels.shape
        self._native = native.Ssimulacra2(pixels, pixels.shape[1], pixels.shape[0])

    def score(self, picture: Image.Image | Samples) -> float:
        """100 for the same picture; about 90 cannot be told apart, 70 is good, 50 fair, 30 poor; may be negative.

        Raises:
            ValueError: the picture has another size than the reference.
        """
        pixels = _pixels(picture)
        if pixels.shape != self._shape:
            raise ValueError(f"the picture has the shape {pixels.shape}, the reference {self._shape}")
        return self._native.score(pixels)


def _pixels(picture: Image.Image | Samples) -> Samples:
    pixels = picture if isinstance(picture, np.ndarray) else np.asarray(picture.convert("RGB"))
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        found = f"{pixels.shape} {pixels.dtype}"
        raise ValueError(f"an array of shape (height, width, 3) and 8 bits is needed, not {found}")
    return np.ascontiguousarray(pixels)
