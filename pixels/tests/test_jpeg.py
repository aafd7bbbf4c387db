"""JPEG against Pillow, whose wheels hold libjpeg-turbo too."""

from __future__ import annotations

import io
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openmogr_pixels import (
    ArgumentError,
    DamagedError,
    LimitError,
    Picture,
    PixelsError,
    UnsupportedError,
    decode_jpeg,
    encode_jpeg,
    has_jpeg_simd,
    read_jpeg_header,
)
from openmogr_pixels.pillow import from_pillow, to_pillow
from PIL import Image

SAMPLINGS = ["4:4:4", "4:2:2", "4:2:0"]


def saved(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def opened(data: bytes, scale: int = 8) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    if scale < 8:
        image.draft(None, (image.width * scale // 8, image.height * scale // 8))
    image.load()
    return image


def test_simd_is_on() -> None:
    if not has_jpeg_simd() and shutil.which("nasm") is None:
        pytest.skip("openmogr-pixels was built without nasm, so JPEG has no SIMD")
    assert has_jpeg_simd()


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("progressive", [False, True])
def test_header(photo: Image.Image, sampling: str, progressive: bool) -> None:
    header = read_jpeg_header(saved(photo, subsampling=sampling, progressive=progressive))
    assert (header.width, header.height, header.mode) == (768, 512, "RGB")
    assert (header.sampling, header.progressive, header.precision) == (sampling, progressive, 8)
    assert header.scans == (10 if progressive else 1)
    assert header.components[1:] == [(1, 1), (1, 1)]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_same_pixels_as_pillow(photo: Image.Image, sampling: str, progressive: bool, scale: int) -> None:
    data = saved(photo.crop((0, 0, 763, 509)), quality=83, subsampling=sampling, progressive=progressive)
    picture, report = decode_jpeg(data, scale=scale)
    wanted = opened(data, scale)
    assert (picture.mode, picture.size) == (wanted.mode, wanted.size)
    assert picture.data == wanted.tobytes()
    assert (report.warnings, report.missing_end, report.truncated) == ([], False, False)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_same_pixels_in_other_modes(photo: Image.Image, mode: str) -> None:
    data = saved(photo.convert(mode), quality=90)
    picture, _ = decode_jpeg(data)
    assert picture.mode == mode
    assert picture.data == opened(data).tobytes()


def test_same_pixels_over_the_corpus(corpus: Path) -> None:
    names = [path for path in sorted((corpus / "inputs").glob("*.jpg")) if path.stat().st_size < 900_000]
    compared = 0
    for path in names:
        data = path.read_bytes()
        try:
            wanted = opened(data)
        except OSError:
            continue
        if wanted.width * wanted.height > 20_000_000:
            continue
        picture, _ = decode_jpeg(data)
        assert (picture.mode, picture.size) == (wanted.mode, wanted.size), path.name
        assert picture.data == wanted.tobytes(), path.name
        compared += 1
    assert compared >= 8


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("progressive", [False, True])
def test_windows_are_cut_from_the_whole(
    photo: Image.Image, scale: int, sampling: str, progressive: bool
) -> None:
    data = saved(photo.crop((0, 0, 701, 503)), subsampling=sampling, progressive=progressive)
    whole = to_pillow(decode_jpeg(data, scale=scale)[0])
    width, height = whole.size
    boxes = [(0, 0, 1, 1), (width - 1, height - 1, width, height), (33, 17, 101, 90), (0, 60, width, 61)]
    for box in boxes:
        part, _ = decode_jpeg(data, scale=scale, box=box)
        assert to_pillow(part) == whole.crop(box), box


@pytest.mark.parametrize("progressive", [False, True])
def test_a_missing_end_is_not_truncation(photo: Image.Image, progressive: bool) -> None:
    data = saved(photo, progressive=progressive)
    whole = decode_jpeg(data)[0].data
    picture, report = decode_jpeg(data[:-2])
    assert picture.data == whole
    assert (report.missing_end, report.truncated) == (True, False)
    picture, report = decode_jpeg(data[: len(data) // 2])
    assert picture.data != whole
    assert (report.missing_end, report.truncated) == (False, True)
    assert report.warnings
    assert report.warning_count >= len(report.warnings)


def test_missing_end_in_the_wild(corpus: Path) -> None:
    _, report = decode_jpeg((corpus / "faults" / "jpeg-no-EOI.jpg").read_bytes())
    assert (report.missing_end, report.truncated) == (True, False)
    _, report = decode_jpeg((corpus / "inputs" / "truncated.jpg").read_bytes())
    assert report.truncated


def test_a_missing_last_scan_is_truncation(photo: Image.Image) -> None:
    data = saved(photo, progressive=True)
    _, report = decode_jpeg(data[: data.rindex(b"\xff\xda")])
    assert (report.missing_end, report.truncated) == (False, True)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}])
@pytest.mark.parametrize("quality", [1, 40, 80, 100])
def test_same_file_as_pillow(
    photo: Image.Image, sampling: str, options: dict[str, bool], quality: int
) -> None:
    image = photo.crop((100, 100, 333, 290))
    wanted = saved(image, quality=quality, subsampling=sampling, **options)
    picture = from_pillow(image)
    assert encode_jpeg(picture, quality=quality, sampling=sampling, **options) == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_same_file_in_other_modes(photo: Image.Image, mode: str) -> None:
    image = photo.convert(mode)
    assert encode_jpeg(from_pillow(image), quality=80, sampling="4:4:4") == saved(
        image, quality=80, subsampling="4:4:4"
    )


def test_metadata(photo: Image.Image) -> None:
    exif = photo.getexif()
    exif[0x010F] = "maker"
    icc = bytes(range(256)) * 600
    file = encode_jpeg(
        from_pillow(photo), exif=exif.tobytes()[6:], xmp=b"<x:xmpmeta/>", icc=icc, dpi=(300, 150)
    )
    image = opened(file)
    assert image.getexif()[0x010F] == "maker"
    assert image.info["xmp"] == b"<x:xmpmeta/>"
    assert image.info["icc_profile"] == icc
    assert image.info["dpi"] == (300, 150)


def test_limits(photo: Image.Image) -> None:
    data = saved(photo, progressive=True)
    pixels = 768 * 512 * 3
    with pytest.raises(LimitError, match="more than 9 scans"):
        decode_jpeg(data, max_scans=9)
    with pytest.raises(LimitError, match=f"{pixels} bytes, more than the {pixels - 1} allowed"):
        decode_jpeg(data, max_bytes=pixels - 1)
    with pytest.raises(LimitError, match="more memory"):
        decode_jpeg(data, max_bytes=pixels + 1000)
    assert decode_jpeg(data, max_scans=10, max_bytes=3 * pixels)
    with pytest.raises(LimitError, match="more memory"):
        encode_jpeg(from_pillow(photo), progressive=True, max_bytes=1000)


def test_bad_arguments(photo: Image.Image) -> None:
    data = saved(photo)
    picture = from_pillow(photo)
    calls: dict[str, Callable[[], object]] = {
        "the scale is 9": lambda: decode_jpeg(data, scale=9),
        "the scale is 0": lambda: decode_jpeg(data, scale=0),
        "does not lie in": lambda: decode_jpeg(data, box=(0, 0, 769, 1)),
        "is empty": lambda: decode_jpeg(data, box=(5, 0, 4, 1)),
        "the quality is 0": lambda: encode_jpeg(picture, quality=0),
        "the sampling is .4:1:1.": lambda: encode_jpeg(picture, sampling="4:1:1"),  # type: ignore[arg-type]
        "L, RGB or CMYK, not RGBA": lambda: encode_jpeg(from_pillow(photo.convert("RGBA"))),
        "EXIF has 70000 bytes": lambda: encode_jpeg(picture, exif=bytes(70_000)),
        "XMP has 70000 bytes": lambda: encode_jpeg(picture, xmp=bytes(70_000)),
        "the profile has 17000000 bytes": lambda: encode_jpeg(picture, icc=bytes(17_000_000)),
    }
    for told, call in calls.items():
        with pytest.raises(ArgumentError, match=told):
            call()
    with pytest.raises(LimitError, match="a side of a JPEG"):
        encode_jpeg(Picture("L", 65_501, 1, bytes(65_501)))


def test_what_is_no_jpeg(photo: Image.Image) -> None:
    data = saved(photo)
    frame = data.index(b"\xff\xc0")
    for bad, error, told in [
        (b"", DamagedError, "do not begin like a JPEG"),
        (b"\x89PNG", DamagedError, "do not begin like a JPEG"),
        (data[:100], DamagedError, "before it says its size"),
        (data[:frame] + b"\xff\xc3" + data[frame + 2 :], UnsupportedError, "lossless"),
        (data[: frame + 4] + b"\x0c" + data[frame + 5 :], UnsupportedError, "12 bits"),
    ]:
        with pytest.raises(error, match=told):
            decode_jpeg(bad)


def test_hostile_data_never_crash(photo: Image.Image) -> None:
    """Damage ends in an error of ours or in a picture, whatever byte it hits."""
    dice = np.random.default_rng(7)
    small = photo.resize((96, 64))
    for progressive in (False, True):
        data = saved(small, progressive=progressive)
        for _ in range(1500):
            damaged = bytearray(data)
            for place in dice.integers(2, len(data), dice.integers(1, 6)):
                damaged[place] = dice.integers(0, 256)
            try:
                picture, _ = decode_jpeg(bytes(damaged), max_bytes=1 << 22, scale=int(dice.integers(1, 9)))
                decode_jpeg(bytes(damaged), max_bytes=1 << 22, box=(3, 5, 20, 30))
            except PixelsError:
                continue
            assert len(picture.data) == picture.width * picture.height * len(picture.mode)


def test_any_buffer_is_taken(photo: Image.Image) -> None:
    data = saved(photo)
    whole = decode_jpeg(data)[0].data
    buffers: list[Any] = [bytearray(data), memoryview(data), np.frombuffer(data, np.uint8)]
    for buffer in buffers:
        assert decode_jpeg(buffer)[0].data == whole
    with pytest.raises(TypeError):
        decode_jpeg("text")  # type: ignore[arg-type]


def test_other_threads_run_meanwhile(photo: Image.Image) -> None:
    picture = from_pillow(photo.resize((4000, 3000)))
    done = threading.Event()

    def work() -> None:
        encode_jpeg(picture, optimize=True)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    turns = 0
    while not done.is_set():
        time.sleep(0.001)
        turns += 1
    thread.join()
    # With the lock held, the loop would stand still until the end.
    assert turns > 5
