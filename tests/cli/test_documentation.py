"""``docs/use/cli.md`` says what the program says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from PIL import Image

from openmogr.cli.exit_codes import MEANINGS
from openmogr.cli.group import cli

PAGE = Path(__file__).resolve().parents[2] / "docs" / "use" / "cli.md"


def test_every_exit_status_is_documented() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {int(code): text.replace("`", "") for code, text in rows}
    assert documented == {code.value: text for code, text in MEANINGS.items()}


def test_every_command_and_option_is_documented() -> None:
    text = PAGE.read_text(encoding="utf-8")
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert f"## `openmogr {name}" in text
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert all(option in text for option in parameter.opts), parameter.opts


def _cookbook() -> list[str]:
    """The commands of the cookbook, in order."""
    chapter = PAGE.read_text(encoding="utf-8").partition("### Cookbook")[2].partition("### Exit status")[0]
    return re.findall(r"^```sh\n(.*?)\n```$", chapter, re.MULTILINE | re.DOTALL)


# What is there after the command, as patterns of names.
_MADE = {
    "-f webp,avif": ["web/sample.*", "web/deep/b.*"],
    "--target-ssimulacra2": ["careful/sample.avif", "careful/deep/b.avif"],
    "--metadata copyright": ["page/sample.webp"],
    "-thumb": ["photos/sample-thumb.png", "photos/deep/b-thumb.jpg"],
    "--op imageSlim": ["photos/sample.png"],
    "--max-size": ["form/sample.jpg"],
    "poster": ["poster.tpg"],
    "- -o -": ["sample.webp"],
    "watermark": ["marked/sample.png", "marked/deep/b.jpg"],
    "--effort 8": ["archive/sample.avif", "archive/.openmogr-compress.jsonl"],
    "--dry-run": ["photos/sample.png"],
    "--compare": ["look.html", "look/sample.tpg", "look-previews/0001.webp"],
}


def test_the_cookbook_has_a_check_for_each_task() -> None:
    commands = _cookbook()
    assert len(commands) == len(_MADE) == 12
    for mark, command in zip(_MADE, commands, strict=True):
        assert mark in command


@pytest.mark.parametrize("number", range(12))
def test_the_cookbook_works(number: int, tmp_path: Path) -> None:
    pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    photo = Image.merge(
        "RGB", [Image.radial_gradient("L").resize((320, 240), box=(0, 0, 200 + n, 250)) for n in range(3)]
    )
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    photo.save(tmp_path / "photos" / "sample.png")
    photo.rotate(180).save(tmp_path / "photos" / "deep" / "b.jpg", quality=95)
    Image.new("RGBA", (40, 20), "#ff000080").save(tmp_path / "logo.png")
    before = (tmp_path / "photos" / "sample.png").stat().st_size
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = _cookbook()[number]
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for pattern in list(_MADE.values())[number]:
        assert list(tmp_path.glob(pattern)), f"{command} made no {pattern}: {done.stdout}"
    if "imageSlim" in command:
        assert (tmp_path / "photos" / "sample.png").stat().st_size < before
    if "--max-size" in command:
        assert (tmp_path / "form" / "sample.jpg").stat().st_size <= 100 * 1024
    if "--dry-run" in command:
        assert not list(tmp_path.rglob("*.tpg"))
