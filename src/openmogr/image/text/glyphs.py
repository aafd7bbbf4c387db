"""Which characters a font has: the table ``cmap`` of OpenType (ISO/IEC 14496-22, 5.2.1), which Pillow does not show.

FreeType draws a box for what is missing, and nobody is told.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from openmogr.image.source.arrays import np

if TYPE_CHECKING:
    import numpy.typing as npt

    _Ranges = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

__all__ = ["Glyphs", "font_count", "read_glyphs"]

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

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    check_sum: int

    def missing(self, text: str) -> str:
        """The characters of a text that the font has not, each once."""
        return "".join(character for character in dict.fromkeys(text) if not self._has(ord(character)))

    def _has(self, code: int) -> bool:
        at = int(np.searchsorted(self.starts, code, "right")) - 1
        return at >= 0 and code <= int(self.ends[at])


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
    except (KeyError, IndexError, struct.error) as error:
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
    groups = np.frombuffer(cmap, ">u4", 3 * count, offset + 16).reshape(-1, 3).astype(np.int64)
    # Glyph 0 is the box for what is missing.
    groups[groups[:, 2] == 0, 0] += 1
    return groups[:, 0], groups[:, 1]


def _segments(cmap: bytes, offset: int) -> _Ranges:
    """Format 4: segments of the basic plane, whose glyphs may be listed one by one."""
    length, twice = struct.unpack_from(">2xH2xH", cmap, offset)
    count = twice // 2
    words = np.frombuffer(cmap, ">u2", length // 2, offset).astype(np.int64)
    ends, starts = words[7 : 7 + count], words[8 + count : 8 + 2 * count]
    deltas, places = words[8 + 2 * count : 8 + 3 * count], words[8 + 3 * count : 8 + 4 * count]
    codes: list[int] = []
    for number in range(count):
        segment = range(int(starts[number]), int(ends[number]) + 1)
        at = 8 + 3 * count + number + int(places[number]) // 2
        codes += _listed(segment, words, at if places[number] else None, int(deltas[number]))
    found = np.asarray(codes, np.int64)
    return found, found


def _listed(segment: range, words: npt.NDArray[np.int64], at: int | None, delta: int) -> Sequence[int]:
    """The code points of a segment that have a glyph."""
    if at is None:
        return [code for code in segment if (code + delta) & 0xFFFF]
    return [
        code
        for code in segment
        if at + code - segment.start < len(words) and words[at + code - segment.start]
    ]
