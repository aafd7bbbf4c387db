"""Damaged and hand-made files: only errors of a client, and no pixels before the limits are checked."""

from __future__ import annotations

import random
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest

from openmogr.errors import CosError
from openmogr.image import ImageSettings, Processor, Source, parse_operation

from .conftest import Run, encoded, photo

pytestmark = pytest.mark.filterwarnings("ignore")

OPERATIONS = [
    "imageMogr2/thumbnail/20x20/format/png",
    "imageInfo",
    "exif",
    "imageMogr2/thumbnail/20x/format/webp",
]
SMALL = [
    "Landscape_5.jpg",
    "Channel_digital_image_CMYK_color_no_profile.jpg",
    "tbgn2c16.png",
    "swiss.png",
    "p3.png",
    "5_webp_a.webp",
    "rotating-squares.webp",
    "dancing-banana.gif",
    "dispose_bgnd_transparency.gif",
    "8bit_depth.tiff",
    "bmp_24.bmp",
    "RGBA_8.heif",
]


# Small enough that damage to a size field does not make a test slow.
CAREFUL = Processor(ImageSettings(max_pixels=1_000_000, max_animation_pixels=4_000_000))


def failure(data: bytes, operation: str) -> CosError | None:
    try:
        CAREFUL.execute(parse_operation(operation), Source(data=data))
    except CosError as error:
        return error
    return None


@pytest.mark.parametrize("name", SMALL)
def test_damage_is_never_our_fault(name: str, inputs: Path) -> None:
    if name.endswith(".heif"):
        pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed")
    data = (inputs / name).read_bytes()
    dice = random.Random(name)
    for number in range(40):
        damaged = bytearray(data)
        # Headers are where damage leads somewhere.
        reach = len(damaged) if number % 2 else min(len(damaged), 400)
        for _ in range(dice.choice([1, 3, 20])):
            damaged[dice.randrange(reach)] = dice.randrange(256)
        if number % 5 == 0:
            del damaged[dice.randrange(len(damaged)) :]
        error = failure(bytes(damaged), OPERATIONS[number % len(OPERATIONS)])
        assert error is None or error.status == 400, error.detail


def png(width: int, height: int, body: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + body
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def webp(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = b"VP8X" + struct.pack("<I", 10) + b"\x02\x00\x00\x00" + canvas
    return b"RIFF" + struct.pack("<I", len(frame) + 4) + b"WEBP" + frame


def gif(frames: int, left: int = 0) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", left, left, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b"\x3b"


def bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


BOMBS = {
    "png": png(49_000, 49_000),
    "png-side": png(50_001, 1),
    "webp": webp(16_384, 16_384),
    "gif": gif(200_000),
    "gif-canvas": gif(2, left=40_000),
    "bmp": bmp(40_000, 40_000),
}


@pytest.mark.parametrize("name", sorted(BOMBS))
@pytest.mark.parametrize("operation", OPERATIONS)
def test_bombs_are_refused_by_their_headers(name: str, operation: str, processor: Processor) -> None:
    if name.startswith("gif") and operation == "exif":
        return
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(CosError) as caught:
        processor.execute(parse_operation(operation), Source(data=BOMBS[name]))
    assert time.process_time() - started < 2
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    assert (caught.value.code, caught.value.number) == ("ImageResolutionExceed", -447)


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "exif"])
def test_a_broken_png_is_not_black(operation: str, processor: Processor) -> None:
    """Pillow gives no second error for the same pixels."""
    data = bytearray(encoded(photo(), "PNG"))
    start = data.index(b"IDAT") + 4
    length = int.from_bytes(data[start - 8 : start - 4], "big")
    data[start : start + length] = bytes(length)
    data[start + length : start + length + 4] = struct.pack(">I", zlib.crc32(b"IDAT" + bytes(length)))
    with pytest.raises(CosError) as caught:
        processor.execute(parse_operation(operation), Source(data=bytes(data)))
    assert caught.value.number == -441


def test_more_bytes_than_allowed_are_not_even_opened() -> None:
    small = Processor(ImageSettings(max_input_bytes=10))
    with pytest.raises(CosError, match="bytes") as caught:
        small.execute(parse_operation("imageInfo"), Source(data=encoded(photo(), "PNG")))
    assert (caught.value.code, caught.value.number) == ("ImageTooLarge", -167)


def test_contents_count_and_names_do_not(processor: Processor, run: Run) -> None:
    source = Source(data=encoded(photo(), "WEBP"), name="photo.jpg")
    assert processor.image_info(source).format == "WEBP"


def test_sources_are_one_of_path_data_and_descriptor() -> None:
    for arguments in ({}, {"path": Path("x"), "data": b""}, {"data": b"", "descriptor": 0}):
        with pytest.raises(ValueError, match="one of path, data and descriptor"):
            Source(**arguments)  # type: ignore[arg-type]
