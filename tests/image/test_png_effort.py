"""PNG results lose no bit and are small: colour type, palette and filters are searched as far as a request bears."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from openmogr.image import ImageSettings, Processor, Source, parse_operation

from .conftest import decoded, encoded, photo

pytest.importorskip("openmogr_pixels", reason="Pillow writes PNG without openmogr-pixels")

# Colour type and bits of a sample, as IHDR has them.
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


def written(image: Image.Image, effort: int) -> bytes:
    """The image as PNG from a format of the same pixels."""
    processor = Processor(ImageSettings(png_effort=effort))
    return processor.execute(
        parse_operation("imageMogr2/format/png"), Source(data=encoded(image, "TIFF"))
    ).data


def few_colours(size: tuple[int, int], colours: int) -> Image.Image:
    numbers = np.arange(size[0] * size[1]).reshape(size[1], size[0]) // 50 % colours
    return Image.fromarray(np.stack([numbers, 255 - numbers, numbers * 7 % 256], axis=-1).astype(np.uint8))


@pytest.mark.parametrize("effort", [0, 1, 2])
@pytest.mark.parametrize("size", [(90, 60), (700, 500)])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_no_bit_is_lost(effort: int, size: tuple[int, int], mode: str) -> None:
    for image in (photo(*size, mode), few_colours(size, 20).convert(mode)):
        result = decoded(written(image, effort))
        assert result.convert("RGBA").tobytes() == image.convert("RGBA").tobytes()


@pytest.mark.parametrize("size", [(90, 60), (700, 500)])
def test_what_needs_less_gets_less(size: tuple[int, int]) -> None:
    grey = photo(*size).convert("L")
    for image, kinds in (
        (few_colours(size, 20), {RGB, PALETTE}),
        (few_colours(size, 20).convert("RGBA"), {RGB, PALETTE}),
        (grey.convert("RGB"), {GREY, PALETTE}),
        (grey.convert("RGBA"), {GREY, PALETTE}),
        (photo(*size).convert("RGBA"), {RGB}),
        (photo(*size, "RGBA"), {RGBA}),
    ):
        plain, small = written(image, 0), written(image, 1)
        assert small[25] in kinds
        assert len(small) <= len(plain)
    assert written(few_colours(size, 20).convert("RGBA"), 0)[25] == RGBA


def test_more_effort_is_smaller() -> None:
    sizes = [len(written(few_colours((300, 200), 200), effort)) for effort in (0, 1, 2)]
    assert sizes[0] > 1.3 * sizes[1]
    assert sizes[1] >= sizes[2]
