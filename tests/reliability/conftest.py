"""Scripts of ``bench`` as ``docs/reliability.md`` has them, which judge what they see."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ON_LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="the scripts count processes and memory in /proc, which Linux alone has"
)

Rows = list[dict[str, object]]


def run(tmp_path: Path, name: str, *arguments: object) -> Rows:
    """The rows of a script that found everything as it should be."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", f"bench.{name}", "--json", str(figures), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows: Rows = json.loads(figures.read_text())["rows"]
    return rows
