"""``openmogr compress --image``: pictures that the operation lays on others."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from PIL import Image

from openmogr.cli.exit_codes import ExitCode

from .conftest import Run

URL = "http://b-1250000000.cos.ap-beijing.myqcloud.com/logo.png"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A white picture, with a red logo beside it."""
    Image.new("RGB", (80, 60), "white").save(tmp_path / "base.png")
    Image.new("RGB", (20, 10), "red").save(tmp_path / "logo.png")
    return tmp_path / "base.png"


@pytest.mark.parametrize("name", ["logo", "logo.png", "\u6c34\u5370", URL])
def test_a_name_stands_for_a_file(openmogr: Run, base: Path, tmp_path: Path, name: str) -> None:
    token = base64.urlsafe_b64encode(name.encode()).decode().rstrip("=") if "/" in name else name
    operation = f"imageMogr2/thumbnail/40x|watermark/1/image/{token}/gravity/west/dissolve/100"
    arguments = (
        base,
        "--op",
        operation,
        "--image",
        f"{name}={tmp_path / 'logo.png'}",
        "--out",
        tmp_path / "out",
    )
    result = openmogr("compress", *arguments)
    assert result.exit_code == ExitCode.OK, result.output
    with Image.open(tmp_path / "out" / "base.png") as image:
        assert (image.size, image.convert("RGB").getpixel((0, 15))) == ((40, 30), (255, 0, 0))


@pytest.mark.parametrize(
    ("operation", "images", "words"),
    [
        ("watermark/1/image/bG9nbw", [], "say --image logo=FILE"),
        ("imageMogr2/strip", ["logo=logo.png"], "does not lay the picture logo"),
        ("watermark/1/image/logo", ["logo=nothing.png"], "not a name and a file"),
        ("watermark/1/image/logo", ["logo"], "not a name and a file"),
        ("watermark/1/image/logo", ["logo=logo.png", "logo=logo.png"], "given twice"),
        ("watermark/3/type/1", [], "blind watermarks"),
    ],
)
def test_names_that_do_not_fit_are_refused(
    openmogr: Run, base: Path, monkeypatch: pytest.MonkeyPatch, operation: str, images: list[str], words: str
) -> None:
    monkeypatch.chdir(base.parent)
    options = [part for image in images for part in ("--image", image)]
    result = openmogr("compress", base, "--op", operation, *options, "--out", "out")
    assert result.exit_code == ExitCode.USAGE
    assert words in " ".join(result.output.split())
    assert not Path("out").exists()


def test_a_picture_that_is_none_has_the_status_of_sources(openmogr: Run, base: Path, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"no picture")
    logo = f"logo={tmp_path / 'logo.png'}"
    result = openmogr(
        "compress", base, "--op", "watermark/1/image/logo", "--image", logo, "--out", tmp_path / "out"
    )
    assert result.exit_code == ExitCode.NOT_AN_IMAGE
    assert "the watermark image 'logo' cannot be used" in result.output
