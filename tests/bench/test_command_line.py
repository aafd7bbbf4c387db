"""The benchmark beside native encoders finds what they take at equal quality."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.command_line import NATIVE, Point, at_equal_quality
from bench.common import ROOT


@pytest.mark.parametrize("name", ["webp", "avif"])
def test_between_two_settings(name: str) -> None:
    native = NATIVE[name]
    asked: list[int] = []

    def measure(setting: int) -> Point:
        asked.append(setting)
        quality = 50 + native.finer * (setting - 30)
        return Point(float(quality), 1000 * 2**quality, 10.0 + quality)

    for start in (30, 30 + 4 * native.finer):
        found = at_equal_quality(measure, native, start, 52.5)
        assert (found.score, found.cpu) == (52.5, 62.5)
        # Sizes grow by factors.
        assert found.size == pytest.approx(1000 * 2**52.5, rel=1e-6)
    assert len(asked) < 12


def test_the_best_setting_is_the_last() -> None:
    best = at_equal_quality(lambda setting: Point(80.0 - setting, 100, 1.0), NATIVE["avif"], 3, 95.0)
    assert best.score == 80.0


@pytest.mark.alone
@pytest.mark.skipif(shutil.which("cwebp") is None, reason="cwebp is not installed")
@pytest.mark.usefixtures("shared")
def test_both_rows_of_a_format(tmp_path: Path) -> None:
    words = [
        "--pictures",
        "2",
        "--jobs",
        "1",
        "--rounds",
        "1",
        "--judged",
        "2",
        "--formats",
        "webp",
        "--json",
    ]
    # It waits for all its children, of which a test has others.
    done = subprocess.run(
        [sys.executable, "-m", "bench.command_line", *words, str(tmp_path / "run.json")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    usual, equal = json.loads((tmp_path / "run.json").read_text())["rows"]
    assert usual["settings"] == "usual"
    assert "our_score" not in usual
    # The same library at the same setting.
    assert equal["our_score"] == pytest.approx(equal["native_score"], abs=0.1)
    assert equal["our_bytes"] == pytest.approx(equal["native_bytes"], rel=0.01)
    assert equal["size_at_equal_score"] == pytest.approx(1, abs=0.01)
    assert equal["our_cpu_seconds"] > equal["native_cpu_seconds"] > 0
    assert len([line for line in done.stdout.splitlines() if line.startswith("webp")]) == 2
