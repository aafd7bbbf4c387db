"""Conversion to RGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pillow_tpg
import pytest
from PIL import Image
from pillow_tpg.image import Samples

Floats = npt.NDArray[np.float64]


def upsample(chroma: Samples, width: int, height: int) -> Floats:
    """Centred chroma brought to full size with the bilinear filter, in floating point."""

    def axis(values: Floats, size: int) -> Floats:
        at = (np.arange(size) - 0.5) / 2
        low = np.floor(at).astype(int)
        weight = (at - low)[:, None]
        last = len(values) - 1
        upsampled: Floats = (
            values[low.clip(0, last)] * (1 - weight) + values[(low + 1).clip(0, last)] * weight
        )
        return upsampled

    return axis(axis(chroma.astype(float), height).T, width).T


def reference(image: pillow_tpg.TpgImage) -> Floats:
    """BT.601, limited range, in floating point and without rounding."""
    y = 1.164384 * (image.y.astype(float) - 16)
    cb = upsample(image.cb, image.width, image.height) - 128
    cr = upsample(image.cr, image.width, image.height) - 128
    rgb = np.stack([y + 1.596027 * cr, y - 0.391762 * cb - 0.812968 * cr, y + 2.017232 * cb], axis=-1)
    return rgb.clip(0, 255)


@pytest.mark.parametrize("name", ["base_still.tpg", "base_alpha.tpg", "t053_hdr_dim_1x1.tpg"])
def test_rounding_is_exact_to_half_a_step(name: str, malformed: Path) -> None:
    image = pillow_tpg.decode((malformed / name).read_bytes())
    assert np.abs(image.rgb() - reference(image)).max() < 0.52


def test_a_photo_is_exact_to_half_a_step(corpus: Path) -> None:
    image = pillow_tpg.decode((corpus / "tpg.jpg").read_bytes())
    assert np.abs(image.rgb() - reference(image)).max() < 0.52


def test_rgba_is_rgb_with_alpha(malformed: Path) -> None:
    image = pillow_tpg.decode((malformed / "base_alpha.tpg").read_bytes())
    rgba = image.rgba()
    assert image.alpha is not None
    assert (rgba[..., :3] == image.rgb()).all()
    assert (rgba[..., 3] == image.alpha).all()
    assert len(np.unique(image.alpha)) > 2


@pytest.mark.parametrize("size", [(71, 51), (72, 56), (1, 1)])
def test_simd_and_portable_code_agree(size: tuple[int, int], malformed: Path) -> None:
    name = next(malformed.glob(f"t0*_hdr_dim_{size[0]}x{size[1]}.tpg"))
    data = name.read_bytes()
    images = [pillow_tpg.decode(data, simd=simd) for simd in ("scalar", "avx2")]
    assert (images[0].rgb() == images[1].rgb()).all()
    assert (images[0].rgba() == images[1].rgba()).all()


def test_known_pixel(corpus: Path) -> None:
    image = pillow_tpg.decode((corpus / "tpg.jpg").read_bytes())
    assert (image.y[154, 680], image.cb[77, 340], image.cr[77, 340]) == (122, 96, 211)
    # The neighbouring chroma samples have a quarter of the weight each way.
    assert np.abs(image.rgb()[154, 680].astype(int) - (255, 68, 59)).max() <= 6


def test_likeness_to_the_jpeg_twin(corpus: Path) -> None:
    with Image.open(corpus / "siblings" / "notpg.jpg") as twin:
        wanted = np.asarray(twin.convert("RGB"), dtype=float)[:, :560]
    rgb = pillow_tpg.decode((corpus / "tpg.jpg").read_bytes()).rgb()[:, :560]
    psnr = 10 * np.log10(255**2 / np.mean((rgb - wanted) ** 2))
    # 40.4 dB is what nearest-neighbour chroma reaches; any other matrix or range stays below 39.3 dB.
    assert psnr > 40.4
