"""Benchmarks and calibrations write JSON that names the machine."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.common import Report, machine

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in (ROOT / "bench", ROOT / "tools" / "calibrate")
    for path in folder.glob("*.py")
    if path.name not in {"common.py", "peer_cases.py", "processes.py", "asking.py", "ray_cluster.py"}
)


def run(module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("module", PROGRAMS)
def test_every_program_can_write_json(module: str) -> None:
    text = (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    for package in ("pillow_heif", "openmogr_pixels"):
        if package in text and find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    assert "--json FILE" in run(module, "--help")


def test_the_machine_is_named() -> None:
    found = machine()
    assert set(found) == {"processor", "processors", "system", "python"}
    assert all(found.values())


def test_a_run_ends_up_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    with Report("some", argparse.Namespace(json=path, folder=tmp_path, runs=3)) as report:
        report.add("first", case="a", ms=1.5)
        report.add("first", case="b", ms=None)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["benchmark"] == "some"
    assert found["machine"] == machine()
    assert found["options"] == {"folder": str(tmp_path), "runs": 3}
    assert found["rows"] == [
        {"table": "first", "case": "a", "ms": 1.5},
        {"table": "first", "case": "b", "ms": None},
    ]


def test_a_run_that_failed_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    with pytest.raises(ZeroDivisionError), Report("some", argparse.Namespace(json=path)):
        raise ZeroDivisionError
    assert not path.exists()


def test_the_decoder_is_measured(tmp_path: Path) -> None:
    from PIL import Image
    from pillow_tpg import encode

    picture, path = tmp_path / "small.tpg", tmp_path / "decode.json"
    picture.write_bytes(encode(Image.new("RGB", (64, 48), "teal"), effort=0))
    assert "small.tpg" in run("bench.decode", "--repeat", "1", "--json", str(path), str(picture))
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert [(row["file"], row["threads"], row["pixels"]) for row in rows] == [
        ("small.tpg", 1, 64 * 48),
        ("small.tpg", 2, 64 * 48),
    ]


def test_large_pictures_are_measured(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    assert "| 0.0 |" in run("bench.large", "96", "--json", str(path))
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert [(row["table"], row["side"]) for row in rows] == [("encode", 96), ("decode", 96)]
    assert rows[1]["bytes"] == 96 * 96 * 3
    assert all(row["memory"] >= 0 and row["cpu"] > 0 for row in rows)
