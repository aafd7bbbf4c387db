"""What the headers of a BMP say: those of Windows, version 3 to 5, and of OS/2."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["FIELDS", "RAW", "RLE4", "RLE8", "BmpHeader", "read_bmp_header"]

RAW, RLE8, RLE4, FIELDS, _FIELDS_AND_ALPHA = 0, 1, 2, 3, 6

_FILE_HEADER, _CORE, _INFO = 14, 12, 40
_SIZES = {_CORE, _INFO, 52, 56, 64, 108, 124}
_OS2 = 64
_METRE = 39.3701


@dataclass(frozen=True, slots=True)
class BmpHeader:
    """A picture of indexes into a palette, or of bit fields.

    Attributes:
        width: in pixels.
        height: likewise.
        top_down: the first row is the upper one.
        bits: of a pixel.
        compression: ``RAW``, ``RLE8``, ``RLE4`` or ``FIELDS``.
        masks: of red, green, blue and alpha in a pixel, for bit fields.
        palette: red, green and blue of each colour, else.
        offset: where pixels begin.
        dpi: across and down, or empty.
    """

    width: int
    height: int
    top_down: bool
    bits: int
    compression: int
    masks: tuple[int, ...]
    palette: tuple[tuple[int, int, int], ...]
    offset: int
    dpi: tuple[float, ...]


def read_bmp_header(stream: BinaryIO) -> BmpHeader | None:
    """The header; None for kinds that Pillow reads, or that nobody does.

    Raises:
        struct.error: the file ends before.
    """
    stream.seek(0)
    start = stream.read(_FILE_HEADER + 4)
    offset, size = struct.unpack_from("<II", start, 10)
    if size not in _SIZES:
        return None
    rest = stream.read(size - 4)
    if size == _CORE:
        width, height, _, bits = struct.unpack_from("<4H", rest)
        compression, across, down, colours = RAW, 0, 0, 0
    else:
        width, height, _, bits, compression, _, across, down, colours = struct.unpack_from("<iiHHIIiiI", rest)
    kind = FIELDS if compression == _FIELDS_AND_ALPHA else compression
    indexed = bits in {1, 2, 4, 8} and (kind == RAW or (kind, bits) in {(RLE8, 8), (RLE4, 4)})
    if not indexed and ((kind, size == _OS2) != (FIELDS, False) or bits not in {16, 32}):
        return None
    masks = _masks(stream, rest, compression) if kind == FIELDS else ()
    entry = 3 if size == _CORE else 4
    palette = _palette(stream, min(colours or 1 << bits, 1 << bits), entry) if indexed else ()
    dpi = (across / _METRE, down / _METRE) if across > 0 and down > 0 else ()
    return BmpHeader(width, abs(height), height < 0, bits, kind, masks, palette, offset or stream.tell(), dpi)


def _masks(stream: BinaryIO, rest: bytes, compression: int) -> tuple[int, ...]:
    """Those in the header from its version 2 on, and alpha from 3 on; else behind it."""
    count = 4 if compression == _FIELDS_AND_ALPHA else 3
    told = rest[_INFO - 4 : _INFO + 12] or stream.read(4 * count)
    return struct.unpack(f"<{len(told) // 4}I", told)


def _palette(stream: BinaryIO, colours: int, entry: int) -> tuple[tuple[int, int, int], ...]:
    data = stream.read(colours * entry)
    return tuple((data[i + 2], data[i + 1], data[i]) for i in range(0, len(data) - 2, entry))
