"""What a pipeline will need, reckoned from a header before there is a pixel.

Formats know their bytes per pixel as measured (``tests/image/test_cost.py`` holds them against peaks of real work):
an estimate may be up to three times what is needed, and never less.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from openmogr.image.formats.registry import CONTAINERS
from openmogr.image.language.operations import (
    AutoOrient,
    Blur,
    Crop,
    Cut,
    InscribedCircle,
    Rotate,
    RoundCorners,
    Sharpen,
    Step,
    Thumbnail,
    View,
)
from openmogr.image.settings import ImageSettings
from openmogr.image.steps.geometry import Size, place

__all__ = ["Planned", "decoded_bytes", "encoder_bytes", "planned"]

# Pillow keeps RGB as 4 bytes.
_PIXEL = 4


@dataclass(frozen=True, slots=True)
class Planned:
    """One step, before it is done.

    Attributes:
        step: which.
        before: width and height of its input.
        after: width and height of its result.
    """

    step: Step
    before: Size
    after: Size

    @property
    def bytes(self) -> int:
        """Most memory at a time while it is done: input, output and what lies between."""
        before, after = _area(self.before), _area(self.after)
        between = 0
        if isinstance(self.step, (Blur, Sharpen, Rotate, RoundCorners, InscribedCircle)):
            between = 3 * max(before, after)  # other modes, premultiplied, borders
        elif isinstance(self.step, (Thumbnail, View, Crop)):
            # The pass across comes first: its result is as wide as the output and as high as the input.
            between = self.after[0] * self.before[1]
        return _PIXEL * (before + after + between)

    @property
    def work(self) -> int:
        """Pixels that are computed, each about as dear as one of Lanczos' filter."""
        weight = 4 if isinstance(self.step, (Blur, Sharpen, Rotate)) else 1
        return weight * (_area(self.before) + _area(self.after))


def planned(
    steps: Sequence[Step], size: Size, orientation: int, settings: ImageSettings, *, animated: bool = False
) -> Iterator[Planned]:
    """The steps with the sizes between them.

    Raises:
        InvalidArgument: nothing of the picture lies in a window.
    """
    for step in steps:
        after = size
        if isinstance(step, AutoOrient):
            after = (size[1], size[0]) if orientation >= 5 else size
            orientation = 0
        elif isinstance(step, (Thumbnail, View, Crop, Cut)):
            after = place(step, size, settings.max_parameter, enlarge=not animated).size
            if isinstance(step, Thumbnail) and step.pad:
                limit = settings.max_parameter
                after = min(step.width or after[0], limit), min(step.height or after[1], limit)
        elif isinstance(step, Rotate):
            after = _turned(step.degrees, size)
        elif isinstance(step, InscribedCircle):
            after = (2 * step.radius, 2 * step.radius)
        yield Planned(step, size, after)
        size = after


def _turned(degrees: float, size: Size) -> Size:
    turn = math.radians(degrees % 360)
    cosine, sine = abs(math.cos(turn)), abs(math.sin(turn))
    return round(size[0] * cosine + size[1] * sine), round(size[0] * sine + size[1] * cosine)


def _area(size: Size) -> int:
    return size[0] * size[1]


def decoded_bytes(container: str, size: Size, source_bytes: int) -> int:
    """Memory of decoding ``size`` pixels of a source, in bytes."""
    return source_bytes + _area(size) * CONTAINERS[container].decoder_bytes


def encoder_bytes(container: str, size: Size, frames: int) -> int:
    """Memory of writing a result, in bytes."""
    found = CONTAINERS[container]
    if frames > 1 and found.animated:
        # The result grows in memory; frames do not stay.
        return _area(size) * (found.animation_bytes + frames // 4)
    return _area(size) * found.encoder_bytes
