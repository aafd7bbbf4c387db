"""Details that no picture of a test would show by itself."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from openmogr.image.formats.registry import CONTAINERS
from openmogr.image.source.metadata import upright

from .conftest import Run, encoded, photo

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("source", "relative", "quality"),
    [(85, 50, 43), (85, 49, 42), (75, 50, 38), (90, 80, 72), (33, 10, 3), (35, 10, 4)],
)
def test_relative_quality_is_rounded(run: Run, source: int, relative: int, quality: int) -> None:
    data = encoded(photo(), "JPEG", quality=source)
    assert run(f"imageMogr2/rquality/{relative}", data).quality == quality


@pytest.mark.parametrize("order", ["II", "MM"])
@pytest.mark.parametrize("kind", [2, 5, 7, 12])
def test_only_a_number_is_an_orientation(order: str, kind: int) -> None:
    """A tag of text, fraction, bytes or floating point with the same number is not written over."""
    endian: Literal["little", "big"] = "little" if order == "II" else "big"

    def number(value: int, length: int) -> bytes:
        return value.to_bytes(length, endian)

    def exif(kind: int) -> bytes:
        entry = number(0x0112, 2) + number(kind, 2) + number(1, 4) + number(6, 2) + b"\0\0"
        return order.encode() + number(42, 2) + number(8, 4) + number(1, 2) + entry + bytes(4)

    assert upright(exif(kind)) == exif(kind)
    assert upright(exif(3)) == exif(3).replace(number(6, 2) + b"\0\0", number(1, 2) + b"\0\0")


def _planes(data: bytes) -> npt.NDArray[np.float64]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB").convert("YCbCr"), np.float64)


def test_colour_of_heif_is_finer_than_its_encoder_would_have_it(run: Run) -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed")
    pillow_heif.register_heif_opener()
    with Image.open(_ROOT / "src" / "openmogr" / "demo" / "sample.png") as image:
        picture = image.crop((400, 256, 656, 448))
    reference = _planes(encoded(picture, "PNG"))

    def errors(data: bytes) -> npt.NDArray[np.float64]:
        return np.asarray(np.square(_planes(data) - reference).mean(axis=(0, 1)))

    plain = encoded(picture, "HEIF", quality=CONTAINERS["heif"].setting(50), chroma=420)
    ours, theirs = errors(run("imageMogr2/format/heif/quality/50", picture).data), errors(plain)
    assert ours[1:].mean() < 0.8 * theirs[1:].mean()
    assert ours[0] == pytest.approx(theirs[0], rel=0.1)
