"""PNG chunks that are damaged, long or unusual, and APNG frames against a compositor of the specification."""

from __future__ import annotations

import itertools
import json
import random
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openmogr.errors import CosError
from openmogr.image.model import Source
from openmogr.image.settings import ImageSettings
from openmogr.image.source.open import open_image

from .conftest import Run, decoded, encoded, photo, pixels
from .reference import Drawing, compose, png_chunk, png_file, png_header, png_samples, reference_frames

FAULTS = Path(__file__).parent / "data" / "faults"
SETTINGS = ImageSettings()


def shown(data: bytes) -> list[Image.Image]:
    """All frames as they are handed to the operations."""
    with open_image(Source(data=data), SETTINGS) as opened:
        return [frame.image for frame in opened.frames()]


def with_chunks(chunks: bytes, *, behind: bool = False) -> bytes:
    """A PNG of 160x120 with more chunks in front of or behind its samples."""
    data = encoded(photo(), "PNG")
    place = len(data) - 12 if behind else 33
    return data[:place] + chunks + data[place:]


def damaged(kind: bytes, content: bytes) -> bytes:
    whole = png_chunk(kind, content)
    return whole[:-1] + bytes([whole[-1] ^ 1])


BIG = zlib.compress(bytes(3 << 20))
ANCILLARY = {
    "bad CRC": damaged(b"tEXt", b"Comment\x00hello"),
    "bad CRC of an unknown chunk": damaged(b"prIv", b"abc"),
    "bad CRC of a profile": damaged(b"iCCP", b"x\x00\x00" + zlib.compress(b"abc")),
    "bad CRC of EXIF": damaged(b"eXIf", b"II*\x00"),
    "long zTXt": png_chunk(b"zTXt", b"Comment\x00\x00" + BIG),
    "long iTXt": png_chunk(b"iTXt", b"Comment\x00\x01\x00\x00\x00" + BIG),
    "long iCCP": png_chunk(b"iCCP", b"x\x00\x00" + BIG),
    "many texts": png_chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(1 << 20))) * 80,
    "unknown compression": png_chunk(b"iCCP", b"x\x00\x07" + BIG),
    "iCCP without anything": png_chunk(b"iCCP", b""),
    "short gAMA": png_chunk(b"gAMA", b"\x00"),
    "short cHRM": png_chunk(b"cHRM", b"\x00" * 31),
    "short pHYs": png_chunk(b"pHYs", b"\x00" * 8),
    "short sRGB": png_chunk(b"sRGB", b""),
    "short tRNS": png_chunk(b"tRNS", b"\x00\x01"),
    "short acTL": png_chunk(b"acTL", b"\x00\x00"),
    "length too small": struct.pack(">I", 3) + png_chunk(b"tEXt", b"Comment\x00hello")[4:],
    "length too large": struct.pack(">I", 30) + png_chunk(b"tEXt", b"Comment\x00hello")[4:],
    "length beyond the file": struct.pack(">I", 0x7FFFFFF0) + png_chunk(b"tEXt", b"Comment\x00hello")[4:],
    "empty text": png_chunk(b"tEXt", b"") + png_chunk(b"zTXt", b"") + png_chunk(b"iTXt", b""),
}


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("name", ANCILLARY)
def test_ancillary_chunks_never_hide_a_picture(name: str, behind: bool, run: Run) -> None:
    result = run("imageMogr2/format/png", with_chunks(ANCILLARY[name], behind=behind))
    assert np.array_equal(pixels(decoded(result)), pixels(photo()))


def test_a_long_text_of_no_use(run: Run) -> None:
    text = b"Comment\x00" + random.Random(1).randbytes(9 << 20)
    assert run("imageMogr2/format/jpg", with_chunks(png_chunk(b"tEXt", text))).width == 160


def test_millions_of_chunks_take_no_time(run: Run) -> None:
    data = with_chunks(png_chunk(b"prIv", b"") * 2_000_000)
    started = time.process_time()
    with pytest.raises(CosError, match="no IDAT"):
        run("imageInfo", data)
    assert time.process_time() - started < 25


def test_metadata_stays_beside_damaged_chunks(run: Run) -> None:
    turned = b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00" + bytes(4)
    for behind in (False, True):
        data = with_chunks(ANCILLARY["bad CRC"] + png_chunk(b"eXIf", turned), behind=behind)
        assert run("imageMogr2/auto-orient/format/jpg", data).width == 120
        assert decoded(run("imageMogr2/format/jpg", data)).getexif()[274] == 6


