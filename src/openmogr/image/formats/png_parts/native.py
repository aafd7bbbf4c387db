"""Decode and write a PNG by ``openmogr_pixels``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openmogr.image import native
from openmogr.image.formats.base import Opened
from openmogr.image.native import Box, Reader
from openmogr.image.source.metadata import Metadata

if TYPE_CHECKING:
    from openmogr.image.native import Picture

__all__ = ["png_reader", "written"]

# How hard oxipng searches, by ``png_effort`` and the pixels up to which it does. Larger pictures get a palette and
# fewer channels where that loses nothing, and zlib's middle level.
_SEARCHES = {1: ((1 << 14, 2), (1 << 18, 1)), 2: ((1 << 18, 4), (4 << 20, 2), (16 << 20, 1))}

# Where a file tells its colour type, and that of palettes.
_COLOR_TYPE, _PALETTE = 25, 3

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


def written(picture: Picture, metadata: Metadata, effort: int) -> bytes:
    """The bytes of a file; ``effort`` is the setting ``png_effort``."""
    xmp = metadata.xmp.decode("utf-8", "replace")
    exif = metadata.exif or None
    pixels = picture.width * picture.height
    for most, search in _SEARCHES.get(effort, ()):
        if pixels <= most:
            found = native.encode_png(picture, effort=search, exif=exif, xmp=xmp)
            if found[_COLOR_TYPE] != _PALETTE:
                return found
            # Patterns may be told by rows above in fewer bytes than by a palette, whose search leaves that out.
            plain = native.encode_png(picture, palette=False, reduce=True, exif=exif, xmp=xmp)
            return min(found, plain, key=len)
    return native.encode_png(picture, palette=effort > 0, reduce=effort > 0, exif=exif, xmp=xmp)
