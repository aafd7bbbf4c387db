"""Every picture of the corpus: decoded right, or refused with a clear error.

"Right" is format, stored size, frames and the average colour of the first frame in sRGB; the pictures were
looked over once, and are compared with other ways to decode them below.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from openmogr.errors import CosError, ImageResolutionExceed, InvalidImageFormat
from openmogr.image import ImageSettings, Processor, Source, parse_operation

from .conftest import Run, decoded, on_white, pixels, psnr

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

GOOD = {
    "16-bit-grey-alpha.png": ("png", 109, 96, 1, 16, "0xf8f8f8"),
    "2569067123_aca715a2ee_o.jpg": ("jpeg", 2725, 2225, 1, 8, "0x654c3d"),
    "4.webp": ("webp", 1024, 772, 1, 8, "0x6999b0"),
    "5_webp_a.webp": ("webp", 300, 300, 1, 8, "0xe0e0e0"),
    "8bit_depth.tiff": ("tiff", 21, 21, 1, 8, "0x7f7f7f"),
    "9643x10328.jpg": ("jpeg", 9643, 10328, 1, 8, "0x0000fe"),
    "Channel_digital_image_CMYK_color.jpg": ("jpeg", 500, 333, 1, 8, "0x797e73"),
    "Channel_digital_image_CMYK_color_no_profile.jpg": ("jpeg", 500, 333, 1, 8, "0x6d846e"),
    "Crash_test.gif": ("gif", 800, 533, 1, 8, "0x848974"),
    "Flag_of_the_Netherlands-16bit.png": ("png", 900, 600, 1, 16, "0x9a7691"),
    "G31D_MULTI.TIF": ("tiff", 2464, 3248, 1, 1, "0xececec"),
    "Landscape_5.jpg": ("jpeg", 450, 600, 1, 8, "0x615f53"),
    "Landscape_7.jpg": ("jpeg", 450, 600, 1, 8, "0x615f53"),
    "Portrait_2.jpg": ("jpeg", 450, 600, 1, 8, "0x737660"),
    "Portrait_6.jpg": ("jpeg", 600, 450, 1, 8, "0x737660"),
    "RGBA_8.heif": ("heif", 128, 128, 1, 8, "0xbfa9bf"),
    "SmallFullColourGIF.gif": ("gif", 210, 210, 20, 8, "0x828280"),
    "alpha-premultiply-1024x768-paper.png": ("png", 1024, 768, 1, 8, "0xf4edec"),
    "alpha.heic": ("heif", 1440, 960, 1, 8, "0x48536b"),
    "animated-loop-3.gif": ("gif", 370, 285, 10, 8, "0xfdfefb"),
    "big-height.webp": ("webp", 13, 169, 97, 8, "0xffffff"),
    "blackbug.png": ("png", 2048, 1536, 1, 8, "0xfdfdfd"),
    "bmp_24.bmp": ("bmp", 200, 200, 1, 8, "0x813e3f"),
    "cmyk-icc.jpg": ("jpeg", 388, 218, 1, 8, "0x95d5d5"),
    "dancing-banana.gif": ("gif", 121, 128, 8, 8, "0xd8d6c6"),
    "dispose_bgnd.gif": ("gif", 100, 100, 5, 8, "0x49a9f7"),
    "dispose_bgnd_transparency.gif": ("gif", 38, 32, 10, 8, "0xd7c29a"),
    "dispose_prev.gif": ("gif", 100, 100, 5, 8, "0x49a9f7"),
    "empty_icc.heic": ("heif", 1025, 900, 1, 8, "0x636b6c"),
    "full-transparent.png": ("png", 300, 300, 1, 1, "0xffffff"),
    "gamma_dalai_lama_gray.jpg": ("jpeg", 258, 222, 1, 8, "0x7f7f7f"),
    "gopher-exif-orientation-cw90.png": ("png", 1634, 2224, 1, 8, "0x91d6de"),
    "grey-plus-alpha.gif": ("gif", 2, 1, 1, 8, "0xb2b2b2"),
    "iss634.apng": ("apng", 245, 245, 41, 8, "0x87895a"),
    "iss634.gif": ("gif", 245, 245, 42, 8, "0x87895a"),
    "iss634.webp": ("webp", 245, 245, 42, 8, "0x87895a"),
    "jpg-24bit-icc-adobe-rgb.jpg": ("jpeg", 1900, 1263, 1, 8, "0x575b55"),
    "missing_background.gif": ("gif", 32, 32, 4, 8, "0xe5eae1"),
    "nyan-cat.gif": ("gif", 500, 198, 12, 8, "0xab928b"),
    "p3.png": ("png", 8, 8, 1, 8, "0xff0000"),
    "prophoto.png": ("png", 1, 1, 1, 8, "0x75a0d2"),
    "pug.heic": ("heif", 4032, 3024, 1, 8, "0xa49f98"),
    "rotating-squares.gif": ("gif", 80, 80, 30, 8, "0xc6d8e3"),
    "rotating-squares.webp": ("webp", 80, 80, 9, 8, "0xc7d8e2"),
    "rotating_earth.gif": ("gif", 400, 400, 44, 8, "0x151517"),
    "sdr_cosmos12920_cicp1-13-6_yuv444_full_qp10.avif": ("avif", 2048, 858, 1, 8, "0x7a1e55"),
    "swiss.png": ("png", 68, 68, 1, 8, "0xfad5d6"),
    "tbgn2c16.png": ("png", 32, 32, 1, 16, "0xc0c8c3"),
    "transparent_dispose.gif": ("gif", 3, 1, 3, 8, "0xaaaaff"),
    "uncompressed_tiff.tiff": ("tiff", 246, 345, 1, 8, "0xb18a6f"),
}

REFUSED: dict[str, tuple[type[CosError], str]] = {
    "65536-uint32-limit.png": (ImageResolutionExceed, "65536x65536"),
    "giant-image.jpg": (ImageResolutionExceed, "20000x14000"),
    "corrupt-header.jpg": (InvalidImageFormat, "damaged"),
    "corrupted.heic": (InvalidImageFormat, "damaged"),
    "truncated.heic": (InvalidImageFormat, "damaged"),
    "truncated.jpg": (InvalidImageFormat, "damaged"),
    "truncated.png": (InvalidImageFormat, "damaged"),
}


def needs_heif(name: str) -> None:
    if name.endswith((".heic", ".heif")):
        pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed")


def test_the_table_is_complete(inputs: Path) -> None:
    assert {path.name for path in inputs.iterdir() if path.name != "README.md"} == {*GOOD, *REFUSED}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_good_inputs_are_decoded(name: str, inputs: Path, run: Run, processor: Processor) -> None:
    needs_heif(name)
    form, width, height, frames, depth, color = GOOD[name]
    info = json.loads(run("imageInfo", inputs / name).data)
    expected = [form, str(width), str(height), str(frames), str(depth)]
    assert [info[key] for key in ("format", "width", "height", "frame_count", "bit_depth")] == expected
    assert all(isinstance(value, str) for value in info.values())
    assert near(info["photo_rgb"], color)
    described = processor.image_info(Source(path=inputs / name))
    assert (described.format, described.width, described.height) == (form.upper(), width, height)
    assert described.frame_count == frames
    result = run("imageMogr2/thumbnail/64x64/format/png", inputs / name)
    assert max(decoded(result).size) <= 64


def near(first: str, second: str, bound: int = 2) -> bool:
    """Whether two colours differ by at most ``bound`` in each channel."""
    pairs = zip(bytes.fromhex(first[2:]), bytes.fromhex(second[2:]), strict=True)
    return all(abs(a - b) <= bound for a, b in pairs)


@pytest.mark.parametrize("operation", ["imageInfo", "imageMogr2/thumbnail/100x/format/webp", "imageAve"])
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_bad_inputs_are_refused(name: str, operation: str, inputs: Path, run: Run) -> None:
    needs_heif(name)
    kind, message = REFUSED[name]
    with pytest.raises(kind, match=message) as caught:
        run(operation, inputs / name)
    assert caught.value.status == 400
    assert caught.value.number in {-441, -447}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_ignore_error_gives_the_original(name: str, inputs: Path, run: Run) -> None:
    needs_heif(name)
    result = run("imageMogr2/thumbnail/100x/format/webp/ignore-error/1", inputs / name)
    assert result.is_original
    assert result.data == (inputs / name).read_bytes()
    suffix = Path(name).suffix[1:].replace("jpg", "jpeg")
    assert result.content_type in {f"image/{suffix}", "image/heif"}


@pytest.mark.parametrize(
    "name",
    [
        "2569067123_aca715a2ee_o.jpg",
        "4.webp",
        "5_webp_a.webp",
        "bmp_24.bmp",
        "blackbug.png",
        "swiss.png",
        "Crash_test.gif",
        "uncompressed_tiff.tiff",
        "alpha-premultiply-1024x768-paper.png",
    ],
)
def test_pixels_agree_with_plain_decoding(name: str, inputs: Path, run: Run) -> None:
    """Pictures without a profile against Pillow alone: decode all, scale, on white."""
    with Image.open(inputs / name) as opened:
        reference = opened.convert("RGBA").resize((120, 90), Image.Resampling.LANCZOS)
    result = decoded(run("imageMogr2/thumbnail/120x90!/format/png", inputs / name))
    # JPEG is decoded at reduced size on purpose; everything else differs by rounding only.
    assert psnr(on_white(result), on_white(reference)) > (33 if name.endswith("jpg") else 40)


@pytest.mark.parametrize("name", ["jpg-24bit-icc-adobe-rgb.jpg", "Portrait_6.jpg"])
def test_profiles_are_converted_to_srgb(name: str, inputs: Path, run: Run) -> None:
    """Against a conversion by lcms alone: Adobe RGB, and a profile of gamma 1.8."""
    with Image.open(inputs / name) as opened:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(opened.info["icc_profile"]))
        unconverted = opened.convert("RGB").resize((160, 120), Image.Resampling.LANCZOS)
    reference = ImageCms.profileToProfile(
        unconverted, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert reference is not None
    result = decoded(run("imageMogr2/thumbnail/160x120!/format/png", inputs / name))
    assert "icc_profile" not in result.info
    assert psnr(pixels(result), pixels(reference)) > 32
    assert psnr(pixels(result), pixels(unconverted)) < 30


def test_cmyk_with_profile_differs_from_cmyk_without(inputs: Path, run: Run) -> None:
    name = "Channel_digital_image_CMYK_color"
    with_profile, without = (
        pixels(decoded(run("imageMogr2/format/png", inputs / f"{name}{suffix}.jpg")))
        for suffix in ("", "_no_profile")
    )
    # The same photo: alike, upright (not inverted), but not the same colours.
    assert 12 < psnr(with_profile, without) < 30


def test_turned_photos_are_upright_and_stay_so(inputs: Path, run: Run, processor: Processor) -> None:
    """Four files of two photos, stored in four ways."""
    for pair in (("Landscape_5.jpg", "Landscape_7.jpg"), ("Portrait_2.jpg", "Portrait_6.jpg")):
        first, second = (
            decoded(run("imageMogr2/auto-orient/thumbnail/60x60/format/png", inputs / n)) for n in pair
        )
        assert first.size == second.size
        assert psnr(pixels(first), pixels(second)) > 20
    result = run("imageMogr2/auto-orient/format/jpg", inputs / "Landscape_5.jpg")
    assert (result.width, result.height) == (600, 450)
    assert processor.image_info(Source(data=result.data)).orientation == 1
    kept = run("imageMogr2/format/webp", inputs / "Landscape_5.jpg")
    assert processor.image_info(Source(data=kept.data)).orientation == 5
    stripped = run("imageMogr2/format/webp/strip", inputs / "Landscape_5.jpg")
    assert processor.image_info(Source(data=stripped.data)).orientation == 0


def test_large_photo_is_within_the_limits_or_refused_by_them(inputs: Path, run: Run) -> None:
    path = inputs / "9643x10328.jpg"
    assert run("imageMogr2/thumbnail/300x/format/webp", path).width == 300
    small = Processor(ImageSettings(max_pixels=50_000_000))
    with pytest.raises(ImageResolutionExceed, match="9643x10328"):
        small.execute(parse_operation("imageMogr2/thumbnail/300x"), Source(path=path))


def test_a_large_photo_becomes_a_jpeg_in_full_colour(inputs: Path, run: Run) -> None:
    result = run("imageMogr2/strip", inputs / "9643x10328.jpg")
    assert (result.format, result.width, result.height) == ("JPEG", 9643, 10328)
