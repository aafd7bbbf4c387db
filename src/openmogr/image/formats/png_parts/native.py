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


def written(picture: Picture, metadata: Metadata) -> bytes:
    """The bytes of a file."""
    xmp = metadata.xmp.decode("utf-8", "replace")
    # Of the colour type that Pillow writes: an image stays what its mode says.
    return native.encode_png(picture, palette=False, exif=metadata.exif or None, xmp=xmp)
