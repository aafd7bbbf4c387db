"""The package for browsers and Node, built by ``make wasm``, and what the native codec makes of the same files."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias, cast

import pillow_tpg
import pytest
from pillow_tpg import _pillow_tpg as native

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "codec/wasm/npm"
CLIENTS = ROOT / "tests/clients/node_modules"

Answer: TypeAlias = dict[str, object]


def run_node(script: str, request: object, *arguments: object, seconds: int = 300) -> Answer:
    """What a script of this folder answers to a request: JSON in, JSON out."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    command = [node, str(Path(__file__).parent / script), *map(str, arguments)]
    done = subprocess.run(
        command, input=json.dumps(request), capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, done.stderr
    return cast(Answer, json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="session")
def package() -> Path:
    if not (PACKAGE / "dist/tpg_bg.wasm").exists():
        pytest.skip("the modules of WebAssembly are not built: make wasm")
    return PACKAGE


@pytest.fixture(scope="session")
def genuine(shared: Path) -> list[Path]:
    """The genuine files, by what they are, whatever they are called."""
    files = sorted(path for path in (shared / "corpus/tpg").iterdir() if path.is_file())
    return [path for path in files if path.read_bytes().startswith(b"TPG AVS2B")]


@pytest.fixture(scope="session")
def vectors(shared: Path) -> list[Path]:
    """Streams and malformed files of the reference data."""
    found = sorted(path for path in (shared / "vectors").rglob("*") if path.suffix in {".avs", ".tpg"})
    assert found
    return found


def small_files() -> list[Path]:
    """The files and streams of the repository, broken ones too."""
    found = [
        path
        for path in (ROOT / "codec/testdata").rglob("*")
        if path.suffix in {".tpg", ".jpg", ".gif", ".avs"}
    ]
    return sorted(found)


def native_outcome(path: Path) -> Answer:
    """Sums of the frames that the native codec decodes, and why no more come."""
    frames: list[list[object]] = []
    try:
        for frame in cast(Iterator[native.Frame], native.Decoder(path.read_bytes())):
            digest = hashlib.sha256(frame.rgba()).hexdigest()
            frames.append([frame.width, frame.height, digest])
    except pillow_tpg.TpgError as error:
        return {"frames": frames, "error": str(error)}
    return {"frames": frames, "error": None}
