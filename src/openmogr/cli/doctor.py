"""``openmogr doctor``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from openmogr.cli._paths import NamedPath
from openmogr.cli._settings import settings_or_exit
from openmogr.cli.exit_codes import ExitCode

__all__ = ["doctor"]


@click.command()
@click.option(
    "--data",
    type=NamedPath(file_okay=True),
    metavar="FOLDER",
    help="Data folder to look at.  [default: data]",
)
@click.option(
    "--config",
    type=NamedPath(dir_okay=False),
    metavar="FILE",
    help="TOML file with settings; OPENMOGR_CONFIG names one too.",
)
def doctor(data: Path | None, config: Path | None) -> None:
    """Report codecs, fonts, limits, storage and licences.

    Every format is tried out by writing and reading an image. The exit status is 10 if something that is
    needed is missing; extras that are not installed are only noted.
    """
    settings = settings_or_exit(config, {"storage": {"data": data}} if data is not None else None)

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from openmogr.cli import _checks
    from openmogr.cli._checks import State

    styles = {State.FINE: "green", State.NOTE: "yellow", State.MISSING: "bold red"}
    console = Console(width=None if sys.stdout.isatty() else 120)
    missing: list[str] = []
    for title, findings in (
        ("System", _checks.check_system()),
        ("Codecs", _checks.check_codecs(settings)),
        ("Fonts", _checks.check_fonts(settings)),
        ("Storage", [*_checks.check_storage(settings), *_checks.check_stores(settings)]),
        ("Limits and other numbers", _checks.check_limits(settings)),
        ("Licences and patents", _checks.licences()),
    ):
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in findings:
            table.add_row(
                Text(finding.state.value, styles[finding.state]), Text(finding.subject), Text(finding.text)
            )
            if finding.state is State.MISSING:
                missing.append(finding.subject)
        console.print(Text(title, "bold"))
        console.print(table)
        console.print()
    if missing:
        console.print(Text(f"Something needed is missing: {', '.join(missing)}.", "bold red"))
        sys.exit(ExitCode.INCOMPLETE)
    console.print(Text("Everything that is needed is here.", "green"))
