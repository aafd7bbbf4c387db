"""Lay marks on images (``docs/spec/api/image-mogr2.md#10``)."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Protocol

from PIL import Image

from openmogr.image.errors import output_resolution, outside_image
from openmogr.image.language.operations import ImageWatermark, Watermark
from openmogr.image.language.watermarks import Fit, Laying, Scale
from openmogr.image.native import scaled
from openmogr.image.settings import ImageSettings
from openmogr.image.source.arrays import np
from openmogr.image.source.colour import has_alpha
from openmogr.image.steps.geometry import Size
from openmogr.image.steps.rotation import rotated, rotated_size
from openmogr.image.text.draw import drawn, drawn_size

__all__ = ["Further", "Marks"]

# Rows that are covered with tiles at a time.
_STRIP = 128


class Further(Protocol):
    """Images by name."""

    def size(self, name: str) -> Size:
        """Width and height, before it is decoded."""

    def image(self, name: str) -> Image.Image:
        """The pixels in mode L, LA, RGB or RGBA."""


@dataclass(frozen=True, slots=True)
class _Stamp:
    """A mark as it is laid: RGBA, and whether it is grey."""

    image: Image.Image
    grey: bool


class Marks:
    """What the steps of a pipeline lay on its image, each prepared once for each size of image: frames have one.

    Args:
        further: the images that are laid.
        settings: limits, and where fonts lie.
    """

    def __init__(self, further: Further, settings: ImageSettings) -> None:
        self._further = further
        self._settings = settings
        self._stamps: dict[tuple[Watermark, Size], _Stamp] = {}

    def areas(self, step: Watermark, size: Size) -> tuple[int, int]:
        """Pixels of a mark as it comes and as it is laid on an image of ``size``; nothing is decoded or drawn.

        Raises:
            InvalidImageSource: the image of that name is of no use.
            NotSupported: no font stands for the one that is asked for.
            InvalidArgument: the font lacks a character.
            ImageResolutionExceed: the mark would exceed the limits of results.
        """
        own = self._own_size(step)
        laid = _fitted(step, own, size) if isinstance(step, ImageWatermark) else own
        laid = rotated_size(step.laying.degree, laid)
        for width, height in (own, laid):
            if max(width, height) > self._settings.max_side or width * height > self._settings.max_pixels:
                raise output_resolution(f"the watermark would be {width}x{height} pixels, which is too much")
        return own[0] * own[1], laid[0] * laid[1]

    def laid(self, step: Watermark, image: Image.Image) -> Image.Image:
        """The image with a mark; raises as :meth:`areas`, and where nothing of the mark would lie in the image."""
        stamp = self._stamps.get((step, image.size))
        if stamp is None:
            self.areas(step, image.size)
            stamp = self._stamps[step, image.size] = self._stamp(step, image.size)
        base = image.copy()
        if not stamp.grey and base.mode in {"L", "LA"}:
            base = base.convert("RGBA" if has_alpha(base) else "RGB")
        if step.laying.batch:
            gap = 0 if isinstance(step, ImageWatermark) else step.size
            return _tiled(base, stamp.image, step.laying, gap)
        place = _place(base.size, stamp.image.size, step.laying)
        if not (-stamp.image.width < place[0] < base.width and -stamp.image.height < place[1] < base.height):
            raise outside_image(
                f"the watermark of {stamp.image.width}x{stamp.image.height} pixels at {place[0]}, {place[1]} "
                f"lies outside the image of {base.width}x{base.height}"
            )
        return _over(base, stamp.image, place)

    def _own_size(self, step: Watermark) -> Size:
        if isinstance(step, ImageWatermark):
            return self._further.size(step.image)
        return drawn_size(step, self._settings)

    def _stamp(self, step: Watermark, size: Size) -> _Stamp:
        if isinstance(step, ImageWatermark):
            mark = self._further.image(step.image)
            grey = mark.mode in {"L", "LA"}
            mark = _cropped(step, _resized(mark, _fitted(step, mark.size, size)), size)
        else:
            mark, grey = drawn(step, self._settings), len(set(step.fill)) == 1
        mark = rotated(mark.convert("RGBA"), step.laying.degree)
        opacity = mark.getchannel("A").point(
            [round(level * step.laying.dissolve / 100) for level in range(256)]
        )
        mark.putalpha(opacity)
        return _Stamp(mark, grey)


def _fitted(step: ImageWatermark, own: Size, size: Size) -> Size:
    """The size of a mark on an image of ``size``, before it is cropped."""
    width, height = own
    if step.scale is Scale.width:
        width, height = _by(own, size[0] * step.part, 1000 * width)
    elif step.scale is Scale.height:
        width, height = _by(own, size[1] * step.part, 1000 * height)
    elif step.scale is Scale.area:
        # As integers, so that it is the same everywhere: sqrt(A * part / 1000 / a) in millionths.
        wanted = size[0] * size[1] * step.part * 10**9 // (width * height)
        width, height = _by(own, isqrt(wanted), 10**6)
    if step.fit is Fit.scale and (width > size[0] or height > size[1]):
        if size[0] * height < size[1] * width:
            return _by((width, height), size[0], width)
        return _by((width, height), size[1], height)
    return width, height


def _by(size: Size, over: int, under: int) -> Size:
    """Scaled by a fraction, to the nearest pixel and at least 1."""
    width, height = (max((2 * side * over + under) // (2 * under), 1) for side in size)
    return width, height


def _resized(mark: Image.Image, size: Size) -> Image.Image:
    if size == mark.size:
        return mark
    shrinks = size[0] <= mark.width and size[1] <= mark.height
    resample = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    return scaled(mark, size, resample, (0, 0, *mark.size))


def _cropped(step: ImageWatermark, mark: Image.Image, size: Size) -> Image.Image:
    width, height = min(mark.width, size[0]), min(mark.height, size[1])
    if step.fit is not Fit.crop or (width, height) == mark.size:
        return mark
    across, down = step.laying.gravity.value
    left, top = (mark.width - width) * across // 2, (mark.height - height) * down // 2
    return mark.crop((left, top, left + width, top + height))


def _place(size: Size, mark: Size, laying: Laying) -> tuple[int, int]:
    """Left and top of a mark, the first one of tiles."""
    across, down = laying.gravity.value
    left, top = (
        (delta, (whole - part) // 2, whole - part - delta)[anchor]
        for anchor, whole, part, delta in zip((across, down), size, mark, (laying.dx, laying.dy), strict=True)
    )
    return left, top


def _over(base: Image.Image, mark: Image.Image, place: tuple[int, int]) -> Image.Image:
    """``base`` with the mark, which may reach beyond it."""
    left, top = max(place[0], 0), max(place[1], 0)
    right, bottom = min(place[0] + mark.width, base.width), min(place[1] + mark.height, base.height)
    box = left - place[0], top - place[1], right - place[0], bottom - place[1]
    seen = mark if box == (0, 0, *mark.size) else mark.crop(box)
    if not has_alpha(base):
        base.paste(seen.convert(base.mode), (left, top), seen.getchannel("A"))
        return base
    under = base.crop((left, top, right, bottom)).convert("RGBA")
    base.paste(Image.alpha_composite(under, seen).convert(base.mode), (left, top))
    return base


def _tiled(base: Image.Image, mark: Image.Image, laying: Laying, gap: int) -> Image.Image:
    """``base`` covered with marks, one of which lies where a single one would."""
    pixels = np.asarray(mark)
    first = _place(base.size, mark.size, Laying(laying.gravity, *_within(laying, base.size)))
    steps = [
        min(delta, whole) + gap + part
        for delta, whole, part in zip((laying.dx, laying.dy), base.size, mark.size, strict=True)
    ]
    columns = (np.arange(base.width) - first[0]) % steps[0]
    covered = np.flatnonzero(columns < mark.width)
    # Some rows of a mark, all across the image, are laid wherever they recur.
    for start in range(0, mark.height, _STRIP):
        rows = pixels[start : start + _STRIP]
        strip = np.zeros((len(rows), base.width, 4), np.uint8)
        strip[:, covered] = rows[:, columns[covered]]
        image = Image.fromarray(strip)
        top = (first[1] + start) % steps[1]
        for place in range(top - steps[1], base.height, steps[1]):
            if place + image.height > 0:
                base = _over(base, image, (0, place))
    return base


def _within(laying: Laying, size: Size) -> tuple[int, int]:
    """Offsets as they count: what is longer than the image leaves room for one tile."""
    return min(laying.dx, size[0]), min(laying.dy, size[1])
