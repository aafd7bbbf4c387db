"""JPEG XL: files of the reference encoder, our own results, orientation, damage, and a server without the extra."""

from __future__ import annotations

import io
import json
import random
import struct
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from openmogr.errors import ImageResolutionExceed, InvalidImageFormat, NotSupported
from openmogr.image import ImageSettings, Loss, Processor, Source, parse_operation
from openmogr.image.formats.registry import CONTAINERS
from openmogr.image.formats.sniff import sniff
from openmogr.image.source.metadata import orientation
from openmogr.image.source.open import open_image

from .conftest import Run, decoded, encoded, on_white, photo, pixels, psnr

DATA = Path(__file__).parent / "data" / "jxl"
STILLS = ("codestream", "container", "upright-by-codestream", "recompressed-jpeg", "16-bit")

needs_plugin = pytest.mark.skipif(find_spec("pillow_jxl") is None, reason="the extra [jxl] is not installed")


def data_of(name: str) -> bytes:
    return (DATA / f"{name}.jxl").read_bytes()


def exif_of(data: bytes) -> tuple[bytes, bytes]:
    """EXIF and XMP."""
    with open_image(Source(data=data), ImageSettings()) as opened:
        return opened.exif, opened.xmp


@pytest.mark.parametrize("name", [*STILLS, "animation"])
def test_is_told_by_its_first_bytes(name: str) -> None:
    assert sniff(data_of(name)[:64]) == "jxl"


@pytest.mark.parametrize("name", STILLS)
def test_header_without_the_codec(name: str) -> None:
    expected = {"upright-by-codestream": (40, 60), "recompressed-jpeg": (40, 60), "16-bit": (24, 16)}
    assert CONTAINERS["jxl"].declared_size(io.BytesIO(data_of(name))) == expected.get(name, (60, 40))


# Of one width to each height and of all ratios; small ones come in eighths.
@needs_plugin
@pytest.mark.parametrize(
    "size",
    [(1, 1), (8, 8), (16, 8), (256, 256), (257, 3), (512, 384), (640, 360), (3, 600), (120, 100), (9000, 1)],
)
def test_sizes_are_read_as_written(size: tuple[int, int], run: Run) -> None:
    result = run("imageMogr2/format/jxl", Image.new("RGB", size, (10, 200, 30)))
    assert CONTAINERS["jxl"].declared_size(io.BytesIO(result.data)) == size
    assert decoded(run("imageMogr2/format/png", result.data)).size == size


@needs_plugin
@pytest.mark.parametrize("name", ["codestream", "container"])
def test_reads_what_the_reference_writes(name: str, run: Run) -> None:
    assert psnr(pixels(decoded(run("imageMogr2/format/png", data_of(name)))), pixels(photo(60, 40))) > 32


@needs_plugin
def test_information(run: Run, processor: Processor) -> None:
    told = json.loads(run("imageInfo", data_of("16-bit")).data)
    assert (told["format"], told["width"], told["height"]) == ("jxl", "24", "16")
    assert (told["bit_depth"], told["frame_count"]) == ("16", "1")
    assert processor.image_info(Source(data=data_of("container"))).format == "JXL"


@needs_plugin
def test_the_codestream_says_what_is_up(run: Run) -> None:
    """Its pixels come upright, so an orientation in the EXIF, which decoders pass over, must not turn them again."""
    upright = photo(60, 40).transpose(Image.Transpose.ROTATE_270)
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    content = bytes(4) + exif.tobytes().removeprefix(b"Exif\x00\x00")
    source = data_of("upright-by-codestream") + struct.pack(">I4s", 8 + len(content), b"Exif") + content
    for operation in ("imageMogr2/format/png", "imageMogr2/auto-orient/format/png", "imageMogr2/format/jxl"):
        result = run(operation, source)
        assert psnr(pixels(decoded(run("imageMogr2/format/png", result.data))), pixels(upright)) > 25
        kept, _ = exif_of(result.data)
        assert b"Maker" in kept
        assert orientation(kept) == 1


