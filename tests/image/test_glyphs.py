"""Which characters a font has, by tables made here."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from openmogr.image.text.glyphs import read_glyphs

CHECK_SUM = 0xB1B0AFBA


def font(path: Path, platform: int, encoding: int, table: bytes) -> Path:
    """A file of two tables of OpenType: ``head``, as far as it is read, and ``cmap`` with one subtable."""
    cmap = struct.pack(">HHHHI", 0, 1, platform, encoding, 12) + table
    start = 12 + 2 * 16
    records = struct.pack(">4sIII", b"cmap", 0, start + 12, len(cmap))
    records += struct.pack(">4sIII", b"head", 0, start, 12)
    path.write_bytes(
        struct.pack(">IHHHH", 0x00010000, 2, 0, 0, 0) + records + struct.pack(">III", 0, 0, CHECK_SUM) + cmap
    )
    return path


def ranges(*groups: tuple[int, int, int]) -> bytes:
    """Format 12: first and last code points, and the glyph of the first."""
    body = b"".join(struct.pack(">III", *group) for group in groups)
    return struct.pack(">HHIII", 12, 0, 16 + len(body), 0, len(groups)) + body


def segments(*parts: tuple[int, int, int, int], glyphs: tuple[int, ...] = (), length: int = 0) -> bytes:
    """Format 4: last and first code points, delta and offset into the list of glyphs."""
    count = len(parts)
    ends, starts, deltas, places = (
        b"".join(struct.pack(">H", part[at]) for part in parts) for at in range(4)
    )
    body = ends + b"\0\0" + starts + deltas + places + struct.pack(f">{len(glyphs)}H", *glyphs)
    return struct.pack(">HHHHHHH", 4, length or 14 + len(body), 0, 2 * count, 0, 0, 0) + body


def test_ranges_of_all_planes(tmp_path: Path) -> None:
    table = ranges((0x41, 0x43, 7), (0x20000, 0x20001, 90))
    glyphs = read_glyphs(font(tmp_path / "a.otf", 3, 10, table), 0)
    assert glyphs.check_sum == CHECK_SUM
    assert glyphs.missing("@ABCD\U00020000\U00020001\U00020002@") == "@D\U00020002"


def test_the_glyph_for_what_is_missing_is_none(tmp_path: Path) -> None:
    glyphs = read_glyphs(font(tmp_path / "a.otf", 0, 6, ranges((0x41, 0x43, 0))), 0)
    assert glyphs.missing("ABC") == "A"


def test_segments_of_the_basic_plane(tmp_path: Path) -> None:
    # The first by its delta, the second by a list with a hole, and the end of the table.
    table = segments((0x42, 0x41, 5, 0), (0x63, 0x61, 0, 4), (0xFFFF, 0xFFFF, 1, 0), glyphs=(8, 0, 9))
    glyphs = read_glyphs(font(tmp_path / "a.ttf", 3, 1, table), 0)
    assert glyphs.missing("@ABCabcd\uffff") == "@Cbd\uffff"


@pytest.mark.parametrize(
    "table",
    [
        ranges((0x41, 0x43, 7), (0x61, 0x63, 9))[:-1],
        ranges((0xFFFFFFFF, 0xFFFFFFFF, 0)),
        segments((0x42, 0x41, 5, 0), (0xFFFF, 0xFFFF, 1, 0))[:-3],
        segments((0x42, 0x41, 5, 0), (0xFFFF, 0xFFFF, 1, 0), length=24),
        struct.pack(">H", 12),
        struct.pack(">HHHH", 6, 10, 0, 0),
    ],
    ids=["cut", "overflow", "cut segments", "short segments", "no length", "another format"],
)
def test_damage_is_told(tmp_path: Path, table: bytes) -> None:
    kind = (3, 10) if table.startswith(b"\0\x0c") else (3, 1)
    with pytest.raises(ValueError, match="no table of characters that is understood"):
        read_glyphs(font(tmp_path / "a.ttf", *kind, table), 0)
