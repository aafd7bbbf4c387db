"""Which characters a font has: the table ``cmap`` of OpenType (ISO/IEC 14496-22, 5.2.1), which Pillow does not show.

FreeType draws a box for what is missing, and nobody is told.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

__all__ = ["Glyphs", "font_count", "read_glyphs"]

# First and last code points of ranges. Not NumPy's: it would be all that a server imports it for.
_Ranges: TypeAlias = tuple[Sequence[int], Sequence[int]]

_COLLECTION = b"ttcf"
_MAX_FONTS = 64
_MAX_TABLE = 4 << 20

# Platform and encoding of tables over Unicode, the one with all planes first, and the format each has.
_WANTED = (((3, 10), 12), ((0, 6), 12), ((0, 4), 12), ((3, 1), 4), ((0, 3), 4))


@dataclass(frozen=True, slots=True, eq=False)
class Glyphs:
    """The characters of a font as ranges.

    Attributes:
        starts: first code points, ascending.
        ends: last code points.
        check_sum: that of the whole file, which tells versions apart.
    """

    starts: Sequence[int]
    ends: Sequence[int]
    check_sum: int

    def missing(self, text: str) -> str:
        """The characters of a text that the font has not, each once."""
        return "".join(character for character in dict.fromkeys(text) if not self._has(ord(character)))

    def _has(self, code: int) -> bool:
        at = bisect_right(self.starts, code) - 1
        return at >= 0 and code <= self.ends[at]


def font_count(path: Path) -> int:
    """How many fonts a file holds. Raises ``OSError``."""
    with path.open("rb") as stream:
        head = stream.read(12)
    return min(int.from_bytes(head[8:12], "big"), _MAX_FONTS) if head[:4] == _COLLECTION else 1


def read_glyphs(path: Path, index: int) -> Glyphs:
    """The characters of a font of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it has no table that is understood.
    """
    try:
        with path.open("rb") as stream:
            tables = _tables(stream, index)
            offset, length = tables[b"cmap"]
            cmap = _read(stream, offset, min(length, _MAX_TABLE))
            check_sum = int.from_bytes(_read(stream, tables[b"head"][0] + 8, 4), "big")
        starts, ends = _ranges(cmap)
        return Glyphs(starts, ends, check_sum)
    except (KeyError, IndexError, OverflowError, struct.error) as error:
        raise ValueError(f"{path} has no table of characters that is understood") from error


def _read(stream: BinaryIO, offset: int, length: int) -> bytes:
    stream.seek(offset)
    return stream.read(length)


def _tables(stream: BinaryIO, index: int) -> dict[bytes, tuple[int, int]]:
    """Offset and length of each table."""
    start = 0
    if _read(stream, 0, 4) == _COLLECTION:
        start = int.from_bytes(_read(stream, 12 + 4 * index, 4), "big")
    (count,) = struct.unpack(">4xH", _read(stream, start, 6))
    records = _read(stream, start + 12, 16 * count)
    return {tag: (offset, length) for tag, _, offset, length in struct.iter_unpack(">4sIII", records)}


def _ranges(cmap: bytes) -> _Ranges:
    (count,) = struct.unpack_from(">2xH", cmap)
    offsets = {
        (platform, encoding): offset
        for platform, encoding, offset in struct.iter_unpack(">HHI", cmap[4 : 4 + 8 * count])
    }
    for kind, form in _WANTED:
        offset = offsets.get(kind)
        if offset is not None and struct.unpack_from(">H", cmap, offset)[0] == form:
            return _groups(cmap, offset) if form == 12 else _segments(cmap, offset)
    raise KeyError("cmap")


def _groups(cmap: bytes, offset: int) -> _Ranges:
    """Format 12: ranges of code points with consecutive glyphs."""
    (count,) = struct.unpack_from(">12xI", cmap, offset)
    numbers = _numbers("I", cmap, offset + 16, 3 * count)
    starts, ends, glyphs = numbers[::3], numbers[1::3], numbers[2::3]
    for at, glyph in enumerate(glyphs):
        if not glyph:
            # The box for what is missing.
            starts[at] += 1
    return starts, ends


def _segments(cmap: bytes, offset: int) -> _Ranges:
    """Format 4: segments of the basic plane, whose glyphs may be listed one by one."""
    length, twice = struct.unpack_from(">2xH2xH", cmap, offset)
    count = twice // 2
    words = _numbers("H", cmap, offset, length // 2)
    ends, starts = words[7 : 7 + count], words[8 + count : 8 + 2 * count]
    deltas, places = words[8 + 2 * count : 8 + 3 * count], words[8 + 3 * count : 8 + 4 * count]
    if len(places) < count:
        raise IndexError("the table of characters ends too early")
    codes = array("I")
    for number, (start, end, delta, place) in enumerate(zip(starts, ends, deltas, places, strict=True)):
        at = 8 + 3 * count + number + place // 2
        codes.extend(_listed(range(start, end + 1), words, at if place else None, delta))
    return codes, codes


def _numbers(kind: str, table: bytes, offset: int, count: int) -> array[int]:
    """Big-endian numbers of a kind of ``array``. Raises ``IndexError`` where the table ends before them."""
    numbers = array(kind)
    part = table[offset : offset + count * numbers.itemsize]
    if len(part) < count * numbers.itemsize:
        raise IndexError("the table of characters ends too early")
    numbers.frombytes(part)
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _listed(segment: range, words: Sequence[int], at: int | None, delta: int) -> Sequence[int]:
    """The code points of a segment that have a glyph."""
    if at is None:
        return [code for code in segment if (code + delta) & 0xFFFF]
    return [
        code
        for code in segment
        if at + code - segment.start < len(words) and words[at + code - segment.start]
    ]
