"""Folders of small pictures, and the command over them."""

from __future__ import annotations

import io
import json
import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from openmogr.cli.group import cli

OP = "imageMogr2/thumbnail/40x/format/webp"


def picture(seed: int, kind: str = "PNG") -> bytes:
    """A small picture of its own."""
    numbers = random.Random(seed)
    size = numbers.randint(64, 120), numbers.randint(64, 120)
    small = Image.frombytes("RGB", (4, 4), numbers.randbytes(48))
    out = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(out, kind)
    return out.getvalue()


def make_pictures(folder: Path, count: int) -> Path:
    """So many in folders, of two formats."""
    for number in range(count):
        suffix, kind = ((".png", "PNG"), (".jpg", "JPEG"))[number % 2]
        path = folder / f"f{number % 3}" / f"p{number:04}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number, kind))
    return folder


def results(target: Path) -> dict[str, bytes]:
    """Every file of a target by its key; what runs keep for themselves is looked at, and left out."""
    state = target / ".openmogr-bulk"
    assert not list((state / "parts").iterdir()), "something is left of a result on its way"
    return {
        path.relative_to(target).as_posix(): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file() and not path.is_relative_to(state)
    }


@dataclass
class Ran:
    """A run that ended."""

    code: int
    out: str
    err: str
    summary: dict[str, Any]


def environment(**more: str) -> dict[str, str]:
    """Without the settings of the environment outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENMOGR_")}
    return {**kept, **more}


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "openmogr", "bulk", *map(str, arguments)]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs ``openmogr bulk`` to its end, in a folder of its own."""
    for name in [name for name in os.environ if name.startswith("OPENMOGR_") and name != "OPENMOGR_SHARED"]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str | Path, env: dict[str, str] | None = None) -> Ran:
        words = ["bulk", *map(str, arguments), "--json", "--quiet"]
        done = CliRunner().invoke(cli, words, env=env)
        assert isinstance(done.exception, SystemExit | None), done.exc_info
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        summary = lines[-1]["summary"] if lines else {}
        return Ran(done.exit_code, done.stdout, done.stderr, summary)

    return invoke
