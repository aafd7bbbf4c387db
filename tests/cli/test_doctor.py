"""``openmogr doctor`` and the texts of ``--help``."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from openmogr import __version__, cli
from openmogr.cli.exit_codes import MEANINGS, ExitCode
from openmogr.image import ImageSettings, native
from openmogr.image.formats.registry import TARGETS
from openmogr.image.text.faces import Face
from openmogr.image.text.fonts import find_font
from openmogr.storage import EmbeddedStorage, StorageSettings

Run = Callable[..., Result]


def line_of(result: Result, subject: str) -> str:
    return next(line for line in result.output.splitlines() if subject in line.split()[1:2])


def test_a_sound_installation(openmogr: Run, tmp_path: Path) -> None:
    result = openmogr("doctor", "--data", tmp_path / "data")
    assert result.exit_code == ExitCode.OK, result.output
    assert "Everything that is needed is here." in result.output
    assert f"openmogr    {__version__}" in result.output
    for name in TARGETS:
        line = line_of(result, name)
        if TARGETS[name].container.extra is None:
            assert line.startswith("ok")
            assert "reads and writes" in line
    for field in ImageSettings.model_fields:
        assert f"OPENMOGR_IMAGE_{field.upper()}" in result.output
    for word in ("Apache-2.0", "MIT-CMU", "BSD-3-Clause"):
        assert word in result.output
    assert "will be made" in " ".join(result.output.split())  # however long the folder's name
    assert not (tmp_path / "data").exists()


def test_an_extra_that_is_missing_is_a_note(
    openmogr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setitem(sys.modules, "pillow_tpg", None)
    result = openmogr("doctor", "--data", tmp_path)
    assert result.exit_code == ExitCode.OK, result.output
    assert line_of(result, "heif").startswith("note")
    assert "openmogr[heif]" in line_of(result, "heif")
    assert "openmogr[tpg]" in line_of(result, "tpg")


def test_without_the_native_module_there_is_a_note(
    openmogr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "AVAILABLE", False)
    result = openmogr("doctor", "--data", tmp_path)
    assert result.exit_code == ExitCode.OK, result.output
    assert line_of(result, "pixels").startswith("note")
    assert "openmogr[pixels]" in line_of(result, "pixels")


def test_something_needed_is_missing(openmogr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    result = openmogr("doctor", "--data", tmp_path)
    assert result.exit_code == ExitCode.INCOMPLETE
    assert "Something needed is missing: SQLite." in result.output


def test_limits_are_those_of_the_settings(
    openmogr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENMOGR_IMAGE_MAX_SIDE", "1234")
    (tmp_path / "openmogr.toml").write_text("[image]\nmax_frames = 7\n")
    result = openmogr("doctor", "--data", tmp_path, "--config", tmp_path / "openmogr.toml")
    assert "1,234" in line_of(result, "OPENMOGR_IMAGE_MAX_SIDE")
    assert " 7 " in line_of(result, "OPENMOGR_IMAGE_MAX_FRAMES")


def test_wrong_settings_are_all_named(openmogr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENMOGR_IMAGE_MAX_SIDE", "wide")
    monkeypatch.setenv("OPENMOGR_STORAGE_IO_THREADS", "0")
    result = openmogr("doctor", "--data", tmp_path)
    assert result.exit_code == ExitCode.USAGE
    assert "OPENMOGR_IMAGE_MAX_SIDE" in result.output
    assert "OPENMOGR_STORAGE_IO_THREADS" in result.output


def test_the_data_folder_in_words(openmogr: Run, tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def look() -> Result:
        async with EmbeddedStorage(StorageSettings(data=data)) as storage:
            await storage.create_bucket("photos-1250000000", region="ap-beijing")
            return await asyncio.to_thread(openmogr, "doctor", "--data", data)

    result = asyncio.run(look())
    assert result.exit_code == ExitCode.OK, result.output
    assert "a server is using it now" in " ".join(result.output.split())
    assert "1 buckets, 0 objects" in result.output
    result = openmogr("doctor", "--data", data)
    assert "a server is using it now" not in " ".join(result.output.split())
    assert "1 buckets, 0 objects" in result.output


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_data_folder_that_cannot_be(openmogr: Run, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("no folder")
    result = openmogr("doctor", "--data", tmp_path / place)
    assert result.exit_code == ExitCode.INCOMPLETE
    assert "is not a folder" in " ".join(result.output.split())


def test_a_damaged_index(openmogr: Run, tmp_path: Path) -> None:
    (tmp_path / "index.sqlite3").write_bytes(b"no database at all" * 100)
    result = openmogr("doctor", "--data", tmp_path)
    assert result.exit_code == ExitCode.INCOMPLETE
    assert "not a database" in " ".join(result.output.split())


def test_help_names_every_command_and_status(openmogr: Run) -> None:
    result = openmogr("--help")
    assert result.exit_code == ExitCode.OK
    for command in ("serve", "compress", "sign", "doctor"):
        assert f"openmogr {command}" in result.output
        page = openmogr(command, "--help")
        assert page.exit_code == ExitCode.OK
        assert "..." not in page.output.replace("FILE|FOLDER...", "").replace("OPENMOGR_...", "")
    text = openmogr("compress", "-h").output
    assert all(f"{code.value:3}  " in text for code in ExitCode if code is not ExitCode.INCOMPLETE)
    assert set(MEANINGS) == set(ExitCode)


def test_version(openmogr: Run) -> None:
    assert openmogr("--version").output == f"openmogr, version {__version__}\n"


def test_an_unknown_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["openmogr", "squeeze"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == ExitCode.USAGE
    assert "No such command 'squeeze'" in capsys.readouterr().err


def test_fonts_are_told_by_what_they_stand_for(
    openmogr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENMOGR_IMAGE_FONTS", str(tmp_path))
    result = openmogr("doctor", "--data", tmp_path / "data")
    assert result.exit_code == ExitCode.OK
    assert line_of(result, "sans").startswith("note")
    assert "fonts-noto-cjk" in result.output
    monkeypatch.delenv("OPENMOGR_IMAGE_FONTS")
    found = find_font(Face.sans, ImageSettings().fonts)
    if found is None:
        pytest.skip("no font with Latin and CJK glyphs is installed")
    line = line_of(openmogr("doctor", "--data", tmp_path / "data"), "sans")
    assert line.startswith("ok")
    assert found.family in line
