"""``scrop`` on photos: ``data/face.jpg`` is Kodak's picture 4, made small, which may be used without restriction."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from openmogr.engine import ImagePool
from openmogr.errors import InvalidArgument, NotImplementedHere
from openmogr.image import ImageSettings, Source, encoder_versions, parse_operation
from openmogr.image.faces import detector
from openmogr.image.language.operations import FaceCrop
from openmogr.image.steps.faces import Faces
from openmogr.image.steps.geometry import place_faces

from .conftest import Run, decoded, encoded, photo, pixels

pytest.importorskip("cv2")

FACE = Path(__file__).parent / "data" / "face.jpg"
# Where it is in that picture: left, top, right, bottom.
PLACE = (45, 80, 160, 205)


def beside(left: int = 640, size: tuple[int, int] = (900, 300), mode: str = "RGB") -> Image.Image:
    """The photo far from the middle of a larger picture."""
    canvas = photo(*size, mode)
    canvas.paste(Image.open(FACE).convert(mode), (left, 6))
    return canvas


def has_face(image: Image.Image) -> bool:
    return bool(Faces().at(0, image, 0))


def test_the_face_is_where_we_see_it() -> None:
    (found,) = Faces().at(0, Image.open(FACE), 0)
    assert all(abs(side - seen) <= 25 for side, seen in zip(found, PLACE, strict=True)), found


def test_the_window_lies_where_the_face_is(run: Run) -> None:
    made = decoded(run("imageMogr2/scrop/300x300", beside()))
    assert made.size == (300, 300)
    assert has_face(made)
    assert not has_face(decoded(run("imageMogr2/crop/300x300", beside())))


@pytest.mark.parametrize("form", [("200x", (200, 300)), ("x200", (900, 200)), ("5000x200", (900, 200))])
def test_sides_are_those_of_crop(form: tuple[str, tuple[int, int]], run: Run) -> None:
    made = decoded(run(f"imageMogr2/scrop/{form[0]}", beside()))
    assert made.size == form[1]
    assert has_face(made)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_that_exif_turns(orientation: int, run: Run) -> None:
    stored = beside()
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Stored so that it is upright when it is shown.
    back = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}[orientation]
    turner = Image.Exif()
    turner[0x0112] = back
    stored.info["exif"] = turner.tobytes()
    stored = ImageOps.exif_transpose(stored)
    source = encoded(stored, "PNG", exif=exif.tobytes())
    made = decoded(run("imageMogr2/scrop/250x250", source))
    assert made.size == (250, 250)
    assert has_face(ImageOps.exif_transpose(made))


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_other_modes(mode: str, run: Run) -> None:
    assert has_face(decoded(run("imageMogr2/scrop/300x300", beside(mode=mode))))


def test_without_a_face_the_original_is_the_answer(run: Run) -> None:
    source = encoded(photo(400, 300), "PNG")
    result = run("imageMogr2/scrop/100x100", source)
    assert result.is_original
    assert result.data == source
    # With anything else the step does nothing, and the rest is done.
    made = decoded(run("imageMogr2/scrop/100x100/format/webp", source))
    assert (made.size, made.format) == ((400, 300), "WEBP")
    assert decoded(run("imageMogr2/thumbnail/200x|imageMogr2/scrop/50x50", source)).size == (200, 150)


def test_the_first_frame_speaks_for_an_animation(run: Run) -> None:
    frames = [beside(600), beside(0)]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], lossless=True, duration=100)
    made = decoded(run("imageMogr2/scrop/300x300/format/apng", out.getvalue()))
    assert (made.size, getattr(made, "n_frames", 1)) == ((300, 300), 2)
    assert has_face(made.convert("RGB"))
    made.seek(1)
    assert not has_face(made.convert("RGB"))


def test_small_pictures_have_none(run: Run) -> None:
    assert run("imageMogr2/scrop/2x2", photo(20, 10)).is_original


@pytest.mark.parametrize(
    ("faces", "left"),
    [
        ([(100, 40, 140, 80)], 70),
        ([(0, 40, 20, 80)], 0),
        ([(280, 40, 300, 80)], 200),
        ([(100, 40, 120, 60), (160, 40, 180, 60)], 90),
        # Both do not fit: the larger one is in the middle.
        ([(0, 40, 20, 60), (240, 40, 280, 80)], 200),
    ],
)
def test_where_the_window_goes(faces: list[tuple[int, int, int, int]], left: int) -> None:
    placement = place_faces(FaceCrop(100, 100), (300, 100), 10_000, faces)
    assert placement.box == (left, 0, left + 100, 100)
    assert placement.scaled == (300, 100)


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("photos/kodim04.png", (80, 120, 500, 620)),
        ("photos/kodim17.png", (90, 90, 310, 310)),
        ("inputs/jpg-24bit-icc-adobe-rgb.jpg", (200, 100, 1000, 1000)),
    ],
)
def test_photos(name: str, window: tuple[int, int, int, int], shared: Path) -> None:
    """What we see to be the head; found faces lie in it."""
    with Image.open(shared / "corpus" / name) as image:
        found = Faces().at(0, image.convert("RGB"), 0)
    assert len(found) == 1
    left, top, right, bottom = found[0]
    assert window[0] <= left < right <= window[2]
    assert window[1] <= top < bottom <= window[3]


def test_photos_without_a_face(shared: Path) -> None:
    for path in sorted((shared / "corpus" / "photos").glob("*.png")):
        if path.stem not in {"kodim04", "kodim17"}:
            with Image.open(path) as image:
                assert not Faces().at(0, image.convert("RGB"), 0), path.stem


@pytest.mark.parametrize("value", ["x", "0x0", "0x10", "10", "10x10x10", "a", "-1x5"])
def test_bad_values(value: str) -> None:
    with pytest.raises(InvalidArgument, match="scrop"):
        parse_operation(f"imageMogr2/scrop/{value}")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "_cascade", lambda: None)
    with pytest.raises(NotImplementedHere, match=r"openmogr\[faces\]") as caught:
        parse_operation("imageMogr2/scrop/200x200")
    assert caught.value.status == 501
    assert parse_operation("imageMogr2/scrop/200x200/ignore-error/1").failure is not None
    assert not any("opencv" in version for version in encoder_versions())


def test_nothing_imports_opencv_before_it_is_needed() -> None:
    code = (
        "import json, sys, openmogr.app, openmogr.cli; from openmogr.image import *;"
        "parse_operation('imageMogr2/scrop/9x9'); encoder_versions(); print(json.dumps('cv2' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) is False


def test_results_depend_on_the_version() -> None:
    assert any(version.startswith("opencv-") for version in encoder_versions())


@pytest.mark.anyio
async def test_in_a_worker() -> None:
    """Within its limits, without files and without threads."""
    pool = ImagePool(ImageSettings(workers=1))
    await pool.start()
    try:
        source = Source(data=encoded(beside(), "PNG"))
        for _ in range(3):
            result = await pool.execute(parse_operation("imageMogr2/scrop/300x300"), source)
            assert has_face(decoded(result))
    finally:
        await pool.close()


def test_pixels_are_those_of_the_window(run: Run) -> None:
    source = beside()
    made = pixels(decoded(run("imageMogr2/scrop/x300|imageMogr2/cut/900x300x0x0", source)))
    assert np.array_equal(made, pixels(source))
    assert decoded(run("imageMogr2/scrop/250x", source)).size == (250, 300)
