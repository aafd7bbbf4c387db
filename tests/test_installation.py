"""What there is to do for an extra depends on how OpenMogr was installed."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from openmogr import installation
from openmogr.installation import how_to_add

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def from_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a wheel from PyPI was installed."""
    monkeypatch.setattr(installation, "_clone", lambda: None)


def test_an_image_has_no_pip(tmp_path: Path) -> None:
    mark = tmp_path / installation.IMAGE_MARK
    mark.parent.mkdir()
    # As the image's build writes it.
    command = [
        "basename",
        "--multiple",
        "--suffix=.txt",
        *map(str, (ROOT / "deploy" / "locked").glob("*.txt")),
    ]
    mark.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert how_to_add("heif", root=tmp_path) == "take the image whose tag ends in -heif"
    assert "deploy/Dockerfile" in how_to_add("jxl", root=tmp_path)
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    assert f"basename --multiple --suffix=.txt /locked/*.txt > /{installation.IMAGE_MARK}\n" in dockerfile


def test_a_clone_is_set_up_by_make(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Editable:
        def read_text(self, name: str) -> str:
            assert name == "direct_url.json"
            return json.dumps({"url": "file:///home/a%20b/openmogr", "dir_info": {"editable": True}})

    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Editable())
    assert how_to_add("heif", root=tmp_path) == "make -C '/home/a b/openmogr' setup"
    # Not of what `make setup` installs.
    expected = f"{sys.executable} -m pip install --editable '/home/a b/openmogr[otel]'"
    assert how_to_add("otel", root=tmp_path) == expected


def test_make_setup_installs_what_is_said_of_it() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (line,) = [line for line in makefile.splitlines() if "--editable '.[" in line]
    installed = set(line.partition("[")[2].partition("]")[0].split(","))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"])
    assert extras - (installed | {"tpg", "pixels"}) == installation.NOT_OF_A_CLONE


@pytest.mark.usefixtures("from_an_index")
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("uv-receipt.toml", "uv tool install 'openmogr[heif]'"),
        ("pipx_metadata.json", "pipx install --force 'openmogr[heif]'"),
        (None, f"{sys.executable} -m pip install 'openmogr[heif]'"),
    ],
)
def test_tools_have_ways_of_their_own(tmp_path: Path, file: str | None, expected: str) -> None:
    if file is not None:
        (tmp_path / file).touch()
    assert how_to_add("heif", root=tmp_path, prefix=tmp_path) == expected
