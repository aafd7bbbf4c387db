"""Every operation on every kind of picture gives the pixels of its golden (``remake.py`` makes them anew)."""

from __future__ import annotations

import numpy as np
import pytest

from openmogr.image import ImageSettings
from openmogr.image.text.faces import Face
from openmogr.image.text.fonts import find_font

from .cases import EXPECTED, FONT, GRAVITIES, OPERATIONS, WRITING, Pixels, read_sheet, results

# What other versions of libjpeg, lcms and Pillow, and Pillow alone, may round otherwise.
_LARGEST = 6
_MEAN = 0.4


def _seen(pixels: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Colours as far as they are seen, and alpha."""
    alpha = pixels[..., 3:].astype(np.float64)
    return np.concatenate((pixels[..., :3] * alpha / 255, alpha), axis=-1)


@pytest.mark.parametrize("name", sorted(OPERATIONS | GRAVITIES))
def test_pixels(name: str) -> None:
    font = find_font(Face.sans, ImageSettings().fonts)
    if name in WRITING and (font is None or font.family != FONT):
        pytest.skip(f"{FONT}, which the goldens are written with, is not installed")
    expected, got = read_sheet(EXPECTED / f"{name}.png"), dict(results(name))
    assert got.keys() == expected.keys()
    for source, pixels in got.items():
        assert pixels.shape == expected[source].shape, source
        difference = np.abs(_seen(pixels) - _seen(expected[source]))
        assert difference.max() <= _LARGEST, source
        assert difference.mean() <= _MEAN, source


def test_every_golden_has_its_operation() -> None:
    assert {path.stem for path in EXPECTED.iterdir()} == (OPERATIONS | GRAVITIES).keys()
