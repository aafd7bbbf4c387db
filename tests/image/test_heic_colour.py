"""Colours of HEIC: by profile, by code points, in full and in limited range, as Pillow and lcms have them."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from openmogr.image import native
from openmogr.image.source.nclx import nclx_profile

from .conftest import Pixels, Run, decoded, encoded, photo, pixels

pillow_heif = pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed")
pillow_heif.register_heif_opener()

DISPLAY_P3 = (12, 13)
# The whole conversion is that of lcms. Where it comes after scaling, dark and light edges are mixed in other numbers.
LARGEST, MEAN = 2, 0.2
LARGEST_SCALED, MEAN_SCALED = 16, 0.5


def profile() -> bytes:
    found = nclx_profile(*DISPLAY_P3)
    assert found is not None
    return found


def heic(image: Image.Image, *, icc: bool = False, **options: object) -> bytes:
    """As cameras write it, but without loss that matters."""
    return encoded(image, "HEIF", quality=95, chroma=444, icc_profile=profile() if icc else None, **options)


def picture(mode: str = "RGB") -> Image.Image:
    image = photo(320, 240)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def expected(data: bytes) -> Image.Image:
    """All of it by Pillow's plugin, and its colours by lcms, before anything else is done."""
    with Image.open(io.BytesIO(data)) as opened:
        plain = Image.fromarray(np.asarray(opened))
    wanted = ImageCms.profileToProfile(
        plain,
        ImageCms.ImageCmsProfile(io.BytesIO(profile())),
        ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert wanted is not None
    return wanted


BY_PILLOW: dict[str, Callable[[Image.Image], Image.Image]] = {
    "format/bmp": lambda image: image,
    "thumbnail/160x": lambda image: image.resize((160, 120), Image.Resampling.LANCZOS),
    "cut/120x90x31x17": lambda image: image.crop((31, 17, 151, 107)),
    "rotate/90/thumbnail/90x": lambda image: image.transpose(Image.Transpose.ROTATE_270).resize(
        (90, 120), Image.Resampling.LANCZOS
    ),
    "flip/vertical": lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
}


def made(run: Run, operation: str, data: bytes, mode: str = "RGB") -> Pixels:
    text = "imageMogr2/" + (operation if "format/" in operation else operation + "/format/png")
    return pixels(decoded(run(text, data)), mode)


def assert_alike(found: Pixels, wanted: Pixels, *, scaled: bool) -> None:
    assert found.shape == wanted.shape
    difference = np.abs(found.astype(int) - wanted.astype(int))
    assert difference.max() <= (LARGEST_SCALED if scaled else LARGEST)
    assert difference.mean() <= (MEAN_SCALED if scaled else MEAN)


@pytest.mark.parametrize("available", [True, False])
@pytest.mark.parametrize("operation", BY_PILLOW)
@pytest.mark.parametrize("carrier", ["profile", "code points"])
def test_colours_are_those_of_lcms(
    carrier: str, operation: str, available: bool, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the native module and without."""
    monkeypatch.setattr(native, "AVAILABLE", available and native.AVAILABLE)
    if carrier == "profile":
        data = heic(picture(), icc=True)
    else:
        data = heic(picture(), color_primaries=DISPLAY_P3[0], transfer_characteristics=DISPLAY_P3[1])
    wanted = BY_PILLOW[operation](expected(data))
    assert_alike(made(run, operation, data), pixels(wanted), scaled="thumbnail" in operation)


def test_the_conversion_changes_colours(run: Run) -> None:
    """So that the others compare something."""
    tagged, plain = heic(picture(), icc=True), heic(picture())
    assert np.abs(made(run, "format/bmp", tagged).astype(int) - made(run, "format/bmp", plain)).mean() > 2


@pytest.mark.parametrize("operation", ["thumbnail/160x", "cut/120x90x31x17"])
def test_alpha_is_no_colour(operation: str, run: Run) -> None:
    data = heic(picture("RGBA"), icc=True)
    with Image.open(io.BytesIO(data)) as opened:
        alpha = BY_PILLOW[operation](opened.getchannel("A"))
    found = made(run, operation, data, "RGBA")
    difference = np.abs(found[..., 3].astype(int) - np.asarray(alpha).astype(int))
    assert difference.max() <= 2


@pytest.mark.parametrize("icc", [True, False])
def test_limited_and_full_range_are_the_same_colours(icc: bool, run: Run) -> None:
    full, limited = (heic(picture(), icc=icc, full_range_flag=flag, matrix_coefficients=6) for flag in (1, 0))
    assert full != limited
    found = [made(run, "thumbnail/160x", data).astype(int) for data in (full, limited)]
    # Two encodings with loss, of 256 and of 219 levels.
    assert np.abs(found[0] - found[1]).mean() < 1
    assert abs(float((found[0] - found[1]).mean())) < 0.3
    # Taken for the other range, black and white would be 16 levels off.
    ramp = Image.linear_gradient("L").convert("RGB")
    for flag in (0, 1):
        shown = made(run, "format/bmp", heic(ramp, full_range_flag=flag, matrix_coefficients=6))
        assert shown.min() <= 2
        assert shown.max() >= 253