@needs_plugin
def test_a_recompressed_jpeg_is_as_the_jpeg_was(run: Run) -> None:
    upright = photo(60, 40).transpose(Image.Transpose.ROTATE_270)
    kept = run("imageMogr2/format/png", data_of("recompressed-jpeg"))
    assert (kept.width, kept.height, orientation(exif_of(kept.data)[0])) == (60, 40, 6)
    turned = run("imageMogr2/auto-orient/format/png", data_of("recompressed-jpeg"))
    assert psnr(pixels(decoded(turned)), pixels(upright)) > 30


@needs_plugin
def test_results_are_upright(run: Run) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = encoded(photo(60, 40), "PNG", exif=exif)
    result = run("imageMogr2/format/jxl/quality/90", source)
    assert (result.width, result.height) == (40, 60)
    assert orientation(exif_of(result.data)[0]) == 1
    assert run("imageMogr2/auto-orient/0/format/jxl", source).width == 60


@needs_plugin
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("quality", [60, 100])
def test_comes_back(mode: str, quality: int, run: Run) -> None:
    source = photo(mode=mode)
    result = run(f"imageMogr2/format/jxl/quality/{quality}", source)
    assert (result.format, result.content_type, result.losses) == ("jxl", "image/jxl", ())
    back = decoded(run("imageMogr2/format/png", result.data))
    assert back.mode == mode
    assert psnr(on_white(back), on_white(source)) > (28 if quality == 60 else 42)


@needs_plugin
def test_metadata_is_kept_and_stripped(run: Run) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    source = run("imageMogr2/format/webp", encoded(photo(), "WEBP", exif=exif, xmp=xmp)).data
    kept_exif, kept_xmp = exif_of(run("imageMogr2/format/jxl", source).data)
    assert b"Maker" in kept_exif
    assert kept_xmp == xmp
    stripped = run("imageMogr2/format/jxl/strip", source)
    assert exif_of(stripped.data) == (b"", b"")
    assert json.loads(run("exif", run("imageMogr2/format/jxl", source).data).data) == {
        "Make": {"val": "Maker"}
    }


@needs_plugin
def test_size_limit_and_first_frame(run: Run) -> None:
    noisy = photo(320, 240).effect_spread(40)
    assert len(run("imageMogr2/format/jxl/size-limit/12k", noisy).data) <= 12 * 1024
    frames = encoded(photo(), "GIF", save_all=True, append_images=[photo().rotate(90)], duration=50)
    assert Loss.frames in run("imageMogr2/format/jxl", frames).losses


@needs_plugin
def test_animations_are_refused(run: Run) -> None:
    with pytest.raises(InvalidImageFormat, match="animations in JPEG XL are not processed"):
        run("imageMogr2/format/png", data_of("animation"))


@needs_plugin
def test_limits_are_checked_before_decoding() -> None:
    small = Processor(ImageSettings(max_pixels=1000))
    with pytest.raises(ImageResolutionExceed, match="60x40"):
        small.execute(parse_operation("imageMogr2/format/png"), Source(data=data_of("codestream")))


@needs_plugin
@pytest.mark.parametrize("name", STILLS)
def test_damage_is_told_in_words(name: str, run: Run) -> None:
    whole, chance = data_of(name), random.Random(name)
    for _ in range(40):
        broken = bytearray(whole)
        if chance.random() < 0.5:
            del broken[chance.randrange(12, len(broken)) :]
        else:
            broken[chance.randrange(2, len(broken))] ^= 1 << chance.randrange(8)
        with suppress(InvalidImageFormat, ImageResolutionExceed):
            run("imageMogr2/format/png", bytes(broken))
    with pytest.raises(InvalidImageFormat, match="damaged") as caught:
        run("imageMogr2/format/png", whole[: len(whole) // 2])
    assert "libjxl" not in caught.value.message


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    for operation, source in (
        ("imageMogr2/format/png", data_of("codestream")),
        ("imageMogr2/format/jxl", encoded(photo(), "PNG")),
    ):
        with pytest.raises(NotSupported, match=r"JPEG XL is not available.*openmogr\[jxl\]"):
            run(operation, source)


def test_the_plugin_is_not_imported_when_the_service_loads() -> None:
    told = "import sys, openmogr.app, openmogr.image.formats.registry; sys.exit('pillow_jxl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
