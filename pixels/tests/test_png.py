"""PNG against Pillow, and against what OpenMogr makes of 16 bit."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from openmogr_pixels import (
    ArgumentError,
    DamagedError,
    LimitError,
    Picture,
    PixelsError,
    decode_png,
    encode_png,
)
from openmogr_pixels.pillow import from_pillow, to_pillow
from PIL import Image


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def raw_png(
    kind: int, depth: int, rows: bytes, size: tuple[int, int] = (16, 16), extra: bytes = b""
) -> bytes:
    """A PNG of filtered rows."""
    header = struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, 0)
    parts = chunk(b"IHDR", header), extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def noise(depth: int, channels: int) -> bytes:
    dice = np.random.default_rng(depth * 8 + channels)
    row = 16 * channels * depth // 8
    return b"".join(b"\0" + dice.bytes(row) for _ in range(16))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("filter", ["none", "up", "paeth", "adaptive"])
def test_pillow_reads_what_is_written(photo: Image.Image, mode: str, level: int, filter: str) -> None:
    image = photo.crop((0, 0, 99, 70)).convert(mode)
    picture = from_pillow(image)
    data = encode_png(picture, level=level, filter=filter, palette=False)  # type: ignore[arg-type]
    with Image.open(io.BytesIO(data)) as read:
        assert (read.mode, read.tobytes()) == (mode, image.tobytes())
    assert decode_png(data)[0].data == image.tobytes()


@pytest.mark.parametrize("colors", [2, 4, 16, 17, 256])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_few_colours_become_a_palette(photo: Image.Image, mode: str, colors: int) -> None:
    image = photo.quantize(colors).convert(mode)
    if mode == "RGBA":
        image.putalpha(image.getchannel("R").point(lambda value: 255 if value > 90 else value))
    data = encode_png(from_pillow(image))
    with Image.open(io.BytesIO(data)) as read:
        assert read.mode == "P"
        assert read.convert(mode).tobytes() == image.tobytes()
    assert len(data) < len(encode_png(from_pillow(image), palette=False))
    assert decode_png(data)[0].data == image.tobytes()


def test_metadata(photo: Image.Image) -> None:
    exif = photo.getexif()
    exif[0x010F] = "maker"
    icc = bytes(range(256)) * 40
    data = encode_png(from_pillow(photo), level=1, exif=exif.tobytes()[6:], icc=icc, xmp="<x>é</x>")
    with Image.open(io.BytesIO(data)) as read:
        assert read.info["icc_profile"] == icc
        assert read.getexif()[0x010F] == "maker"
        assert read.info["xmp"] == "<x>é</x>".encode()
    metadata = decode_png(data)[1]
    assert (metadata.icc, metadata.exif) == (icc, exif.tobytes()[6:])
    assert metadata.xmp == "<x>é</x>".encode()


@pytest.mark.parametrize(("kind", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_16_bit_as_before(kind: int, channels: int) -> None:
    rows = noise(16, channels)
    picture, _ = decode_png(raw_png(kind, 16, rows))
    samples = np.frombuffer(rows, np.uint8).reshape(16, -1)[:, 1:].reshape(-1, 2).astype(np.uint32)
    wanted = ((samples[:, 0] * 256 + samples[:, 1]) * 255 + 32767) // 65535 if kind == 0 else samples[:, 0]
    assert picture.data == wanted.astype(np.uint8).tobytes()


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_transparent_grey_is_scaled_with_the_pixels(depth: int) -> None:
    key = 1
    data = raw_png(0, depth, noise(depth, 1), extra=chunk(b"tRNS", struct.pack(">H", key)))
    picture, _ = decode_png(data)
    assert picture.mode == "LA"
    pixels = np.frombuffer(picture.data, np.uint8).reshape(-1, 2)
    hidden = pixels[:, 0] == key * 255 // (2**depth - 1)
    assert hidden.any()
    assert np.array_equal(pixels[:, 1] == 0, hidden)


def test_16_bit_grey_with_a_transparent_one() -> None:
    rows = b"".join(b"\0" + struct.pack(">16H", *([513] * 8 + [514] * 8)) for _ in range(16))
    picture, _ = decode_png(raw_png(0, 16, rows, extra=chunk(b"tRNS", struct.pack(">H", 513))))
    assert picture.mode == "LA"
    assert picture.data[:32] == bytes([2, 0] * 8 + [2, 255] * 8)


def test_interlaced_with_palette_and_alpha(photo: Image.Image) -> None:
    for kind, depth, channels in [(0, 1, 1), (2, 8, 3), (6, 8, 4)]:
        del channels
        header = struct.pack(">IIBBBBB", 1, 1, depth, kind, 0, 0, 1)
        row = b"\0" + bytes([200] * {0: 1, 2: 3, 6: 4}[kind])
        data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row))
        with Image.open(io.BytesIO(data + chunk(b"IEND", b""))) as wanted:
            assert (
                decode_png(data + chunk(b"IEND", b""))[0].data
                == wanted.convert({0: "L", 2: "RGB", 6: "RGBA"}[kind]).tobytes()
            )


def test_same_pixels_over_the_corpus(corpus: Path) -> None:
    compared = 0
    for path in sorted((corpus / "inputs").glob("*.png")) + sorted((corpus / "photos").glob("*.png"))[:3]:
        data = path.read_bytes()
        try:
            with Image.open(io.BytesIO(data)) as image:
                if image.width * image.height > 20_000_000 or image.mode.startswith("I"):
                    continue
                alpha = image.has_transparency_data
                wanted = image.convert(("LA" if image.mode in {"L", "LA"} else "RGBA") if alpha else "RGB")
                image.load()
        except (OSError, Image.DecompressionBombError):
            continue
        picture, metadata = decode_png(data)
        assert to_pillow(picture).convert(wanted.mode).tobytes() == wanted.tobytes(), path.name
        assert metadata.icc == image.info.get("icc_profile", b""), path.name
        compared += 1
    assert compared >= 6


def test_what_only_pillow_refuses_is_read(corpus: Path) -> None:
    for name in ("png-bad-crc-tEXt.png", "png-ztxt-2MB.png", "png-iccp-1.2MB.png"):
        assert decode_png((corpus / "faults" / name).read_bytes())[0].data


def test_limits_and_bad_arguments(photo: Image.Image) -> None:
    picture = from_pillow(photo)
    data = encode_png(picture, level=0)
    with pytest.raises(LimitError, match="the picture takes 1179648 bytes"):
        decode_png(data, max_bytes=1179647)
    huge = raw_png(6, 8, b"", size=(2**31 - 1, 2**31 - 1))
    with pytest.raises(PixelsError):
        decode_png(huge)
    with pytest.raises(ArgumentError, match="the level is 10"):
        encode_png(picture, level=10)
    with pytest.raises(ArgumentError, match="the filter is"):
        encode_png(picture, filter="best")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="not CMYK"):
        encode_png(Picture("CMYK", 1, 1, bytes(4)))


def test_damage_is_named(photo: Image.Image, corpus: Path) -> None:
    data = encode_png(from_pillow(photo), level=1)
    for bad, told in [
        (b"", "do not begin like a PNG"),
        (data[:20], "before it says its size"),
        (data[: len(data) // 2], "end too early"),
        ((corpus / "inputs" / "truncated.png").read_bytes(), "PNG"),
    ]:
        with pytest.raises(DamagedError, match=told):
            decode_png(bad)


def test_hostile_data_never_crash(photo: Image.Image) -> None:
    dice = np.random.default_rng(8)
    for image in (photo.resize((40, 30)), photo.resize((40, 30)).quantize(9)):
        out = io.BytesIO()
        image.save(out, "PNG")
        data = out.getvalue()
        for _ in range(1500):
            damaged = bytearray(data)
            for place in dice.integers(8, len(data), dice.integers(1, 6)):
                damaged[place] = dice.integers(0, 256)
            # The checksum of the header is mended, so that what it says counts.
            damaged[29:33] = struct.pack(">I", zlib.crc32(damaged[12:29]))
            try:
                decode_png(bytes(damaged), max_bytes=1 << 22)
            except PixelsError:
                continue
