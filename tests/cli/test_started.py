"""The command as it was started."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from openmogr.cli._started import command_as_started


@pytest.mark.parametrize(
    ("original", "program", "shown"),
    [
        (["/x/python", "/x/openmogr", "serve"], "./.venv/bin/openmogr", "./.venv/bin/openmogr"),
        (["/x/python", "/x/openmogr", "serve"], "/opt/my tools/openmogr", "'/opt/my tools/openmogr'"),
        (["/x/python", "-m", "openmogr", "serve"], "/x/openmogr/__main__.py", "/x/python -m openmogr"),
        (
            [".venv/bin/python", "-X", "dev", "-m", "openmogr.cli"],
            "/x.py",
            ".venv/bin/python -m openmogr.cli",
        ),
    ],
)
def test_it_is_shown_as_it_was_typed(original: list[str], program: str, shown: str) -> None:
    assert command_as_started(original, program) == shown


def test_what_the_shell_finds_is_shown_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "openmogr").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert shutil.which("openmogr") == str(tmp_path / "openmogr")
    assert command_as_started(["/x/python"], str(tmp_path / "openmogr")) == "openmogr"
