"""TIFFs of every kind that can be written here, against the pixels that they hold."""

from __future__ import annotations

import itertools
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from openmogr.errors import CosError
from openmogr.image.model import Source
from openmogr.image.settings import ImageSettings
from openmogr.image.source.open import open_image

from .conftest import Run, decoded, encoded, photo, pixels

FAULTS = Path(__file__).parent / "data" / "faults"
SETTINGS = ImageSettings()
WIDTH, HEIGHT = 37, 21

Samples = npt.NDArray[np.uint64]

# Photometric interpretation, colours, and what the extra samples are.
KINDS = {
    "grey": (1, 1, ()),
    "white": (0, 1, ()),
    "grey alpha": (1, 1, (2,)),
    "grey unknown": (1, 1, (0,)),
    "white alpha": (0, 1, (2,)),
    "RGB": (2, 3, ()),
    "RGBA": (2, 3, (2,)),
    "RGB premultiplied": (2, 3, (1,)),
    "RGB unknown alpha": (2, 3, (0, 2)),
    "CMYK": (5, 4, ()),
    "CMYK alpha": (5, 4, (2,)),
}


def packbits(data: bytes) -> bytes:
    """Literal runs only, which is allowed."""
    parts = [data[i : i + 128] for i in range(0, len(data), 128)]
    return b"".join(bytes([len(part) - 1]) + part for part in parts)


def lzw(data: bytes) -> bytes:
    """Single bytes, with the table cleared before codes need ten bits."""
    bits = ""
    for start in range(0, max(len(data), 1), 250):
        bits += f"{256:09b}" + "".join(f"{byte:09b}" for byte in data[start : start + 250])
    bits += f"{257:09b}"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


CODERS: dict[int, Callable[[bytes], bytes]] = {
    1: bytes,
    5: lzw,
    8: zlib.compress,
    32946: zlib.compress,
    32773: packbits,
}


