"""Pictures to measure with, in two halves: `tune` to find settings on, `held` that no setting was chosen by.

Photos of ``corpus/photos``, crops of photographs in ``corpus/inputs`` (those that come from JPEG or HEIC are halved, so
that the artefacts of these are gone), and renderings of what photos do not have.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pillow_heif
from PIL import Image

from bench.perception import renderings

Half = Literal["tune", "held"]
Kind = Literal["photo", "render"]
SHARED = Path(
    os.environ.get("OPENMOGR_SHARED", Path(__file__).resolve().parent.parent.parent.parent / "shared")
)

PHOTOS: dict[Half, tuple[str, ...]] = {
    "tune": ("kodim01", "kodim04", "kodim07", "kodim10", "kodim13", "kodim16"),
    "held": ("kodim02", "kodim06", "kodim09", "kodim11", "kodim14", "kodim17"),
}


@dataclass(frozen=True)
class Crop:
    """A part of a file: whole pixels are divided by `reduce`, then `box` is cut out (left, top, width, height)."""

    file: str
    reduce: int
    box: tuple[int, int, int, int]


CROPS: dict[Half, tuple[Crop, ...]] = {
    "tune": (
        Crop("2569067123_aca715a2ee_o.jpg", 3, (160, 100, 576, 512)),
        Crop("pug.heic", 4, (220, 120, 640, 512)),
    ),
    "held": (
        Crop("jpg-24bit-icc-adobe-rgb.jpg", 2, (180, 60, 640, 512)),
        Crop("sdr_cosmos12920_cicp1-13-6_yuv444_full_qp10.avif", 2, (200, 0, 640, 424)),
    ),
}


@dataclass(frozen=True)
class Sample:
    """A picture with the name that tables give it."""

    name: str
    kind: Kind
    image: Image.Image


def photos(half: Half) -> Iterator[Sample]:
    """Photos and crops of photographs."""
    for name in PHOTOS[half]:
        with Image.open(SHARED / "corpus" / "photos" / f"{name}.png") as image:
            yield Sample(name, "photo", image.convert("RGB"))
    pillow_heif.register_heif_opener()
    for crop in CROPS[half]:
        with Image.open(SHARED / "corpus" / "inputs" / crop.file) as image:
            small = image.convert("RGB").reduce(crop.reduce)
        left, top, width, height = crop.box
        yield Sample(
            crop.file.split("_")[0].split(".")[0],
            "photo",
            small.crop((left, top, left + width, top + height)),
        )


def content(half: Half) -> Iterator[Sample]:
    """Renderings, and a photo with words; the halves differ in words, places and seeds."""
    seed = 1 if half == "tune" else 2
    for name, image in renderings.all_of(seed).items():
        yield Sample(name, "render", image)
    photo = next(photos(half)).image
    yield Sample("photo with text", "render", renderings.captioned(photo, np.random.default_rng(seed)))
