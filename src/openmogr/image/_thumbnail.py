"""The forms of ``thumbnail`` (``docs/spec/api/image-mogr2.md#4.1``)."""

from __future__ import annotations

import re

from openmogr.image._tokens import StageTokens
from openmogr.image.operations import Thumbnail, ThumbnailForm

__all__ = ["parse_thumbnail"]

_PERCENT = re.compile(r"!(x?)([0-9]{1,9})p(x?)")
_AREA = re.compile(r"([0-9]{1,18})@?")
_SIZE = re.compile(r"(!?)([0-9]{0,18})x([0-9]{0,18})([><!r]?)")

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
    "one of !<S>p, !<S>px, !x<S>p, <w>x, x<h>, <w>x<h>, <w>x<h>>, <w>x<h><, !<w>x<h>r, <w>x<h>!, <A>@ "
    f"with whole numbers above 0 and S up to {_MAX_PERCENT}"
)


def parse_thumbnail(tokens: StageTokens, value: str) -> Thumbnail:
    """A ``thumbnail`` value in any of its forms; ``!<w>x<h>`` and ``<A>``, which clients write, too.

    Raises:
        InvalidArgument: naming the token.
    """
    thumbnail = _percent(value) or _area(value) or _size(value)
    if thumbnail is None:
        raise tokens.bad_value("thumbnail", value, _EXPECTED)
    return thumbnail


def _percent(value: str) -> Thumbnail | None:
    match = _PERCENT.fullmatch(value)
    if match is None or (match[1] and match[3]) or not 0 < int(match[2]) <= _MAX_PERCENT:
        return None
    form = ThumbnailForm.percent
    if match[1]:
        form = ThumbnailForm.percent_height
    elif match[3]:
        form = ThumbnailForm.percent_width
    return Thumbnail(form, amount=int(match[2]))


def _area(value: str) -> Thumbnail | None:
    match = _AREA.fullmatch(value)
    if match is None or int(match[1]) == 0:
        return None
    return Thumbnail(ThumbnailForm.area, amount=int(match[1]))


def _size(value: str) -> Thumbnail | None:
    match = _SIZE.fullmatch(value)
    if match is None or not (match[2] or match[3]):
        return None
    form = _FORM_OF_MARKS.get((match[1], match[4]))
    width, height = (int(group) if group else None for group in (match[2], match[3]))
    if form is None or width == 0 or height == 0:
        return None
    if form is ThumbnailForm.exact and (width is None or height is None):
        return None
    return Thumbnail(form, width, height)
