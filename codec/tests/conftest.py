"""What every test of the package may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTDATA = ROOT / "codec" / "testdata" / "tpg"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the repository; without it the test is skipped."""
    folder = Path(os.environ.get("OPENMOGR_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"reference data not found in {folder}")
    return folder


@pytest.fixture(scope="session")
def corpus(shared: Path) -> Path:
    """Genuine TPG files."""
    return shared / "corpus" / "tpg"


@pytest.fixture(scope="session")
def malformed(shared: Path) -> Path:
    """Broken TPG files and the intact ones they were made from."""
    return shared / "vectors" / "tpg-malformed"


@pytest.fixture(scope="session")
def still() -> bytes:
    """A still of 70x51 pixels."""
    return (TESTDATA / "base_still.tpg").read_bytes()


@pytest.fixture(scope="session")
def animation() -> bytes:
    """An animation of four frames of 70x51 pixels."""
    return (TESTDATA / "base_animation.tpg").read_bytes()
