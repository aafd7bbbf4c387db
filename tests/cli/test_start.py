"""What commands import, and so how soon they begin."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from openmogr.cli.exit_codes import ExitCode
from openmogr.engine import Few, ImagePool
from openmogr.engine.pool import can_import_late
from openmogr.image import ImageSettings, Source, parse_operation
from openmogr.image.formats.registry import SUFFIXES
from openmogr.lazily import Late, names_of

# What takes longest to import; each is for something that a plain run does not do.
_HEAVY = {
    "cv2",
    "httptools",
    "numpy",
    "openmogr.api",
    "openmogr.auth",
    "openmogr.settings",
    "openmogr.storage",
    "openmogr.wire",
    "pillow_heif",
    "pillow_jxl",
    "pillow_tpg",
    "prometheus_client",
    "rich",
    "sqlite3",
    "structlog",
    "uvicorn",
}


def _imported(*arguments: str, cwd: Path) -> set[str]:
    # Measuring coverage imports much of what is looked for here.
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "COVERAGE"))}
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=True)
    # Of this process only: the one that workers are forked from has an environment of its own.
    return {match[1] for match in re.finditer(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE)}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (40, 30), (90 * number, 80, 20)).save(folder / f"{number}.jpg")
    return folder


def test_the_version_needs_hardly_anything(tmp_path: Path) -> None:
    imported = _imported("-m", "openmogr", "--version", cwd=tmp_path)
    assert "click" in imported
    assert not imported & (_HEAVY | {"asyncio", "pydantic", "PIL.Image", "openmogr.image"})


@pytest.mark.parametrize("module", ["click", "openmogr.errors", "openmogr.cli.compress.command"])
def test_ctrl_c_is_answered_in_words_from_the_first_import(module: str, tmp_path: Path) -> None:
    program = f"""
import os, signal, sys
class Finder:
    def find_spec(name, path, target=None):
        if name == "{module}":
            sys.meta_path.remove(Finder)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder)
from openmogr.cli import main
main()
"""
    command = [sys.executable, "-c", program, "compress", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (ExitCode.INTERRUPTED, "", "interrupted")


def test_the_help_of_compress_does_no_work(tmp_path: Path) -> None:
    imported = _imported("-m", "openmogr", "compress", "--help", cwd=tmp_path)
    assert not imported & (_HEAVY | {"asyncio", "pydantic", "PIL.Image"})


def test_a_run_imports_what_it_needs_only(pictures: Path, tmp_path: Path) -> None:
    command = [
        "-m",
        "openmogr",
        "compress",
        str(pictures),
        "-f",
        "webp",
        "-q",
        "50",
        "--quiet",
        "--out",
        "out",
    ]
    imported = _imported(*command, cwd=tmp_path)
    assert len(list((tmp_path / "out").glob("*.webp"))) == 3
    assert "asyncio" in imported
    # How pictures are worked on is the workers' business.
    assert imported & (_HEAVY | {"openmogr.image.processor", "openmogr.image.steps.transform"}) == set()


def test_the_process_of_the_workers_imports_what_they_need_only(tmp_path: Path) -> None:
    imported = _imported("-c", "import openmogr.workers.zygote, openmogr.engine.worker", cwd=tmp_path)
    assert "openmogr.image.processor" in imported
    assert imported & (_HEAVY | {"asyncio", "click"}) == set()


@pytest.mark.parametrize("target", ["avif", "png", "heif", "tiff"])
def test_workers_for_few_formats_import_others_when_they_come(target: str, tmp_path: Path) -> None:
    if not can_import_late():
        pytest.skip("libraries lie elsewhere here")
    if target == "heif":
        pytest.importorskip("pillow_heif")
    path = tmp_path / "ink.jpg"
    # Its colours are converted by what is not imported yet, either.
    Image.new("CMYK", (64, 48), (200, 10, 10, 0)).save(path)
    settings = ImageSettings(workers=1)

    async def made() -> bytes:
        pool = ImagePool(settings, few=Few(settings, frozenset({SUFFIXES[".jpg"]})))
        await pool.start()
        try:
            operation = parse_operation(f"imageMogr2/rradius/8/format/{target}")
            return (await pool.execute(operation, Source(path=path))).data
        finally:
            await pool.close()

    assert asyncio.run(made())


def test_a_late_module_is_the_module() -> None:
    late = Late("fractions")
    assert late.Fraction is __import__("fractions").Fraction
    assert not hasattr(late, "nothing")


def test_names_that_come_late_are_those_that_are_told() -> None:
    from openmogr import engine, image, observe, workers

    for package in (engine, image, observe, workers):
        for name in package.__all__:
            assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        names_of("openmogr.image", {"model": "Source"})("nothing")
