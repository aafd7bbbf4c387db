"""Alpha and EXIF in files that the encoder writes."""

from __future__ import annotations

import numpy as np
import pillow_tpg
import pytest
from PIL import Image
from pillow_tpg import encode, encode_image
from pillow_tpg.image import Samples


def disc(size: int, inside: int, outside: int) -> Samples:
    y, x = np.mgrid[0:size, 0:size]
    distance = np.hypot(x - size / 2, y - size / 2)
    values: Samples = np.clip((size / 3 - distance) * 64 + 128, outside, inside).astype(np.uint8)
    return values


def picture(alpha: Samples, seed: int = 2) -> Samples:
    """Smooth where alpha is not 0, noise elsewhere."""
    rgb = np.random.default_rng(seed).integers(0, 256, (*alpha.shape, 3), np.uint8)
    rgb[alpha > 0] = (200, 120, 40)
    return np.dstack([rgb, alpha])


@pytest.mark.parametrize("effort", [0, 5])
@pytest.mark.parametrize("qp", [0, 20, 45])
def test_alpha(qp: int, effort: int) -> None:
    alpha = disc(101, 255, 0)
    image = encode_image(picture(alpha), qp=qp, effort=effort)
    decoded = pillow_tpg.decode(image.data)
    assert decoded.alpha is not None
    assert decoded.info.mode == "still+alpha"
    assert decoded.info.flags == 0x94
    assert np.array_equal(decoded.alpha, image.plane(3))
    assert np.array_equal(decoded.rgb(), image.rgb())
    assert np.abs(decoded.alpha.astype(int) - alpha).mean() < 1 + qp / 10


def test_alpha_has_a_quality_of_its_own() -> None:
    pixels = picture(disc(128, 240, 17))
    error = {}
    for quality in (10, 95):
        image = encode_image(pixels, quality=50, alpha_quality=quality)
        error[quality] = np.abs(image.plane(3).astype(int) - pixels[:, :, 3]).mean()
        assert np.array_equal(image.plane(0), encode_image(pixels, quality=50).plane(0))
    assert error[95] < error[10]
    assert error[95] < 1


def test_opaque_alpha_is_dropped() -> None:
    pixels = picture(np.full((40, 50), 255, np.uint8))
    data = encode(pixels)
    assert pillow_tpg.info(data).flags == 0x14
    assert data == encode(pixels[:, :, :3])


@pytest.mark.parametrize("value", [0, 1, 128, 254])
def test_constant_alpha(value: int) -> None:
    decoded = pillow_tpg.decode(encode(picture(np.full((40, 50), value, np.uint8))))
    assert decoded.alpha is not None
    assert np.abs(decoded.alpha.astype(int) - value).max() <= 2


def test_hidden_colour_costs_nothing() -> None:
    alpha = disc(160, 255, 0)
    noisy, flat = picture(alpha), picture(alpha)
    flat[alpha == 0, :3] = (200, 120, 40)
    assert encode(noisy) == encode(flat)
    hidden = np.zeros((256, 256, 4), np.uint8)
    hidden[:, :, :3] = picture(hidden[:, :, 3])[:, :, :3]
    assert len(encode(hidden)) < 300


def test_colour_goes_on_smoothly_where_it_is_hidden() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, :16] = (250, 10, 10, 255)
    pixels[:, 48:] = (10, 10, 250, 255)
    y = encode_image(pixels, qp=0).plane(0).astype(int)
    assert np.abs(np.diff(y, axis=1)).max() <= 12


def test_grey_with_alpha() -> None:
    pixels = np.dstack([np.full((60, 60), 77, np.uint8), disc(60, 200, 3)])
    decoded = pillow_tpg.decode(encode(pixels, qp=5))
    assert decoded.alpha is not None
    assert set(np.unique(decoded.cb)) == {128}
    assert np.abs(decoded.rgb().astype(int) - 77).max() <= 2


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = "a picture"
    exif[0x0112] = 6
    return exif


def test_exif() -> None:
    block = _exif().tobytes()
    tiff = block.removeprefix(b"Exif\0\0")
    pixels = np.zeros((20, 20, 4), np.uint8)
    for given in (_exif(), block, tiff, bytearray(tiff)):
        assert pillow_tpg.info(encode(pixels, exif=given)).exif == tiff
    assert pillow_tpg.info(encode(pixels)).exif is None
    assert pillow_tpg.info(encode(pixels, exif=b"")).exif is None
    with pytest.raises(ValueError, match="does not hold a TIFF structure"):
        encode(pixels, exif=b"nonsense")
