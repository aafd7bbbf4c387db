"""The soak of ``bench/soak.py``, short: pictures from the wild, a fifth of them damaged, against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.alone
SECONDS = 120 if os.environ.get("CI") else 15


def test_a_mixed_load_is_answered_truly_and_memory_comes_back(shared: Path, tmp_path: Path) -> None:
    figures = tmp_path / "soak.json"
    command = [sys.executable, "-m", "bench.soak", "--seconds", str(SECONDS), "--json", str(figures)]
    command += ["--inputs", str(shared / "corpus" / "inputs"), "--clients", "4"]
    # Short runs leave codecs' first pages in the comparison; an hour's leak would not stay below.
    command += ["--growth", "1.5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())["rows"][0]
    assert found["requests"] > 20
    assert found["problems"] == 0
