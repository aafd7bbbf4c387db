"""``effort`` for JPEG, PNG and GIF, whose pixels it does not change: only their bytes and the time they take."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from .conftest import Run, decoded, encoded, photo, pixels

pytest.importorskip("openmogr_pixels", reason="searches need openmogr-pixels")

# By format, from the lowest effort of each kind to the highest.
KINDS = {"jpg": (0, 1, 5, 7), "png": (0, 1, 3, 5, 7, 8, 9), "gif": (0, 5)}
# Of which kind some efforts are.
SAME = {"jpg": ((1, 4), (5, 6), (7, 9)), "png": ((1, 2), (3, 4), (5, 6)), "gif": ((0, 4), (5, 9))}
# What a higher effort may add: a search that tries more may end elsewhere.
NOISE = 1.005


@pytest.fixture(scope="module")
def pictures(shared: Path) -> dict[str, bytes]:
    """Small ones of real pictures."""
    made = {}
    for name in ("photos/kodim04.png", "photos/kodim13.png", "inputs/alpha-premultiply-1024x768-paper.png"):
        with Image.open(shared / "corpus" / name) as image:
            image.thumbnail((256, 256))
            made[name] = encoded(image, "PNG")
    return made


@pytest.mark.parametrize("form", KINDS)
def test_a_higher_effort_is_never_longer(form: str, pictures: dict[str, bytes], run: Run) -> None:
    shorter = dict.fromkeys(KINDS[form][1:], False)
    for source in pictures.values():
        made = [run(f"imageMogr2/format/{form}/quality/80/effort/{effort}", source) for effort in KINDS[form]]
        shown = [pixels(decoded(result), "RGBA") for result in made]
        assert all(np.array_equal(shown[0], other) for other in shown)
        sizes = [len(result.data) for result in made]
        assert all(higher <= NOISE * lower for lower, higher in pairwise(sizes)), sizes
        for effort, (lower, higher) in zip(KINDS[form][1:], pairwise(sizes), strict=True):
            shorter[effort] = shorter[effort] or higher < lower
    # Each kind is good for something.
    assert all(shorter.values()), shorter


@pytest.mark.parametrize("form", KINDS)
def test_what_an_effort_does(form: str, pictures: dict[str, bytes], run: Run) -> None:
    source = pictures["photos/kodim13.png"]
    for low, high in SAME[form]:
        one, other = (run(f"imageMogr2/format/{form}/effort/{effort}", source) for effort in (low, high))
        assert one.data == other.data


def test_progressive_jpegs(run: Run, pictures: dict[str, bytes]) -> None:
    source = pictures["photos/kodim13.png"]
    for operation, progressive in {
        "effort/4": False, "effort/5": True, "effort/9": True, "effort/0/interlace/1": True,
        "effort/9/interlace/0": False,
        "interlace/0/effort/6": False, "format/yjpeg/effort/0": True,
    }.items():  # fmt: skip
        made = decoded(run(f"imageMogr2/format/jpg/{operation}", source))
        assert bool(made.info.get("progressive")) is progressive, operation


def test_metadata_stay(run: Run) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a description"
    source = encoded(photo(120, 90), "PNG", exif=exif.tobytes())
    for form in ("jpg", "png"):
        for effort in (0, 5, 9):
            made = decoded(run(f"imageMogr2/format/{form}/effort/{effort}", source))
            assert made.getexif()[0x010E] == "a description"


@pytest.mark.parametrize(
    "name", ["iss634.gif", "SmallFullColourGIF.gif", "dancing-banana.gif", "dispose_prev.gif"]
)
def test_animations(name: str, inputs: Path, run: Run) -> None:
    quick, tight = (run(f"imageMogr2/thumbnail/120x/effort/{effort}", inputs / name) for effort in (4, 9))
    assert len(tight.data) <= len(quick.data)
    assert (tight.frame_count, tight.width) == (quick.frame_count, quick.width)
    frames = [
        [
            (frame.convert("RGBA").tobytes(), frame.info.get("duration"))
            for frame in ImageSequence.Iterator(image)
        ]
        for image in (Image.open(io.BytesIO(result.data)) for result in (quick, tight))
    ]
    assert frames[0] == frames[1]
    assert run("imageMogr2/thumbnail/120x", inputs / name).data == tight.data
    if name == "iss634.gif":
        assert 4 * len(tight.data) < 3 * len(quick.data)


def test_what_clears_has_a_transparent_colour(run: Run) -> None:
    """Readers clear to that of the frame, and where it has none, some to the background of the file."""
    stills = [Image.new("RGBA", (24, 16)) for _ in range(3)]
    for number, still in enumerate(stills):
        still.paste((255, 0, 60 * number, 255), (6 * number, 4, 6 * number + 8, 12))
    out = io.BytesIO()
    stills[0].save(out, "PNG", save_all=True, append_images=stills[1:], duration=100)
    made = run("imageMogr2/format/gif", out.getvalue())
    with Image.open(io.BytesIO(made.data)) as image:
        for frame, still in zip(ImageSequence.Iterator(image), stills, strict=True):
            assert np.array_equal(np.asarray(frame.convert("RGBA"))[..., 3], np.asarray(still)[..., 3])


def test_grey_and_transparent_pictures(run: Run) -> None:
    for mode in ("L", "LA", "RGBA"):
        for form in KINDS:
            for effort in (0, 9):
                made = decoded(run(f"imageMogr2/format/{form}/effort/{effort}", photo(40, 30, mode)))
                assert made.size == (40, 30)
