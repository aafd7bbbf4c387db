"""Conversion to RGB."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pillow_tpg
import pytest
from PIL import Image
from pillow_tpg.image import Samples

Ints = npt.NDArray[np.int64]


def upsample(chroma: Samples, width: int, height: int) -> Ints:
    """Centred chroma brought to full size with the bilinear filter, rounded."""

    def axis(values: Ints, size: int) -> Ints:
        at = np.arange(size)
        near, far = at // 2, (at // 2 + np.where(at % 2, 1, -1)).clip(0, len(values) - 1)
        upsampled: Ints = 3 * values[near] + values[far]
        return upsampled

    return (axis(axis(chroma.astype(np.int64), height).T, width).T + 8) >> 4


def reference(image: pillow_tpg.TpgImage | pillow_tpg.Frame, *, full: bool = False) -> Samples:
    """The integers of Tencent's decoder."""
    y = image.y.astype(np.int64)
    u = upsample(image.cb, image.width, image.height) - 128
    v = upsample(image.cr, image.width, image.height) - 128
    if full:
        rgb = [256 * y + 359 * v, 256 * y - 88 * u - 183 * v, 256 * y + 454 * u]
    else:
        c = 298 * (y - 16)
        rgb = [c + 409 * v, c - 100 * u - 208 * v, c + 516 * u]
    return ((np.stack(rgb, axis=-1) + 128) >> 8).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", ["base_still.tpg", "base_alpha.tpg", "t053_hdr_dim_1x1.tpg"])
def test_pixels_are_those_of_tencents_decoder(name: str, malformed: Path) -> None:
    data = (malformed / name).read_bytes()
    image = pillow_tpg.decode(data)
    assert (image.rgb() == reference(image)).all()
    pillow_tpg.register_tpg_opener()
    with Image.open(malformed / name) as opened:
        assert (np.asarray(opened.convert("RGB")) == reference(image)).all()


def test_a_photo_is_exact(corpus: Path) -> None:
    image = pillow_tpg.decode((corpus / "tpg.jpg").read_bytes())
    assert (image.rgb() == reference(image)).all()


@pytest.mark.parametrize("name", ["base_still.tpg", "base_alpha.tpg", "base_animation.tpg"])
def test_a_clear_flag_means_full_range(name: str, malformed: Path) -> None:
    limited = bytearray((malformed / name).read_bytes())
    full = bytes([*limited[:15], limited[15] & ~4, *limited[16:]])
    for plain, image in zip(
        pillow_tpg.decode_frames(bytes(limited)), pillow_tpg.decode_frames(full), strict=True
    ):
        assert (image.y == plain.y).all()
        assert (image.rgb() == reference(image, full=True)).all()
        assert (image.rgba()[..., :3] == image.rgb()).all()
        assert (image.rgba()[..., 3] == plain.rgba()[..., 3]).all()
        assert (image.rgb() != plain.rgb()).any()
    pillow_tpg.register_tpg_opener()
    with Image.open(io.BytesIO(full)) as opened:
        first = pillow_tpg.decode(full)
        assert (np.asarray(opened.convert("RGB")) == first.rgb()).all()


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
    images = [pillow_tpg.decode(data, simd=simd) for simd in ("scalar", "auto", "avx2", "neon")]
    for image in images[1:]:
        assert (images[0].rgb() == image.rgb()).all()
        assert (images[0].rgba() == image.rgba()).all()


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
