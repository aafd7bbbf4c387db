"""The files of ``codec/desktop`` do what they are for, with the programs that read them."""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pillow_tpg
import pytest
from PIL import Image
from pillow_tpg.__main__ import main

DESKTOP = Path(__file__).resolve().parents[1] / "desktop"
PICTURES = Path(__file__).resolve().parents[1] / "testdata" / "tpg"


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str | Path, folder: Path, **variables: str) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=os.environ | {"PATH": path} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_type_joins_the_database(tmp_path: Path) -> None:
    update = program("update-mime-database")
    packages = tmp_path / "packages"
    packages.mkdir()
    shutil.copy(DESKTOP / "openmogr-tpg.xml", packages)
    run(update, tmp_path, folder=tmp_path)
    assert "80:image/tpg:" not in (tmp_path / "globs2").read_text()
    assert "50:image/tpg:*.tpg" in (tmp_path / "globs2").read_text()
    # Priority of the rule, and the bytes it looks for with their length.
    magic = (tmp_path / "magic").read_bytes()
    assert b"[80:image/tpg]\n>0=\x00\x08TPG AVS2\n" in magic


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("base_still.tpg", "version B, 70 x 51"),
        ("base_alpha.tpg", "version B, 70 x 51, with alpha"),
        ("dingdang_tpg.gif", "version B, 294 x 358, 9 frames"),
    ],
)
def test_file_knows_tpg(name: str, words: str) -> None:
    command = (program("file"), "--magic-file", DESKTOP / "tpg.magic", "--brief")
    assert run(*command, PICTURES / name, folder=PICTURES).strip() == f"TPG image data, {words}"
    assert run(*command, "--mime-type", PICTURES / name, folder=PICTURES).strip() == "image/tpg"


def test_file_takes_nothing_else_for_tpg(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"TPG of something else")
    output = run(program("file"), "-m", DESKTOP / "tpg.magic", "--brief", "other", folder=tmp_path)
    assert "TPG image data" not in output


def test_a_file_manager_gets_its_thumbnail(tmp_path: Path) -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment,method-assign]  # names are told apart by case
    entry.read(DESKTOP / "pillow-tpg.thumbnailer", encoding="utf-8")
    fields = entry["Thumbnailer Entry"]
    assert fields["MimeType"] == "image/tpg;"
    assert shlex.split(fields["Exec"])[0] == fields["TryExec"] == "pillow-tpg"
    # File managers give names without an extension.
    output = tmp_path / "thumbnail.AB12CD"
    given = {"%s": "128", "%i": str(PICTURES / "dingdang_tpg.gif"), "%o": str(output)}
    run(*(given.get(word, word) for word in shlex.split(fields["Exec"])), folder=tmp_path)
    with Image.open(output) as picture:
        assert (picture.format, picture.size) == ("PNG", (105, 128))


def test_thumbnails_of_alpha_and_small_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = PICTURES / "base_alpha.tpg", tmp_path / "out"
    assert main(["thumbnail", "--size", "500", str(source), str(output)]) == 0
    with Image.open(output) as picture:
        assert (picture.mode, picture.size) == ("RGBA", (70, 51))
        assert picture.tobytes() == pillow_tpg.decode(source.read_bytes()).rgba().tobytes()
    assert main(["thumbnail", "--size", "0", str(source), str(output)]) == 1
    assert "--size is 0" in capsys.readouterr().err


def test_imagemagick_reads_and_writes_tpg(tmp_path: Path) -> None:
    name = next((one for one in ("magick", "convert") if shutil.which(one)), "magick")
    convert = program(name)
    if "ImageMagick" not in run(convert, "-version", folder=tmp_path):
        pytest.skip(f"{name} is not ImageMagick")
    variables = {"MAGICK_CONFIGURE_PATH": str(DESKTOP)}
    run(convert, PICTURES / "base_alpha.tpg", "picture.png", folder=tmp_path, **variables)
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.size == (70, 51)
        decoded = pillow_tpg.decode((PICTURES / "base_alpha.tpg").read_bytes())
        assert picture.convert("RGBA").tobytes() == decoded.rgba().tobytes()
    run(convert, "picture.png", "again.tpg", folder=tmp_path, **variables)
    assert pillow_tpg.info((tmp_path / "again.tpg").read_bytes()).has_alpha