@pytest.mark.parametrize("name", ["png-bad-crc-tEXt.png", "png-iccp-1.2MB.png"])
def test_files_with_damaged_chunks(name: str, run: Run) -> None:
    found = decoded(run("imageMogr2/format/png", FAULTS / name)).convert("RGB")
    assert (found.size, found.getpixel((32, 24))) == ((64, 48), (129, 130, 129))


def test_critical_chunks_must_be_sound(run: Run) -> None:
    data = encoded(photo().quantize(16), "PNG")
    place = data.index(b"PLTE") + 6
    with pytest.raises(CosError, match="CRC of the PNG's PLTE"):
        run("imageMogr2/format/jpg", data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :])
    with pytest.raises(CosError, match="ABCD is unknown"):
        run("imageMogr2/format/jpg", with_chunks(png_chunk(b"ABCD", b"")))


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_transparent_grey(depth: int, run: Run) -> None:
    most = (1 << depth) - 1
    values = [0, most // 3 or 0, most, most // 2]
    if depth == 16:
        rows = [struct.pack(">4H", *values)]
    else:
        bits = "".join(f"{value:0{depth}b}" for value in values).ljust(-(-4 * depth // 8) * 8, "0")
        rows = [int(bits, 2).to_bytes(len(bits) // 8, "big")]
    for key in set(values):
        # Higher bits do not count.
        stored = key | (0x5500 if depth < 16 else 0)
        data = png_file(
            png_header(4, 1, depth, 0),
            (b"tRNS", struct.pack(">H", stored)),
            (b"IDAT", png_samples(rows)),
            (b"IEND", b""),
        )
        found = pixels(decoded(run("imageMogr2/format/png", data)), "RGBA")
        assert found[0, :, 3].tolist() == [0 if value == key else 255 for value in values]
        assert found[0, :, 0].tolist() == [(value * 255 + most // 2) // most for value in values]


@pytest.mark.parametrize("depth", [8, 16])
def test_transparent_colour(depth: int, run: Run) -> None:
    """In 16 bits, colours count as different that are equal in 8."""
    scale = 257 if depth == 16 else 1
    key = [200 * scale, 60 * scale, 10 * scale]
    other = [key[0], key[1], key[2] + 1]
    code = "B" if depth == 8 else "H"
    data = png_file(
        png_header(2, 1, depth, 2),
        (b"tRNS", struct.pack(">3H", *key)),
        (b"IDAT", png_samples([struct.pack(f">6{code}", *key, *other)])),
        (b"IEND", b""),
    )
    # Made anew even where the source is shorter, whose key Pillow reads in 8 bits.
    found = pixels(decoded(run("imageMogr2/format/png/interlace/0", data)), "RGBA")
    assert found[0].tolist() == [[200, 60, 10, 0], [200, 60, 10 if depth == 16 else 11, 255]]


def colour_at(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    return tuple(int(value) for value in pixels(image)[y, x])


def cicp(color: tuple[int, int, int], *points: int, grey: bool = False) -> bytes:
    row = bytes(color[:1]) if grey else bytes(color)
    return png_file(
        png_header(1, 1, 8, 0 if grey else 2),
        (b"cICP", bytes(points)),
        (b"IDAT", png_samples([row])),
        (b"IEND", b""),
    )


@pytest.mark.parametrize(
    ("points", "color", "expected"),
    [
        ((12, 13, 0, 1), (200, 60, 60), (217, 42, 52)),
        ((12, 13, 0, 1), (90, 90, 90), (90, 90, 90)),
        ((1, 13, 0, 1), (200, 60, 60), (200, 60, 60)),
        ((1, 8, 0, 1), (128, 128, 128), (188, 188, 188)),
        ((1, 13, 0, 0), (235, 16, 126), (255, 0, 128)),
        ((12, 13, 1, 1), (200, 60, 60), (200, 60, 60)),
        ((9, 16, 0, 1), (0, 0, 0), (0, 0, 0)),
        ((9, 16, 0, 1), (255, 255, 255), (255, 255, 255)),
        # 18 cd/m2, which is below the knee: 18 / 203 of diffuse white.
        ((9, 16, 0, 1), (88, 88, 88), (84, 84, 84)),
        ((9, 18, 0, 1), (0, 0, 0), (0, 0, 0)),
        ((9, 18, 0, 1), (255, 255, 255), (255, 255, 255)),
    ],
)
def test_code_points(
    points: tuple[int, ...], color: tuple[int, int, int], expected: tuple[int, ...], run: Run
) -> None:
    found = colour_at(decoded(run("imageMogr2/format/png", cicp(color, *points))), 0, 0)
    assert all(abs(a - b) <= 2 for a, b in zip(found, expected, strict=True)), found


def test_tone_mapping_is_monotonic_and_keeps_grey(run: Run) -> None:
    for transfer in (16, 18):
        levels = []
        for value in range(0, 256, 15):
            found = decoded(run("imageMogr2/format/png", cicp((value,) * 3, 9, transfer, 0, 1)))
            red, green, blue = colour_at(found, 0, 0)
            assert max(red, green, blue) - min(red, green, blue) <= 1
            grey = decoded(run("imageMogr2/format/png", cicp((value,) * 3, 9, transfer, 0, 1, grey=True)))
            assert grey.mode == "L"
            levels.append(red)
        assert levels == sorted(levels)
        assert levels[8] < 255


def test_code_points_come_before_a_profile(run: Run) -> None:
    with Image.open(FAULTS / "png-cicp-P3.png") as image:
        plain = encoded(image.convert("RGB"), "PNG", icc_profile=b"")
    p3 = (FAULTS / "png-cicp-P3.png").read_bytes()
    found = decoded(run("imageMogr2/format/png", p3)).convert("RGB").getpixel((8, 8))
    assert found == (217, 42, 52)
    assert decoded(run("imageMogr2/format/png", plain)).convert("RGB").getpixel((8, 8)) == (200, 60, 60)
    pq = colour_at(decoded(run("imageMogr2/format/png", FAULTS / "png-cicp-PQ.png")), 8, 8)
    assert pq[0] > 250
    assert max(pq[1:]) < 60


# Frames of an APNG of 8x6: left, top, width, height; the first covers the canvas or, with a cover picture, need not.
BOXES = [(0, 0, 8, 6), (2, 1, 4, 3), (1, 2, 6, 4), (5, 0, 3, 6)]


def apng(
    color_type: int, operations: list[tuple[int, int]], boxes: list[tuple[int, int, int, int]], cover: bool
) -> tuple[bytes, list[Drawing]]:
    """The file, and what its frames draw."""
    dice = random.Random(str(operations))
    palette = [
        (dice.randrange(256), dice.randrange(256), dice.randrange(256), alpha) for alpha in (255, 0, 128, 255)
    ]
    chunks = [png_header(8, 6, 8, color_type), (b"acTL", struct.pack(">II", len(boxes), 0))]
    if color_type == 3:
        chunks.append((b"PLTE", b"".join(bytes(entry[:3]) for entry in palette)))
        chunks.append((b"tRNS", bytes(entry[3] for entry in palette)))
    if cover:
        chunks.append((b"IDAT", png_samples([bytes(8 * (4 if color_type == 6 else 1))] * 6)))
    number, drawings = 0, []
    for index, (left, top, width, height) in enumerate(boxes):
        disposal, blend = operations[index]
        entries = [[palette[dice.randrange(4)] for _ in range(width)] for _ in range(height)]
        if color_type == 3:
            rows = [bytes(palette.index(entry) for entry in row) for row in entries]
        else:
            rows = [b"".join(bytes(entry) for entry in row) for row in entries]
        control = struct.pack(">5I2H2B", number, width, height, left, top, 7, 100, disposal, blend)
        chunks.append((b"fcTL", control))
        number += 1
        if index == 0 and not cover:
            chunks.append((b"IDAT", png_samples(rows)))
        else:
            chunks.append((b"fdAT", struct.pack(">I", number) + png_samples(rows)))
            number += 1
        drawings.append(Drawing(np.array(entries, np.uint8), left, top, blend == 1, disposal))
    return png_file(*chunks, (b"IEND", b"")), drawings


@pytest.mark.parametrize("cover", [False, True])
@pytest.mark.parametrize("color_type", [3, 6])
def test_apng_frames_are_composed_by_the_specification(color_type: int, cover: bool) -> None:
    kinds = list(itertools.product((0, 1, 2), (0, 1)))
    boxes = [BOXES[1], *BOXES[1:]] if cover else BOXES
    for first, second in itertools.product(kinds, kinds):
        data, drawings = apng(color_type, [first, second, (2, 1), (0, 1)], boxes, cover)
        expected = compose((8, 6), drawings)
        for found, reference in zip(shown(data), expected, strict=True):
            ours, theirs = pixels(found, "RGBA").astype(int), pixels(reference, "RGBA").astype(int)
            assert np.array_equal(ours[..., 3] == 0, theirs[..., 3] == 0)
            seen = theirs[..., 3:] > 0
            # Partial alpha over partial alpha is rounded in between.
            assert np.abs(ours - theirs)[np.broadcast_to(seen, ours.shape)].max(initial=0) <= 2


def test_apng_files(run: Run) -> None:
    over = shown((FAULTS / "apng-over-half-on-opaque.png").read_bytes())
    assert over[1].convert("RGBA").getpixel((8, 8)) == (127, 0, 128, 255)
    previous = shown((FAULTS / "apng-dispose2-blend1.png").read_bytes())
    assert previous[2].convert("RGBA").getpixel((8, 8)) == (255, 0, 0, 255)
    told = json.loads(run("imageInfo", FAULTS / "apng-5k-text-before-acTL.png").data)
    assert (told["format"], told["frame_count"]) == ("apng", "3")


@pytest.mark.parametrize("length", [4000, 5000, 70_000, 1_500_000])
def test_animation_control_is_found_anywhere(length: int, run: Run) -> None:
    data, _ = apng(6, [(0, 0)] * 4, BOXES, False)
    data = data[:33] + png_chunk(b"tEXt", b"Comment\x00" + b"x" * length) + data[33:]
    assert json.loads(run("imageInfo", data).data)["frame_count"] == "4"
    assert run("imageMogr2/format/gif", data).frame_count == 4


def test_apng_of_16_bit_grey_with_a_transparent_value() -> None:
    control = struct.pack(">5I2H2B", 0, 2, 1, 0, 0, 1, 10, 0, 0)
    later = struct.pack(">5I2H2B", 1, 1, 1, 1, 0, 1, 10, 0, 1)
    samples = (png_samples([struct.pack(">2H", 0x1234, 0xFFFF)]), png_samples([struct.pack(">H", 0x1234)]))
    data = png_file(
        png_header(2, 1, 16, 0),
        (b"acTL", struct.pack(">II", 2, 0)),
        (b"tRNS", struct.pack(">H", 0x1234)),
        (b"fcTL", control),
        (b"IDAT", samples[0]),
        (b"fcTL", later),
        (b"fdAT", struct.pack(">I", 2) + samples[1]),
        (b"IEND", b""),
    )
    for frame in shown(data):
        assert pixels(frame, "RGBA")[0, :, [0, 3]].T.tolist()[1] == [255, 255]
        assert pixels(frame, "RGBA")[0, 0, 3] == 0


def gif(pictures: list[tuple[tuple[int, int, int, int], int, int | None]]) -> bytes:
    """A GIF of 8x6; frames are box, disposal and transparent index."""
    dice = random.Random(str(pictures))
    out = b"GIF89a" + struct.pack("<HHBBB", 8, 6, 0x81, 1, 0) + bytes(range(10, 130, 10))
    for number, ((left, top, width, height), disposal, transparent) in enumerate(pictures):
        flags = disposal << 2 | (transparent is not None)
        out += b"\x21\xf9\x04" + struct.pack("<BHBB", flags, 7, transparent or 0, 0)
        indexes = Image.frombytes(
            "P", (width, height), bytes(dice.randrange(4) for _ in range(width * height))
        )
        indexes.putpalette(bytes(range(10, 130, 10)))
        coded = encoded(indexes, "GIF", optimize=False)
        start = coded.index(b"\x2c", 13)
        own = coded[start + 9]
        table = 3 << ((own & 7) + 1) if own & 0x80 else 0
        colours = bytes(range(20 + number, 140 + number, 10)) if number % 2 else b""
        out += b"\x2c" + struct.pack("<4HB", left, top, width, height, 0x81 if colours else 0) + colours
        out += coded[start + 10 + table : -1]
    return out + b"\x3b"


@pytest.mark.parametrize("transparent", [None, 2])
@pytest.mark.parametrize("first", [BOXES[0], BOXES[1]])
def test_gif_frames_are_composed_as_browsers_do(
    first: tuple[int, int, int, int], transparent: int | None
) -> None:
    for disposals in itertools.product((0, 1, 2, 3), repeat=3):
        frames = [
            (first, disposals[0], transparent),
            (BOXES[2], disposals[1], None),
            (BOXES[3], disposals[2], 1),
        ]
        data = gif([*frames, (BOXES[1], 0, 0)])
        for found, reference in zip(shown(data), reference_frames(data), strict=True):
            ours, theirs = pixels(found, "RGBA"), pixels(reference, "RGBA")
            assert np.array_equal(ours[..., 3], theirs[..., 3])
            assert np.array_equal(ours[theirs[..., 3] > 0], theirs[theirs[..., 3] > 0])


def test_random_damage_is_a_clear_answer(run: Run) -> None:
    dice = random.Random(5)
    sources = [apng(6, [(0, 0)] * 4, BOXES, False)[0], gif([(BOXES[1], 2, None), (BOXES[2], 3, 1)])]
    for number in range(200):
        data = bytearray(sources[number % 2])
        for _ in range(dice.choice([1, 3])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        status = 200
        try:
            run("imageMogr2/flip/vertical/format/png", bytes(data))
        except CosError as error:
            status = error.status
        assert status in {200, 400}
