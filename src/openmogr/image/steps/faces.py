"""Where the faces of an image are, for the steps that crop by them (``docs/spec/api/image-mogr2.md#4.5``)."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from openmogr.image.faces.detector import SEEN_SIDE, find_faces
from openmogr.image.native import scaled, window_before
from openmogr.image.source.colour import flatten
from openmogr.image.steps.geometry import Box, Size
from openmogr.image.steps.rotation import UPRIGHT

__all__ = ["Faces"]


class Faces:
    """Faces for the steps of one pipeline, each looked for once: the first frame of an animation speaks for all."""

    def __init__(self) -> None:
        self._found: dict[int, Sequence[Box]] = {}

    def at(self, step: int, image: Image.Image, orientation: int) -> Sequence[Box]:
        """Left, top, right and bottom of every face, in pixels of the image.

        Args:
            step: the number of the step that asks.
            image: what it works on, as it is stored; mode L, LA, RGB or RGBA.
            orientation: how EXIF says it is to be seen, 1-8; 0 for as it is.

        Raises:
            NotImplementedHere: nothing is installed that finds faces.
        """
        if step not in self._found:
            small = _small(image)
            found = _upright_faces(small, orientation)
            # Earlier steps may have turned it upright by themselves.
            if not found and orientation > 1:
                found = _upright_faces(small, 0)
            self._found[step] = [_enlarged(box, small.size, image.size) for box in found]
        return self._found[step]


def _small(image: Image.Image) -> Image.Image:
    """In grey, on white, and as small as faces are looked for."""
    factor = min(SEEN_SIDE / max(image.size), 1)
    size = max(round(image.width * factor), 1), max(round(image.height * factor), 1)
    if size != image.size:
        image = scaled(image, size, Image.Resampling.LANCZOS, (0, 0, *image.size))
    return flatten(image).convert("L")


def _upright_faces(image: Image.Image, orientation: int) -> list[Box]:
    """As the detector finds them in the image that is seen, in pixels of the one that is stored."""
    method = UPRIGHT.get(orientation)
    if method is None:
        return find_faces(image)
    found = []
    for box in find_faces(image.transpose(method)):
        left, top, right, bottom = window_before(box, image.size, (method,))
        found.append((round(left), round(top), round(right), round(bottom)))
    return found


def _enlarged(box: Box, small: Size, size: Size) -> Box:
    left, top, right, bottom = (
        side * size[number % 2] // small[number % 2] for number, side in enumerate(box)
    )
    return left, top, right, bottom
