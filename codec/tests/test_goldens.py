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
    0: ((15700, 84.82), (7743, 71.2)),
    1: ((15778, 84.97), (7827, 71.51)),
    2: ((14961, 85.03), (7490, 71.64)),
    3: ((14918, 85.58), (7513, 72.56)),
    4: ((15063, 85.85), (7512, 73.48)),
    5: ((15062, 85.93), (7489, 74.1)),
    6: ((15154, 86.42), (7562, 74.89)),
    7: ((15177, 86.59), (7533, 74.48)),
    8: ((14819, 86.11), (7314, 74.1)),
    9: ((14949, 86.63), (7446, 74.82)),
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
