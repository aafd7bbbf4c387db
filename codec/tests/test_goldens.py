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
    0: ((15596, 84.61), (7692, 70.76)),
    1: ((15661, 84.76), (7782, 71.07)),
    2: ((14792, 85.06), (7382, 71.21)),
    3: ((14888, 85.47), (7441, 72.86)),
    4: ((14950, 85.89), (7427, 73.44)),
    5: ((14973, 86.13), (7405, 73.47)),
    6: ((14784, 85.71), (7300, 73.83)),
    7: ((14729, 85.72), (7311, 73.55)),
    8: ((14552, 85.56), (7269, 73.35)),
    9: ((14725, 86.23), (7227, 73.93)),
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
