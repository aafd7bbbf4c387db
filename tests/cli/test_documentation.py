"""``docs/use/cli.md`` says what the program says."""

from __future__ import annotations

import re
from pathlib import Path

import click

from openmogr import cli
from openmogr.cli.exit_codes import MEANINGS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "use" / "cli.md"


def test_every_exit_status_is_documented() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {int(code): text.replace("`", "") for code, text in rows}
    assert documented == {code.value: text for code, text in MEANINGS.items()}


def test_every_command_and_option_is_documented() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, command in cli.cli.commands.items():
        assert f"## `openmogr {name}" in text
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert all(option in text for option in parameter.opts), parameter.opts
