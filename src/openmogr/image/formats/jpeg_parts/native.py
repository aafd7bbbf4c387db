"""Decode a JPEG by ``openmogr_pixels``: at a reduced size, or a window of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openmogr.image import native
from openmogr.image.formats.base import Opened
from openmogr.image.native import Box, Reader

if TYPE_CHECKING:
    from openmogr.image.native import Picture

__all__ = ["jpeg_reader"]

_END, _SCAN = b"\xff\xd9", 0xDA


def jpeg_reader(opened: Opened, eighths: int) -> Reader | None:
    """As ``Format.reader`` says; what may be damaged is left to Pillow, which refuses it in its own words."""
    mode = opened.image.mode
    if not native.AVAILABLE or mode not in {"L", "RGB"}:
        return None
    opened.stream.seek(0)
    data = opened.stream.read()
    width, height = (-(-side * eighths // 8) for side in opened.size)

    def read(box: Box | None) -> Picture | None:
        # What lies below a window is not decoded, so damage there is not met.
        if box is not None and not _has_end(data):
            return None
        try:
            picture, report = native.decode_jpeg(data, scale=eighths, box=box)
        except native.PixelsError:
            return None
        size = (width, height) if box is None else (box[2] - box[0], box[3] - box[1])
        return None if report.truncated or (picture.mode, picture.size) != (mode, size) else picture

    return Reader(mode, (width, height), read, slower_whole=True)


def _has_end(data: bytes) -> bool:
    """Whether an end marker follows the first scan. Coded data hold none."""
    position = 2
    while data[position : position + 1] == b"\xff" and position + 4 <= len(data):
        kind = data[position + 1]
        if kind == 0xFF:
            position += 1
            continue
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if kind == _SCAN:
            # From the end, where it mostly is.
            return data.rfind(_END, position) >= 0
    return False
