"""The sheet of all operations in the documentation, and the command that makes it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from openmogr.errors import CosError
from openmogr.image import ImageSettings
from openmogr.image.formats.registry import CONTAINERS
from openmogr.image.language.mark import WATERMARK_PARAMETERS
from openmogr.image.language.mogr import MOGR_PARAMETERS
from openmogr.image.language.operations import ThumbnailForm
from openmogr.image.language.query import OPERATION_NAMES
from openmogr.image.language.view import VIEW_PARAMETERS
from openmogr.image.text.faces import Face
from openmogr.image.text.fonts import find_font
from tools import contact_sheet

SHOWN = [operation for _, operations in contact_sheet.OPERATIONS for operation in operations]
SHOWN_TEXT = next(operation for operation in SHOWN if operation.startswith("watermark/2"))
STAGES = [stage for operation in SHOWN for stage in operation.split("|")]


def tokens(name: str) -> set[str]:
    """All that stages of an operation hold."""
    return {token for stage in STAGES for token in stage.split("/") if stage.split("/")[0] == name}


def test_every_operation_is_shown() -> None:
    assert {stage.split("/")[0] for stage in STAGES} - {""} == set(OPERATION_NAMES)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("imageMogr2", MOGR_PARAMETERS), ("imageView2", VIEW_PARAMETERS), ("watermark", WATERMARK_PARAMETERS)],
)
def test_every_parameter_is_shown(name: str, parameters: frozenset[str]) -> None:
    assert parameters - tokens(name) == set()


def test_every_form_and_format_is_shown() -> None:
    assert set(CONTAINERS) - tokens("imageMogr2") == set()
    assert {str(mode) for mode in range(6)} - tokens("imageView2") == set()
    assert sum(stage.startswith("imageMogr2/thumbnail/") for stage in STAGES) >= len(ThumbnailForm)


def test_the_sheet_in_the_documentation() -> None:
    assert contact_sheet.SHEET.stat().st_size <= 400_000
    guide = (contact_sheet.SHEET.parent / "operations.md").read_text()
    assert f"]({contact_sheet.SHEET.name})" in guide


def test_the_sheet_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2")
    pytest.importorskip("openmogr_pixels")
    for container in CONTAINERS.values():
        try:
            container.check_writable()
        except CosError as error:
            pytest.skip(error.message)
    if find_font(Face.sans, ImageSettings().fonts) is None:
        pytest.skip("there is no font")
    # All of them, in other tests, are asked of an application in this process.
    few = (("photo.jpg", ("", "imageMogr2/scrop/150x120", SHOWN_TEXT, "imageInfo")), ("moving.gif", ("",)))
    monkeypatch.setattr(contact_sheet, "OPERATIONS", few)
    output = tmp_path / "sheet.webp"
    monkeypatch.setattr(sys, "argv", ["contact_sheet.py", "--output", str(output)])
    contact_sheet.main()
    with Image.open(output) as made, Image.open(contact_sheet.SHEET) as kept:
        assert made.width == kept.width
        assert kept.height > 10 * made.height
