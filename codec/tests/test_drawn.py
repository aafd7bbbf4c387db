"""Size and score of a drawn picture, which the encoder codes by rules of its own, and of one with noise."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pillow_tpg import Ssimulacra2, encode, encode_image

SIZE = (192, 128)
BOUND = 0.01
# By QP: bytes and score. Coded like a photograph it had about as many bytes, and scores of 90.78 and 87.34.
GOLDENS = {22: (10652, 92.31), 32: (8080, 91.04)}


@pytest.fixture(scope="module")
def letters() -> Image.Image:
    """Strokes in rows, without a font."""
    image, dice = Image.new("RGB", SIZE, "white"), random.Random(5)
    draw = ImageDraw.Draw(image)
    for y in range(6, SIZE[1] - 12, 14):
        for x in range(6, SIZE[0] - 10, 9):
            for _ in range(3):
                ends = [(x + dice.randrange(7), y + dice.randrange(10)) for _ in range(2)]
                draw.line(ends, "black", dice.choice([1, 2]))
    return image


def test_rate_and_score(letters: Image.Image) -> None:
    reference = Ssimulacra2(letters)
    for qp, (size, score) in GOLDENS.items():
        image = encode_image(letters, qp=qp)
        found = len(image.data), round(reference.score(image.rgb()), 2)
        print(f"{qp}: {found}")
        assert found == pytest.approx((size, score), rel=BOUND)


def test_drawn_pictures_are_better_than_the_same_as_photographs(letters: Image.Image) -> None:
    """Noise of one step hides from the search for drawn regions what is there; little else differs."""
    noise = np.random.default_rng(6).integers(0, 2, (SIZE[1], SIZE[0], 1))
    noisy = Image.fromarray(np.abs(np.asarray(letters, np.int16) - noise).astype(np.uint8))
    drawn, photo = (encode_image(picture, qp=32) for picture in (letters, noisy))
    scores = [Ssimulacra2(letters).score(image.rgb()) for image in (drawn, photo)]
    assert scores[0] > scores[1] + 3
    assert len(drawn.data) < 1.02 * len(photo.data)


def test_squared_errors_alone_know_no_drawn_regions(letters: Image.Image) -> None:
    assert encode(letters, qp=32, perceptual=0.0) != encode(letters, qp=32)
