"""Decode and write a PNG by ``openmogr_pixels``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

from openmogr.image import native
from openmogr.image.formats.base import EncodeOptions, Opened
from openmogr.image.native import Box, Reader

if TYPE_CHECKING:
    from openmogr.image.native import Picture

__all__ = ["png_reader", "written", "written_with_effort"]

# How hard oxipng searches, by ``png_effort`` and the pixels up to which it does. Larger pictures get a palette and
# fewer channels where that loses nothing, and zlib's middle level.
_SEARCHES = {1: ((1 << 14, 2), (1 << 18, 1)), 2: ((1 << 18, 4), (4 << 20, 2), (16 << 20, 1))}

# How hard it searches by the ``effort`` of a request, and of how many pixels at most: more are searched less hard, so
# that none takes a minute. Lower efforts do not search.
_EFFORTS = {3: 1, 4: 1, 5: 2, 6: 2, 7: 4, 8: 5, 9: 6}
_MOST_PIXELS = {6: 4 << 20, 5: 6 << 20, 4: 16 << 20, 2: 32 << 20, 1: 64 << 20}
_QUICK_LEVEL, _USUAL_LEVEL = 1, 6

# Where a file tells its colour type, and that of palettes.
_COLOR_TYPE, _PALETTE = 25, 3
_GREYS = {0, 4}

# By colour type; palettes without transparency.
_MODES = {0: "L", 2: "RGB", 3: "RGB", 4: "LA", 6: "RGBA"}


def png_reader(opened: Opened) -> Reader | None:
    """As ``Format.reader`` says. Transparent colours and code points are left to Pillow and what is around it."""
    layout = opened.png
    if not native.AVAILABLE or layout is None or layout.key or layout.cicp is not None:
        return None
    mode = _MODES[layout.color_type]
    opened.stream.seek(0)
    data = opened.stream.read()

    def read(box: Box | None) -> Picture | None:
        if box is not None:
            return None
        try:
            picture, _ = native.decode_png(data)
        except native.PixelsError:
            return None
        return picture if (picture.mode, picture.size) == (mode, opened.size) else None

    return Reader(mode, opened.size, read)


def written(picture: Picture, options: EncodeOptions, effort: int) -> bytes:
    """The bytes of a file; ``effort`` is the setting ``png_effort``."""
    pixels = picture.width * picture.height
    for most, search in _SEARCHES.get(effort, ()):
        if pixels <= most:
            return _searched(picture, options, search)
    return _plain(picture, options, _USUAL_LEVEL, reduce=effort > 0)


def written_with_effort(picture: Picture, options: EncodeOptions, effort: int) -> bytes:
    """The bytes of a file; ``effort`` is that of a request, 0-9."""
    pixels = picture.width * picture.height
    plain = _plain(picture, options, _USUAL_LEVEL if effort else _QUICK_LEVEL, reduce=effort > 0)
    most = _EFFORTS.get(effort, 0)
    search = max(
        (kind for kind, most_pixels in _MOST_PIXELS.items() if kind <= most and pixels <= most_pixels),
        default=0,
    )
    # Filters that a search tries first may be worse than those of the plain file.
    return min(plain, _searched(picture, options, search), key=len) if search else plain


def _searched(picture: Picture, options: EncodeOptions, search: int) -> bytes:
    found = _encoded(picture, options, effort=search)
    if found[_COLOR_TYPE] != _PALETTE:
        return found
    # Patterns may be told by rows above in fewer bytes than by a palette, whose search leaves that out.
    plain = _encoded(picture, options, palette=False, reduce=True)
    return min(found, plain, key=len)


def _plain(picture: Picture, options: EncodeOptions, level: int, *, reduce: bool) -> bytes:
    return _encoded(picture, options, level=level, palette=reduce, reduce=reduce)


class _How(TypedDict, total=False):
    """What ``encode_png`` takes besides what a file carries."""

    level: int
    effort: int
    palette: bool
    reduce: bool


def _encoded(picture: Picture, options: EncodeOptions, **how: Unpack[_How]) -> bytes:
    exif, xmp = options.metadata.exif or None, options.metadata.xmp.decode("utf-8", "replace")
    icc = options.profile or None
    data = native.encode_png(picture, icc=icc, exif=exif, xmp=xmp, **how)
    if icc is not None and picture.mode.startswith("RGB") and data[_COLOR_TYPE] in _GREYS:
        # A profile of RGB does not go with samples of grey (PNG specification, third edition, section 11.3.2.3).
        data = native.encode_png(picture, palette=True, icc=icc, exif=exif, xmp=xmp)
    return data
