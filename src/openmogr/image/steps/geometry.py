"""The arithmetic of scaling and cropping: sizes in, sizes out, no pixels.

All sizes are whole pixels of at least 1, rounded to the nearest; ``docs/spec/api/image-mogr2.md#4 and #8``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

from openmogr.image.errors import outside_image
from openmogr.image.language.operations import (
    Crop,
    Cut,
    FaceCrop,
    Gravity,
    RatioCrop,
    Thumbnail,
    ThumbnailForm,
    View,
)

__all__ = [
    "Box",
    "Placement",
    "Size",
    "place",
    "place_crop",
    "place_cut",
    "place_faces",
    "place_ratio",
    "place_thumbnail",
    "place_view",
]

Size = tuple[int, int]
Box = tuple[int, int, int, int]
_Placed = Thumbnail | View | Crop | Cut | RatioCrop


@dataclass(frozen=True, slots=True)
class Placement:
    """Scale the whole image to ``scaled``, then keep ``box`` (left, top, right, bottom) of that."""

    scaled: Size
    box: Box

    @property
    def size(self) -> Size:
        """Width and height of what is kept."""
        return self.box[2] - self.box[0], self.box[3] - self.box[1]


@dataclass(frozen=True, slots=True)
class _Ratio:
    """A scale factor as an exact fraction."""

    over: int
    under: int

    def of(self, length: int) -> int:
        return max(1, (2 * length * self.over + self.under) // (2 * self.under))

    def __lt__(self, other: _Ratio) -> bool:
        return self.over * other.under < other.over * self.under


_ONE = _Ratio(1, 1)

# Percentages have up to six decimals.
_PERCENT_PARTS = 1_000_000


def place(
    step: Thumbnail | View | Crop | Cut | RatioCrop, size: Size, limit: int, *, enlarge: bool = True
) -> Placement:
    """Where a step puts an image of ``size``.

    Args:
        step: what to do.
        size: width and height of the image.
        limit: width and height parameters above this are taken as this.
        enlarge: False for animations, which keep their size where they would grow.

    Raises:
        InvalidArgument: nothing of the image lies in the window.
    """
    if isinstance(step, Thumbnail):
        return _whole(place_thumbnail(step, size, limit, enlarge=enlarge))
    if isinstance(step, View):
        return place_view(step, size, limit, enlarge=enlarge)
    if isinstance(step, Crop):
        return place_crop(step, size, limit)
    if isinstance(step, RatioCrop):
        return place_ratio(step, size)
    return place_cut(step, size, limit)


def _whole(size: Size) -> Placement:
    return Placement(size, (0, 0, *size))


def _clamp(value: int | None, limit: int) -> int | None:
    return None if value is None else min(value, limit)


def _ratios(width: int | None, height: int | None, size: Size) -> list[_Ratio]:
    pairs = zip((width, height), size, strict=True)
    return [_Ratio(wanted, have) for wanted, have in pairs if wanted is not None]


def place_thumbnail(step: Thumbnail, size: Size, limit: int, *, enlarge: bool = True) -> Size:
    """The size after scaling, without padding."""
    result = _THUMBNAILS[step.form](step, size, limit)
    if not enlarge and (result[0] > size[0] or result[1] > size[1]):
        return size
    return result


def _percent(step: Thumbnail, size: Size, limit: int) -> Size:
    ratio = _Ratio(round(step.amount * _PERCENT_PARTS), 100 * _PERCENT_PARTS)
    width = size[0] if step.form is ThumbnailForm.percent_height else ratio.of(size[0])
    height = size[1] if step.form is ThumbnailForm.percent_width else ratio.of(size[1])
    return width, height


def _proportional(step: Thumbnail, size: Size, limit: int) -> Size:
    ratios = _ratios(_clamp(step.width, limit), _clamp(step.height, limit), size)
    ratio = max(ratios) if step.form is ThumbnailForm.cover else min(ratios)
    if step.form is ThumbnailForm.shrink:
        ratio = min(ratio, _ONE)
    elif step.form is ThumbnailForm.enlarge:
        ratio = max(ratio, _ONE)
    return ratio.of(size[0]), ratio.of(size[1])


def _exact(step: Thumbnail, size: Size, limit: int) -> Size:
    return min(step.width or size[0], limit), min(step.height or size[1], limit)


def _area(step: Thumbnail, size: Size, limit: int) -> Size:
    width, height = size
    amount = int(step.amount)
    if width * height <= amount:
        return size
    # Rounded down, so that the product stays within the amount: floor(W * sqrt(A / (W * H))).
    across = max(1, isqrt(amount * width // height))
    down = max(1, isqrt(amount * height // width))
    # Where the shorter side was raised to 1, the longer one pays for it.
    if across < down:
        return across, min(down, amount // across)
    return min(across, amount // down), down


_THUMBNAILS = {
    ThumbnailForm.percent: _percent,
    ThumbnailForm.percent_width: _percent,
    ThumbnailForm.percent_height: _percent,
    ThumbnailForm.fit: _proportional,
    ThumbnailForm.shrink: _proportional,
    ThumbnailForm.enlarge: _proportional,
    ThumbnailForm.cover: _proportional,
    ThumbnailForm.exact: _exact,
    ThumbnailForm.area: _area,
}


def place_view(step: View, size: Size, limit: int, *, enlarge: bool = True) -> Placement:
    """``imageView2``: modes 0 and 2 never enlarge, 1 and 5 crop to the centre, 3 and 4 cover."""
    width, height = _clamp(step.width, limit), _clamp(step.height, limit)
    fits = step.mode in {0, 2}
    if not fits:
        width, height = width or height, height or width
    portrait = size[1] > size[0]
    if step.mode in {0, 4, 5} and portrait:
        width, height = height, width
    ratios = _ratios(width, height, size)
    ratio = min(ratios) if fits else max(ratios)
    if fits or not enlarge:
        ratio = min(ratio, _ONE)
    scaled = ratio.of(size[0]), ratio.of(size[1])
    if step.mode not in {1, 5}:
        return _whole(scaled)
    return _anchored(scaled, min(width or 1, scaled[0]), min(height or 1, scaled[1]), Gravity.center)


def place_crop(step: Crop, size: Size, limit: int) -> Placement:
    """``crop``: shrink to just cover, then cut at the anchor; one side alone only cuts."""
    width = min(step.width or size[0], limit, size[0])
    height = min(step.height or size[1], limit, size[1])
    scaled = size
    if step.width is not None and step.height is not None:
        ratio = max(_ratios(width, height, size))
        scaled = max(width, ratio.of(size[0])), max(height, ratio.of(size[1]))
    return _anchored(scaled, width, height, step.gravity)


def place_faces(step: FaceCrop, size: Size, limit: int, faces: Sequence[Box]) -> Placement:
    """``scrop``: scaled and cut as by ``crop``, with all ``faces`` in the window, or else the largest one.

    Args:
        step: what to do.
        size: width and height of the image.
        limit: width and height parameters above this are taken as this.
        faces: left, top, right and bottom of each in the image; without any, all of it is kept.
    """
    if not faces:
        return _whole(size)
    whole = place_crop(Crop(step.width, step.height), size, limit)
    largest = max(faces, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    starts = []
    for axis in (0, 1):
        have, wanted = whole.scaled[axis], whole.size[axis]
        low, high = min(box[axis] for box in faces), max(box[axis + 2] for box in faces)
        if (high - low) * have > wanted * size[axis]:
            low, high = largest[axis], largest[axis + 2]
        middle = (low + high) * have // (2 * size[axis])
        starts.append(min(max(middle - wanted // 2, 0), have - wanted))
    left, top = starts
    return Placement(whole.scaled, (left, top, left + whole.size[0], top + whole.size[1]))


def place_ratio(step: RatioCrop, size: Size) -> Placement:
    """``rcrop``: the largest window at the anchor whose ratio is allowed, to the nearest pixel."""
    width, height = size
    low, high = (_Ratio(round(ratio * _PERCENT_PARTS), _PERCENT_PARTS) for ratio in (step.low, step.high))
    if _Ratio(width, height) < low:
        height = min(_Ratio(low.under, low.over).of(width), height)
    elif high < _Ratio(width, height):
        width = min(high.of(height), width)
    return _anchored(size, width, height, step.gravity)


def place_cut(step: Cut, size: Size, limit: int) -> Placement:
    """``cut``: a window at an offset from the anchor, less what lies outside the image.

    Raises:
        InvalidArgument: nothing of the image lies in the window.
    """
    width, height = min(step.width or size[0], limit), min(step.height or size[1], limit)
    across, down = step.gravity.value
    left = _offset(across, size[0], width, step.dx, legacy=step.legacy)
    top = _offset(down, size[1], height, step.dy, legacy=step.legacy)
    box = max(0, left), max(0, top), min(size[0], left + width), min(size[1], top + height)
    if box[0] >= box[2] or box[1] >= box[3]:
        raise outside_image(
            f"the window {step.text.split('/', 1)[1]} lies outside the image of {size[0]}x{size[1]}"
        )
    return Placement(size, box)


def _offset(anchor: int, have: int, wanted: int, delta: int, *, legacy: bool) -> int:
    if anchor == 0:
        return delta
    if anchor == 2:
        return have - wanted - delta
    # In the middle an offset has no inward direction and is ignored; only the old form moves by it.
    return (have - wanted) // 2 + (delta if legacy else 0)


def _anchored(scaled: Size, width: int, height: int, gravity: Gravity) -> Placement:
    across, down = gravity.value
    left, top = (scaled[0] - width) * across // 2, (scaled[1] - height) * down // 2
    return Placement(scaled, (left, top, left + width, top + height))
