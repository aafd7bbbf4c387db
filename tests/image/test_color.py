"""Colour: profiles, code points, grey and CMYK, against arithmetic."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from openmogr.image.source.colour import flatten, to_srgb
from openmogr.image.source.nclx import nclx_profile

from .conftest import Pixels, Run, decoded, encoded, photo, pixels, psnr
from .reference import png_chunk

# BT.2020 and Display P3 to BT.709, linear light (ITU-R BT.2087; both white points are D65).
_TO_709 = {
    9: [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    12: [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]],
}


def linear(samples: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    values = samples / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def expected_srgb(samples: Pixels, primaries: int) -> Pixels:
    light = np.clip(linear(samples) @ np.array(_TO_709[primaries]).T, 0, 1)
    values = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray((values * 255).round(), dtype=np.uint8)


@pytest.mark.parametrize("primaries", [9, 12])
def test_code_points_are_converted(primaries: int) -> None:
    source = photo()
    profile = nclx_profile(primaries, 13)
    assert profile is not None
    converted = pixels(to_srgb(source, profile))
    error = np.abs(converted.astype(int) - expected_srgb(pixels(source), primaries))
    assert error.max() <= 3
    assert psnr(converted, pixels(source)) < 40


@pytest.mark.parametrize(("primaries", "transfer"), [(1, 13), (2, 2), (1, 16), (9, 16), (12, 18)])
def test_srgb_and_hdr_code_points_change_nothing(primaries: int, transfer: int) -> None:
    assert nclx_profile(primaries, transfer) is None


def test_avif_with_code_points_is_converted(run: Run) -> None:
    plain = encoded(photo(), "AVIF", quality=95, subsampling="4:4:4")
    position = plain.index(b"colrnclx") + 8
    wide = plain[:position] + (12).to_bytes(2, "big") + plain[position + 2 :]
    srgb, p3 = (pixels(decoded(run("imageMogr2/format/png", data))) for data in (plain, wide))
    assert np.abs(p3.astype(int) - expected_srgb(srgb, 12)).max() <= 3
    assert psnr(srgb, p3) < 40


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_profiles_that_mean_srgb_change_nothing(run: Run) -> None:
    source = photo()
    result = decoded(run("imageMogr2/format/bmp", encoded(source, "PNG", icc_profile=srgb_profile())))
    assert np.array_equal(pixels(result), pixels(source))


@pytest.mark.parametrize("profile", [b"", b"nonsense", bytes(200), srgb_profile()[:140]])
def test_broken_profiles_are_left_out(profile: bytes) -> None:
    source = photo()
    assert np.array_equal(pixels(to_srgb(source, profile)), pixels(source))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_conversion_keeps_mode_and_alpha(mode: str) -> None:
    profile = nclx_profile(12, 4)
    assert profile is not None
    source = photo(mode=mode)
    converted = to_srgb(source, profile)
    assert converted.mode == mode
    if mode.endswith("A"):
        assert np.array_equal(np.asarray(converted.getchannel("A")), np.asarray(source.getchannel("A")))


def test_cmyk_without_profile_is_the_complement() -> None:
    cmyk = Image.fromarray(np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 0, 0, 255]]], np.uint8), "CMYK")
    assert pixels(to_srgb(cmyk, None)).tolist() == [[[255, 255, 255], [0, 255, 255], [0, 0, 0]]]


def test_an_rgb_profile_on_cmyk_pixels_is_not_used() -> None:
    cmyk = photo().convert("CMYK")
    assert np.array_equal(pixels(to_srgb(cmyk, srgb_profile())), pixels(cmyk.convert("RGB")))


def test_lab_is_converted() -> None:
    grey = Image.new("LAB", (2, 2), (255, 128, 128))
    assert pixels(to_srgb(grey, None)).min() >= 253


def test_transparent_keys_become_alpha(run: Run) -> None:
    source = Image.fromarray(np.array([[0, 100, 200]], np.uint8))
    result = decoded(run("imageMogr2/format/png/flip/vertical", encoded(source, "PNG", transparency=100)))
    assert np.asarray(result.getchannel("A")).tolist() == [[255, 0, 255]]


def test_flattening_blends_with_white() -> None:
    half = Image.new("RGBA", (1, 1), (0, 0, 0, 128))
    assert abs(int(pixels(flatten(half))[0, 0, 0]) - 127) <= 1
    assert flatten(Image.new("LA", (1, 1), (0, 0))).getpixel((0, 0)) == 255


def test_profile_is_readable_by_lcms() -> None:
    profile = nclx_profile(12, 13)
    assert profile is not None
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
    assert (opened.xcolor_space.strip(), opened.is_matrix_shaper) == ("RGB", True)


SRGB_PRIMARIES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
ADOBE_PRIMARIES = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
ADOBE_TO_SRGB = ((1.39836, -0.39836, 0.0), (0.0, 1.0, 0.0), (0.0, -0.04293, 1.04293))


def gamma(value: int, *chromaticities: int) -> bytes:
    told = png_chunk(b"gAMA", struct.pack(">I", value))
    return told + (png_chunk(b"cHRM", struct.pack(">8I", *chromaticities)) if chromaticities else b"")


def by_gamma(samples: Pixels, exponent: float, matrix: object = np.eye(3)) -> Pixels:
    """In sRGB, by its definition in IEC 61966-2-1."""
    linear = np.clip((samples / 255) ** exponent @ np.asarray(matrix).T, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(curved * 255), np.uint8)


@pytest.mark.parametrize("steps", ["", "/cut/160x120x0x0"])
@pytest.mark.parametrize(
    ("chunks", "convert"),
    [
        (gamma(100_000), lambda a: by_gamma(a, 1)),
        (gamma(55_556, *SRGB_PRIMARIES), lambda a: by_gamma(a, 1.8)),
        (gamma(45_455, *ADOBE_PRIMARIES), lambda a: by_gamma(a, 2.2, ADOBE_TO_SRGB)),
        # What means sRGB, comes after something else, is not valid or cannot be.
        (gamma(45_455), lambda a: a),
        (gamma(46_000, *SRGB_PRIMARIES), lambda a: a),
        (gamma(100_000) + png_chunk(b"sRGB", b"\x00"), lambda a: a),
        (gamma(100_000) + png_chunk(b"cICP", b"\x01\x0d\x00\x01"), lambda a: a),
        (gamma(0), lambda a: a),
        (gamma(45_455, *range(30_000, 38_000, 1000)), lambda a: a),
        (gamma(45_455, *(2**31,) * 8), lambda a: a),
    ],
)
def test_gamma_and_chromaticities_of_a_png(
    chunks: bytes, convert: Callable[[Pixels], Pixels], steps: str, run: Run
) -> None:
    plain = encoded(photo(), "PNG")
    source = plain[:33] + chunks + plain[33:]
    result = decoded(run(f"imageMogr2{steps}/format/tiff", source))
    assert np.abs(pixels(result).astype(int) - convert(pixels(photo()))).max() <= 2


def test_gamma_behind_a_profile_or_the_samples_of_a_png_does_not_count(run: Run) -> None:
    plain = encoded(photo(), "PNG")
    late = plain[:-12] + gamma(100_000) + plain[-12:]
    with_profile = encoded(photo(), "PNG", icc_profile=nclx_profile(12, 13))
    both = with_profile[:33] + gamma(100_000) + with_profile[33:]
    for source, same in ((late, plain), (both, with_profile)):
        assert run("imageMogr2/format/tiff", source).data == run("imageMogr2/format/tiff", same).data
