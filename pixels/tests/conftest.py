"""What every test of the package may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    """A photo of 768x512 pixels in RGB."""
    with Image.open(ROOT / "src" / "openmogr" / "demo" / "sample.png") as image:
        return image.convert("RGB")


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of pictures beside the repository; without it the test is skipped."""
    folder = Path(os.environ.get("OPENMOGR_SHARED", ROOT.parent / "shared")) / "corpus"
    if not folder.is_dir():
        pytest.skip(f"reference data not found in {folder}")
    return folder
