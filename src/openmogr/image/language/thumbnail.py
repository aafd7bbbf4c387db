"""The forms of ``thumbnail`` (``docs/spec/api/image-mogr2.md#4.1``)."""

from __future__ import annotations

import re

from openmogr.image.language.operations import Thumbnail, ThumbnailForm
from openmogr.image.language.tokens import NUMBER, StageTokens, pixels

__all__ = ["parse_thumbnail"]

_PERCENT = re.compile(rf"!(x?)({NUMBER})p(x?)")
_AREA = re.compile(rf"({NUMBER})@?")
_SIZE = re.compile(rf"(!?)({NUMBER})?x({NUMBER})?([><!r]?)")
_ZERO = re.compile(r"0+(?:\.0*)?[><]?")
# As ImageMagick writes a width; a bare number is an area instead.
_WIDTH = re.compile(rf"!({NUMBER})|({NUMBER})([><!])")

# Percentages have no documented range; more than tenfold is never meant and is refused.
_MAX_PERCENT = 1000

_FORM_OF_MARKS = {
    ("", ""): ThumbnailForm.fit,
    ("", ">"): ThumbnailForm.shrink,
    ("", "<"): ThumbnailForm.enlarge,
    ("!", "r"): ThumbnailForm.cover,
    ("", "!"): ThumbnailForm.exact,
    ("!", "!"): ThumbnailForm.exact,
    ("!", ""): ThumbnailForm.exact,
}

_EXPECTED = (
    "one of !Sp, !Spx, !xSp, Wx, xH, WxH, a size with a mark for shrinking or enlarging only, !WxHr, WxH!, A@ "
    f"with numbers above 0 and S up to {_MAX_PERCENT}"
)


def parse_thumbnail(tokens: StageTokens, value: str) -> Thumbnail | None:
    """A ``thumbnail`` value in any of its forms, and in those that clients write besides (``docs/use/operations.md``).

    Returns:
        None where both sides are 0, which asks for no scaling.

    Raises:
        InvalidArgument: naming the token.
    """
    if _is_unset(value):
        return None
    thumbnail = _percent(value) or _area(value) or _size(value) or _width(value)
    if thumbnail is None:
        raise tokens.bad_value("thumbnail", value, _EXPECTED)
    return thumbnail


def _is_unset(value: str) -> bool:
    if (match := _SIZE.fullmatch(value)) and (match[2] or match[3]):
        return not any(pixels(side) for side in (match[2], match[3]) if side)
    return _ZERO.fullmatch(value) is not None


def _percent(value: str) -> Thumbnail | None:
    match = _PERCENT.fullmatch(value)
    if match is None or (match[1] and match[3]):
        return None
    amount = round(float(match[2]), 6)
    if not 0 < amount <= _MAX_PERCENT:
        return None
    form = ThumbnailForm.percent
    if match[1]:
        form = ThumbnailForm.percent_height
    elif match[3]:
        form = ThumbnailForm.percent_width
    return Thumbnail(form, amount=amount)


def _area(value: str) -> Thumbnail | None:
    match = _AREA.fullmatch(value)
    if match is None or pixels(match[1]) == 0:
        return None
    return Thumbnail(ThumbnailForm.area, amount=pixels(match[1]))


def _size(value: str) -> Thumbnail | None:
    match = _SIZE.fullmatch(value)
    if match is None:
        return None
    form = _FORM_OF_MARKS.get((match[1], match[4]))
    width, height = (pixels(side) or None if side else None for side in (match[2], match[3]))
    if form is None or (width is None and height is None):
        return None
    if form is ThumbnailForm.exact and (width is None or height is None):
        return None
    return Thumbnail(form, width, height)


def _width(value: str) -> Thumbnail | None:
    match = _WIDTH.fullmatch(value)
    if match is None or not (width := pixels(match[1] or match[2])):
        return None
    # One side cannot be forced without the other: it is a width with its height in proportion.
    form = {">": ThumbnailForm.shrink, "<": ThumbnailForm.enlarge}.get(match[3] or "", ThumbnailForm.fit)
    return Thumbnail(form, width)
