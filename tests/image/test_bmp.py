"""BMPs of all headers and kinds of pixels, which are put together here."""

from __future__ import annotations

import struct
from typing import Literal

import numpy as np
import pytest

from openmogr.errors import InvalidImageFormat

from .conftest import Pixels, Run, decoded, encoded, photo, pixels

WIDTH, HEIGHT = 7, 5
COLOURS = np.random.default_rng(1).integers(0, 256, (256, 3)).astype(np.uint8)
GREYS = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, 1)
Size = Literal[12, 40, 52, 56, 64, 108, 124]


def bmp(
    rows: bytes,
    bits: int,
    *,
    header: Size = 40,
    compression: int = 0,
    palette: Pixels | None = None,
    masks: tuple[int, ...] = (),
    top_down: bool = False,
) -> bytes:
    """A file of 7x5 pixels."""
    if header == 12:
        told = struct.pack("<I4H", 12, WIDTH, HEIGHT, 1, bits)
    else:
        height, colours = (-HEIGHT if top_down else HEIGHT), 0 if palette is None else len(palette)
        told = struct.pack(
            "<IiiHHIIiiII", header, WIDTH, height, 1, bits, compression, len(rows), 2835, 2835, colours, 0
        )
    fields = struct.pack(f"<{len(masks)}I", *masks)
    told = (told + fields).ljust(header, b"\x00") if header > 40 else told + fields
    entry = b"" if header == 12 else b"\x00"
    for red, green, blue in palette if palette is not None else ():
        told += bytes([blue, green, red]) + entry
    start = 14 + len(told)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + told + rows


def padded(row: bytes) -> bytes:
    return row + bytes(-len(row) % 4)


def packed(indexes: Pixels, bits: int) -> bytes:
    single = indexes[..., None] >> np.arange(bits - 1, -1, -1) & 1
    return b"".join(padded(np.packbits(row.reshape(-1)).tobytes()) for row in single)


def shown(run: Run, data: bytes) -> Pixels:
    return pixels(decoded(run("imageMogr2/format/png", data)), "RGBA")


def opaque(samples: Pixels) -> Pixels:
    return np.dstack([samples, np.full(samples.shape[:2], 255, np.uint8)])


@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize("header", [12, 40, 64, 108, 124])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("colours", [COLOURS, GREYS, COLOURS[:2], GREYS[[0, 255]]])
def test_palettes(colours: Pixels, bits: int, header: Size, top_down: bool, run: Run) -> None:
    palette = colours[: 1 << bits]
    if header == 12:
        top_down, palette = False, np.resize(palette, (1 << bits, 3))
    indexes = np.random.default_rng(2).integers(0, len(palette), (HEIGHT, WIDTH)).astype(np.uint8)
    rows = packed(indexes if top_down else indexes[::-1], bits)
    data = bmp(rows, bits, header=header, palette=palette, top_down=top_down)
    assert np.array_equal(shown(run, data), opaque(palette[indexes]))


@pytest.mark.parametrize(
    ("header", "bits", "masks"),
    [
        (40, 16, (0xF800, 0x7E0, 0x1F)),
        (40, 32, (0xFF0000, 0xFF00, 0xFF)),
        (52, 32, (0x3FF00000, 0xFFC00, 0x3FF)),
        (56, 16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
        (108, 16, (0xF00, 0xF0, 0xF, 0xF000)),
        (124, 32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
        (108, 32, (0xFF0000, 0xFF00, 0xFF, 0)),
    ],
)
def test_bit_fields(header: Size, bits: int, masks: tuple[int, ...], run: Run) -> None:
    words = np.random.default_rng(3).integers(0, 1 << bits, (HEIGHT, WIDTH))
    rows = b"".join(padded(row.astype(f"<u{bits // 8}").tobytes()) for row in words[::-1])
    result = shown(run, bmp(rows, bits, header=header, compression=3, masks=masks))
    for number in range(4):
        mask = masks[number] if number < len(masks) else 0
        low = mask & -mask
        expected = np.floor((words & mask) // low * 255 / (mask // low) + 0.5) if mask else 255
        seen = result[..., 3] > 0
        assert np.array_equal(result[..., number][seen], np.broadcast_to(expected, words.shape)[seen])


def test_fields_with_alpha_behind_the_header_and_alpha_that_is_none(run: Run) -> None:
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    words = np.arange(WIDTH * HEIGHT, dtype="<u4").reshape(HEIGHT, WIDTH) * 0x010203
    half = (words | 0x80000000).astype("<u4")
    assert shown(run, bmp(half.tobytes(), 32, compression=6, masks=masks))[..., 3].tolist() == [[128] * 7] * 5
    assert shown(run, bmp(words.tobytes(), 32, header=108, compression=3, masks=masks))[..., 3].min() == 255


@pytest.mark.parametrize(
    ("bits", "codes", "rows"),
    [
        # A place that is skipped, and an end before the last row.
        (8, "0305 0000 0002 0201 0407 0001", ["5550000", "0000000", "0077770"]),
        (8, "0709 0000 0709 0001", ["9999999", "9999999"]),
        # No end, short rows, and indexes as they are, padded to an even number of bytes.
        (8, "0409 0000" * 5, ["9999000"] * 5),
        (8, "0003 010203 00 0405 0000 0700 0001", ["1235555", "0000000"]),
        # More than a row holds is cut.
        (8, "0A09 0000 0001", ["9999999"]),
        (4, "0512 0203 0000 0003 3450 0422 0001", ["1212103"[:5] + "03", "3452222"]),
    ],
)
def test_run_lengths(bits: int, codes: str, rows: list[str], run: Run) -> None:
    indexes = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number, row in enumerate(rows):
        indexes[HEIGHT - 1 - number] = [int(digit) for digit in row]
    palette = COLOURS[: 1 << bits]
    data = bmp(bytes.fromhex(codes), bits, compression=1 if bits == 8 else 2, palette=palette)
    assert np.array_equal(shown(run, data), opaque(palette[indexes]))


@pytest.mark.parametrize("codes", ["0709 0000 0709", "0709 0000 0009 01", "0002"])
def test_run_lengths_that_break_off_are_refused(codes: str, run: Run) -> None:
    with pytest.raises(InvalidImageFormat, match="damaged"):
        shown(run, bmp(bytes.fromhex(codes), 8, compression=1, palette=COLOURS))


def test_rows_that_break_off_are_refused(run: Run) -> None:
    with pytest.raises(InvalidImageFormat, match="not enough image data"):
        shown(run, bmp(bytes(39), 8, palette=COLOURS))


def test_indexes_beyond_the_palette_are_black(run: Run) -> None:
    data = bmp(packed(np.full((HEIGHT, WIDTH), 9, np.uint8), 8), 8, palette=COLOURS[:3])
    assert np.array_equal(shown(run, data), opaque(np.zeros((HEIGHT, WIDTH, 3), np.uint8)))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_files_of_pillow(mode: str, run: Run) -> None:
    picture = photo(61, 47).convert(mode)
    assert np.array_equal(
        pixels(decoded(run("imageMogr2/format/png", encoded(picture, "BMP")))), pixels(picture)
    )