def packed(rows: Samples, bits: int, order: str) -> bytes:
    """Rows of samples, each begun at a byte."""
    if bits in {8, 16, 32}:
        return rows.astype(f"{order}u{bits // 8}").tobytes()
    out = b""
    for row in rows.reshape(len(rows), -1):
        text = "".join(f"{int(value):0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        out += int(text, 2).to_bytes(len(text) // 8, "big")
    return out


def tiff(
    samples: Samples,
    bits: int,
    kind: str,
    *,
    planar: bool = False,
    compression: int = 1,
    order: str = "<",
    predictor: int = 1,
    tile: int = 0,
    rows: int = 8,
    more: tuple[tuple[int, int, tuple[int, ...]], ...] = (),
) -> bytes:
    """A file of height x width x channels samples; ``tile`` is the side of tiles."""
    photometric, _, extra = KINDS[kind]
    channels = samples.shape[2]
    planes = [samples[..., i : i + 1] for i in range(channels)] if planar else [samples]
    segments = []
    for plane in planes:
        if tile:
            padded = np.pad(plane, ((0, -HEIGHT % tile), (0, -WIDTH % tile), (0, 0)))
            pieces = [
                padded[y : y + tile, x : x + tile]
                for y in range(0, len(padded), tile)
                for x in range(0, padded.shape[1], tile)
            ]
        else:
            pieces = [plane[y : y + rows] for y in range(0, HEIGHT, rows)]
        for piece in pieces:
            coded = piece
            if predictor == 2:
                coded = piece.copy()
                coded[:, 1:] = (piece[:, 1:] - piece[:, :-1]) % (1 << bits)
            segments.append(CODERS[compression](packed(coded, bits, order)))
    tags: list[tuple[int, int, tuple[int, ...]]] = [
        (256, 3, (WIDTH,)),
        (257, 3, (HEIGHT,)),
        (258, 3, (bits,) * channels),
        (259, 3, (compression,)),
        (262, 3, (photometric,)),
        (277, 3, (channels,)),
        (284, 3, (2 if planar else 1,)),
        (317, 3, (predictor,)),
        *more,
    ]
    if extra:
        tags.append((338, 3, extra))
    body, offsets = b"", []
    for segment in segments:
        offsets.append(8 + len(body))
        body += segment
    lengths = tuple(len(segment) for segment in segments)
    if tile:
        tags += [(322, 3, (tile,)), (323, 3, (tile,)), (324, 4, tuple(offsets)), (325, 4, lengths)]
    else:
        tags += [(278, 3, (rows,)), (273, 4, tuple(offsets)), (279, 4, lengths)]
    return _file(tags, body, order)


def _file(tags: list[tuple[int, int, tuple[int, ...]]], body: bytes, order: str) -> bytes:
    body += bytes(len(body) % 2)
    entries = b""
    for tag, kind, values in sorted(tags):
        content = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(content) > 4:
            position = 8 + len(body)
            body += content + bytes(len(content) % 2)
            content = struct.pack(f"{order}I", position)
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + content.ljust(4, b"\x00")
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(f"{order}I", 8 + len(body))
    return head + body + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


def made(kind: str, bits: int) -> Samples:
    """Random samples; colours of premultiplied ones are not above alpha."""
    _, colours, extra = KINDS[kind]
    channels = colours + len(extra)
    dice = np.random.default_rng(len(kind) + bits)
    samples = dice.integers(0, 1 << bits, (HEIGHT, WIDTH, channels), dtype=np.uint64)
    samples[0, 0], samples[0, 1] = 0, (1 << bits) - 1
    if extra == (1,):
        samples[..., :colours] = np.minimum(samples[..., :colours], samples[..., colours:])
    return samples


def expected(samples: Samples, kind: str, bits: int) -> npt.NDArray[np.uint8]:
    """RGBA."""
    photometric, colours, extra = KINDS[kind]
    most = (1 << bits) - 1
    values = samples.astype(np.float64) / most
    colour, alpha = values[..., :colours], np.ones(values.shape[:2])
    for number, meaning in enumerate(extra):
        if meaning:
            alpha = values[..., colours + number]
    if extra == (1,):
        colour = np.where(alpha[..., None] > 0, colour / np.maximum(alpha, 1e-12)[..., None], 0)
    if photometric == 0:
        colour = 1 - colour
    if photometric == 5:
        colour = (1 - colour[..., :3]) * (1 - colour[..., 3:])
    rgb = np.broadcast_to(colour, (*colour.shape[:2], 3))
    return np.dstack([rgb, alpha]).clip(0, 1).__mul__(255).round().astype(np.uint8)


def check(data: bytes, samples: Samples, kind: str, bits: int) -> None:
    with open_image(Source(data=data), SETTINGS) as opened:
        found = pixels(opened.first().image, "RGBA").astype(int)
    right = expected(samples, kind, bits).astype(int)
    assert np.abs(found[..., 3] - right[..., 3]).max() <= 1
    # Rounding of CMYK happens twice.
    assert np.abs(found - right)[right[..., 3] > 0].max() <= (2 if kind.startswith("CMYK") else 1)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12, 16, 32])
@pytest.mark.parametrize("kind", KINDS)
def test_kinds(kind: str, bits: int) -> None:
    samples = made(kind, bits)
    for planar, order in itertools.product((False, True), ("<", ">")):
        check(tiff(samples, bits, kind, planar=planar, order=order), samples, kind, bits)


@pytest.mark.parametrize("compression", sorted(CODERS))
@pytest.mark.parametrize("bits", [1, 8, 12, 16, 32])
@pytest.mark.parametrize("kind", ["white", "grey alpha", "RGB", "RGBA", "CMYK"])
def test_compressions(kind: str, bits: int, compression: int) -> None:
    samples = made(kind, bits)
    for planar, tile in itertools.product((False, True), (0, 16)):
        data = tiff(samples, bits, kind, planar=planar, compression=compression, tile=tile)
        check(data, samples, kind, bits)


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("compression", [1, 5, 8])
def test_predictors(compression: int, bits: int) -> None:
    for kind, planar, order, tile in itertools.product(("grey", "RGBA"), (False, True), ("<", ">"), (0, 16)):
        samples = made(kind, bits)
        data = tiff(
            samples,
            bits,
            kind,
            planar=planar,
            order=order,
            tile=tile,
            compression=compression,
            predictor=2,
        )
        check(data, samples, kind, bits)


