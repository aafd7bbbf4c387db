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
    6: ((14873, 86.13), (7420, 74.03)),
    7: ((14951, 86.14), (7454, 74.45)),
    8: ((14743, 85.92), (7295, 73.83)),
    9: ((14810, 86.43), (7312, 74.15)),
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
