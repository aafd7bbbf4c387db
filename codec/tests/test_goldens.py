"""Size and score of every effort on two small crops of a photo, so that no change loses compression unseen.

A change that is meant to move them prints the new table: `python -m pytest codec/tests/test_goldens.py -s`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from pillow_tpg import Ssimulacra2, encode_image

PHOTO = Path(__file__).resolve().parents[2] / "src" / "openmogr" / "demo" / "sample.png"
BOXES = ((340, 130, 532, 290), (540, 250, 732, 410))
QPS = (22, 32)
BOUND = 0.01

# Bytes of both crops, and the mean score, at each QP.
GOLDENS: dict[int, tuple[tuple[int, float], ...]] = {
}


@pytest.fixture(scope="module")
def crops() -> list[Image.Image]:
    with Image.open(PHOTO) as photo:
        return [photo.convert("RGB").crop(box) for box in BOXES]


def measured(crops: list[Image.Image], effort: int, qp: int) -> tuple[int, float]:
    images = [encode_image(crop, qp=qp, effort=effort) for crop in crops]
    scores = [Ssimulacra2(crop).score(image.rgb()) for crop, image in zip(crops, images, strict=True)]
    return sum(len(image.data) for image in images), round(sum(scores) / len(scores), 2)


@pytest.mark.parametrize("effort", range(10))
def test_rate_and_score(crops: list[Image.Image], effort: int) -> None:
    found = tuple(measured(crops, effort, qp) for qp in QPS)
    print(f"\n    {effort}: {found},")
    for (size, score), (golden_size, golden_score) in zip(found, GOLDENS[effort], strict=True):
        assert size == pytest.approx(golden_size, rel=BOUND)
        assert score == pytest.approx(golden_score, rel=BOUND)


def test_effort_pays() -> None:
    """At equal quality files get smaller: a point of score is worth about 1.6 % of the size here."""
    costs = [sum(size * 0.984**score for size, score in GOLDENS[effort]) for effort in (0, 2, 4, 5, 7, 9)]
    assert costs == sorted(costs, reverse=True)