@pytest.mark.parametrize("rows", [1, 7, 21, 2**16 - 1])
def test_strips(rows: int) -> None:
    samples = made("RGB", 16)
    for compression in (1, 8):
        check(tiff(samples, 16, "RGB", rows=rows, compression=compression), samples, "RGB", 16)


COLOUR = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits")
WRITTEN = {
    "1": (*COLOUR, "group4"),
    "L": (*COLOUR, "jpeg"),
    "LA": COLOUR,
    "RGB": (*COLOUR, "jpeg"),
    "RGBA": COLOUR,
    "CMYK": (*COLOUR, "jpeg"),
    "P": COLOUR,
    "I;16": COLOUR,
}


@pytest.mark.parametrize(
    ("mode", "compression"), [(mode, name) for mode in WRITTEN for name in WRITTEN[mode]]
)
def test_what_pillow_writes(mode: str, compression: str, run: Run) -> None:
    grey = mode in {"1", "LA", "I;16"}
    picture = photo(64, 48).convert("L").convert(mode) if grey else photo(64, 48).convert(mode)
    data = encoded(picture, "TIFF", compression=compression)
    found = pixels(decoded(run("imageMogr2/format/png", data)), "RGBA").astype(int)
    right = pixels(
        picture if mode != "I;16" else Image.fromarray((np.asarray(picture) // 257).astype(np.uint8)), "RGBA"
    )
    assert np.abs(found - right).mean() < (4 if compression == "jpeg" else 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg", "group4"])
def test_orientations(orientation: int, compression: str, run: Run) -> None:
    stored = photo(64, 48).convert("1" if compression == "group4" else "RGB")
    data = encoded(stored, "TIFF", compression=compression, tiffinfo={274: orientation})
    untouched = decoded(run("imageMogr2/format/png", data))
    jpeg = encoded(
        photo(64, 48),
        "JPEG",
        exif=b"Exif\x00\x00II*\x00" + struct.pack("<IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0),
    )
    as_jpeg = run("imageMogr2/auto-orient/format/png", jpeg)
    upright = decoded(run("imageMogr2/auto-orient/format/png", data))
    assert untouched.size == (64, 48)
    assert np.abs(pixels(untouched).astype(int) - pixels(stored)).mean() < 4
    assert upright.size == (as_jpeg.width, as_jpeg.height)
    if compression != "group4":
        assert np.abs(pixels(upright).astype(int) - pixels(decoded(as_jpeg))).mean() < 6
    # What is not turned says so still.
    for target in ("jpg", "tiff", "webp"):
        kept = run(f"imageMogr2/format/{target}", data)
        again = run("imageMogr2/auto-orient/format/png", kept.data)
        assert (again.width, again.height) == upright.size
        turned = run(f"imageMogr2/auto-orient/format/{target}", data)
        twice = run("imageMogr2/auto-orient/format/png", turned.data)
        assert (twice.width, twice.height) == upright.size


@pytest.mark.parametrize(("name", "corner"), [("1", (0, 255, 0)), ("3", (255, 0, 0)), ("6", (0, 0, 255))])
def test_orientation_files(name: str, corner: tuple[int, int, int], run: Run) -> None:
    data = FAULTS / f"tiff-orient{name}.tif"
    stored = decoded(run("imageMogr2/format/png", data)).convert("RGB")
    assert (stored.size, stored.getpixel((0, 0))) == ((40, 20), (0, 255, 0))
    turned = decoded(run("imageMogr2/auto-orient/format/png", data)).convert("RGB")
    assert turned.size == ((20, 40) if name == "6" else (40, 20))
    assert turned.getpixel((0, 0)) == corner


@pytest.mark.parametrize(
    ("name", "middle"),
    [
        ("tiff-rgb16-planar.tif", (129, 130, 129, 255)),
        ("tiff-grey16-white.tif", (129, 129, 129, 255)),
        ("tiff-grey32.tif", (129, 129, 129, 255)),
        ("tiff-la8-planar.tif", (129, 129, 129, 128)),
        ("tiff-la8-planar-deflate.tif", (129, 129, 129, 128)),
    ],
)
def test_files(name: str, middle: tuple[int, ...], run: Run) -> None:
    found = decoded(run("imageMogr2/format/png", FAULTS / name)).convert("RGBA")
    assert found.getpixel((32, 24)) == middle


REFUSED = {
    "floating-point": ({"more": ((339, 3, (3,)),)}, 32, "grey"),
    "signed": ({"more": ((339, 3, (2,)),)}, 16, "grey"),
    "24 bits a sample": ({}, 24, "grey"),
    "12 bits a sample, RGB of 3 samples a pixel in separate planes": (
        {"planar": True, "predictor": 2},
        12,
        "RGB",
    ),
    "CMYK of 4 samples": ({"more": ((332, 3, (2,)),)}, 8, "CMYK"),
}


@pytest.mark.parametrize("told", REFUSED)
def test_kinds_that_are_refused_in_words(told: str, run: Run) -> None:
    options, bits, kind = REFUSED[told]
    with pytest.raises(CosError, match=told) as caught:
        run("imageMogr2/format/png", tiff(made(kind, bits), bits, kind, **options))  # type: ignore[arg-type]
    assert (caught.value.status, caught.value.number) == (400, -443)


def test_damage_is_a_clear_answer(run: Run) -> None:
    dice = random.Random(3)
    samples = made("RGBA", 16)
    for number in range(300):
        data = bytearray(
            tiff(samples, 16, "RGBA", planar=bool(number % 2), compression=(1, 5, 8)[number % 3])
        )
        for _ in range(dice.choice([1, 4])):
            place = dice.randrange(len(data) - 250, len(data)) if number % 4 else dice.randrange(len(data))
            data[place] = dice.randrange(256)
        if number % 7 == 0:
            del data[dice.randrange(len(data)) :]
        status = 200
        try:
            run("imageMogr2/auto-orient/format/png", bytes(data))
        except CosError as error:
            status = error.status
        assert status in {200, 400}


def test_strips_that_are_cut_off(run: Run) -> None:
    for compression in (1, 5, 8):
        data = tiff(made("RGB", 16), 16, "RGB", compression=compression)
        directory = struct.unpack_from("<I", data, 4)[0]
        for entry in range(directory + 2, len(data) - 4, 12):
            if struct.unpack_from("<H", data, entry)[0] == 279:
                lengths = struct.unpack_from("<I", data, entry + 8)[0]
        broken = data[:lengths] + struct.pack("<I", 9) + data[lengths + 4 :]
        with pytest.raises(CosError, match="damaged"):
            run("imageMogr2/format/png", broken)


def test_enormous_tiles_are_refused(run: Run) -> None:
    data = tiff(made("grey", 8), 8, "grey", compression=8, tile=16)
    place = data.index(struct.pack("<HHIHH", 322, 3, 1, 16, 0))
    for tag in (322, 323):
        place = data.index(struct.pack("<HHIHH", tag, 3, 1, 16, 0))
        data = data[:place] + struct.pack("<HHII", tag, 4, 1, 60_000) + data[place + 12 :]
    with pytest.raises(CosError, match="much larger than the picture"):
        run("imageMogr2/format/png", data)


def test_bigtiff(run: Run) -> None:
    data = encoded(photo(64, 48), "TIFF", big_tiff=True)
    assert data[2:4] == b"+\x00"
    assert np.array_equal(pixels(decoded(run("imageMogr2/format/png", data))), pixels(photo(64, 48)))


def test_many_wide_samples_in_one_strip_are_refused(run: Run) -> None:
    tags = [(256, 4, (10_000,)), (257, 4, (10_000,)), (258, 3, (32,) * 30), (259, 3, (8,)), (262, 3, (1,))]
    tags += [(277, 3, (30,)), (273, 4, (8,)), (279, 4, (8,))]
    with pytest.raises(CosError, match="strip or row of tiles") as caught:
        run("imageMogr2/format/png", _file(tags, zlib.compress(b""), "<"))
    assert caught.value.number == -447
