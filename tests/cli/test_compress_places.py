"""``openmogr compress``: the places of outputs, and places that cannot be read or written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image

from openmogr.cli.exit_codes import ExitCode

Run = Callable[..., Result]


def picture(side: int = 64) -> Image.Image:
    grey = Image.linear_gradient("L").resize((side, side))
    return Image.merge("RGB", (grey, grey.rotate(90), grey.rotate(180)))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "in"
    place.mkdir()
    return place


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("A.JPG", ("--resize", "50%")),
        ("a.jpeg", ("--resize", "50%")),
        ("A.JPG", ("-f", "jpg", "-q", "20")),
        ("a.jpeg", ("-f", "jpeg", "-q", "20")),
        ("A.TIF", ("--resize", "50%")),
        ("A.TIF", ("-f", "tiff", "--resize", "50%")),
    ],
)
def test_what_keeps_its_format_keeps_its_suffix(
    run: Run, folder: Path, tmp_path: Path, name: str, options: Sequence[str]
) -> None:
    """Else a camera's ``IMG_1.JPG`` would not be replaced by ``--overwrite``, but have a second file beside it."""
    picture().save(folder / name)
    assert run(folder / name, *options, "--out", tmp_path / "out").exit_code == ExitCode.OK
    assert names(tmp_path / "out") == [name]
    assert run(folder / name, *options, "--overwrite", "always").exit_code == ExitCode.OK
    assert names(folder) == [name]
    assert (folder / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_an_animation_of_that_suffix_stays_in_its_place(run: Run, folder: Path) -> None:
    first = picture()
    first.save(folder / "a.png", save_all=True, append_images=[first.rotate(90)], duration=100)
    assert run(folder, "--resize", "50%", "--overwrite", "always").exit_code == ExitCode.OK
    assert names(folder) == ["a.png"]
    with Image.open(folder / "a.png") as image:
        assert image.size == (32, 32)
        assert getattr(image, "n_frames", 1) == 2


def test_a_format_that_is_named_has_its_own_suffix(run: Run, folder: Path, tmp_path: Path) -> None:
    picture().save(folder / "a.jpeg")
    assert run(folder / "a.jpeg", "-f", "jpg", "-q", "20", "--out", tmp_path / "out").exit_code == ExitCode.OK
    assert names(tmp_path / "out") == ["a.jpg"]
