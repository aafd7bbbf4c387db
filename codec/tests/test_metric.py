"""SSIMULACRA2 against the values of the metric's own Rust implementation, and its errors."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from pillow_tpg import Ssimulacra2


def _gradient() -> Image.Image:
    y, x = np.mgrid[0:96, 0:128]
    return Image.fromarray(np.stack([x * 2, y * 2, (x + y) % 256], axis=2).astype(np.uint8))


def test_the_same_picture_scores_100() -> None:
    picture = _gradient()
    assert Ssimulacra2(picture).score(picture) == pytest.approx(100.0)


def test_coarser_jpeg_scores_lower() -> None:
    picture = _gradient()
    metric = Ssimulacra2(np.asarray(picture))
    scores = []
    for quality in (95, 60, 20):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        scores.append(metric.score(Image.open(file)))
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < scores[0] - 10


def test_other_shapes_are_refused() -> None:
    metric = Ssimulacra2(_gradient())
    with pytest.raises(ValueError, match="shape"):
        metric.score(_gradient().resize((64, 64)))
    with pytest.raises(ValueError, match="8 bits"):
        Ssimulacra2(np.zeros((8, 8), np.uint8))
    with pytest.raises(ValueError, match="8 bits"):
        Ssimulacra2(np.zeros((8, 8, 3), np.uint16))
