"""``openmogr fsck``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openmogr.cli._paths import NamedPath
from openmogr.cli._settings import settings_or_exit
from openmogr.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from openmogr.storage.embedded.fsck import Finding

__all__ = ["fsck"]


@click.command()
@click.option(
    "--data",
    type=NamedPath(),
    metavar="FOLDER",
    help="Data folder to check.  [default: data]",
)
@click.option(
    "--config",
    type=NamedPath(),
    metavar="FILE",
    help="TOML file with settings; OPENMOGR_CONFIG names one too.",
)
@click.option(
    "--repair", is_flag=True, help="Put damaged objects aside and remove leftovers; no server may run."
)
def fsck(data: Path | None, config: Path | None, repair: bool) -> None:
    """Check every object against its checksums, and the index against the files.

    A line for each finding; the exit status is 11 if there are any, repaired or not. Without --repair nothing is
    changed, and it may run beside a server.
    """
    settings = settings_or_exit(config, {"storage": {"data": data}} if data is not None else None)
    folder = settings.storage.data.absolute()

    from openmogr.storage import Backend, StorageUnusable

    if settings.storage.backend is not Backend.EMBEDDED:
        click.echo("Objects of a store are the store's to check.", err=True)
        sys.exit(ExitCode.FILES)

    if not folder.is_dir():
        click.echo(f"{folder} is no folder", err=True)
        sys.exit(ExitCode.FILES)
    try:
        found = _repaired(folder) if repair else _checked(folder)
    except (StorageUnusable, OSError) as error:
        click.echo(str(error), err=True)
        sys.exit(ExitCode.FILES)
    if found:
        click.echo(_summary(found, repair))
        sys.exit(ExitCode.DAMAGED)
    click.echo(f"{folder}: everything is as it was stored")


def _checked(data: Path) -> list[Finding]:
    from openmogr.storage.embedded.fsck import check, index_problems, open_index, shared

    with shared(data) as idle, open_index(data) as connection:
        found = [_told(finding) for finding in index_problems(connection)]
        if not found:
            found = [_told(finding) for finding in check(data, connection, idle=idle)]
        if not idle:
            click.echo("A server is at work: files that nothing refers to were not looked for.", err=True)
    return found


def _repaired(data: Path) -> list[Finding]:
    from openmogr.storage.embedded.fsck import check, exclusive, index_problems, open_index
    from openmogr.storage.embedded.repair import repair

    with exclusive(data):
        with open_index(data) as connection:
            if [_told(finding) for finding in index_problems(connection)]:
                click.echo("The index itself is damaged: restore a backup. Nothing was changed.", err=True)
                sys.exit(ExitCode.DAMAGED)
            found = [_told(finding) for finding in check(data, connection, idle=True)]
        repair(data, found)
    return found


def _told(finding: Finding) -> Finding:
    click.echo(str(finding))
    return finding


def _summary(found: list[Finding], repaired: bool) -> str:
    count = "1 finding" if len(found) == 1 else f"{len(found)} findings"
    if not repaired:
        return f"{count}; --repair puts damaged objects aside and removes leftovers"
    return f"{count}, repaired: damaged objects are no longer served, their bytes lie in quarantine/"
