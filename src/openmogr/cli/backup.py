"""``openmogr backup`` and ``openmogr restore``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from openmogr.cli._paths import NamedPath
from openmogr.cli._settings import settings_or_exit
from openmogr.cli.exit_codes import ExitCode

__all__ = ["backup", "restore"]

_config = click.option(
    "--config",
    type=NamedPath(),
    metavar="FILE",
    help="TOML file with settings; OPENMOGR_CONFIG names one too.",
)


@click.command()
@click.argument("dest", type=NamedPath())
@click.option(
    "--data",
    type=NamedPath(),
    metavar="FOLDER",
    help="Data folder to back up.  [default: data]",
)
@_config
@click.option("--link", is_flag=True, help="Hard links in place of copies: no room, but the same disk.")
def backup(dest: Path, data: Path | None, config: Path | None, link: bool) -> None:
    """Copy all objects and jobs to DEST, while the server runs or not.

    DEST is a missing or empty folder, or an earlier backup, to which only what is new is copied. All that was
    acknowledged before is in it. The exit status is 11 if objects are damaged; the lines name them.
    """
    folder, databases = _data(data, config)

    from openmogr.cli._sizes import human_size
    from openmogr.storage import StorageUnusable
    from openmogr.storage.embedded.backup import back_up

    try:
        report = back_up(folder, dest.absolute(), link=link, databases=databases)
    except (StorageUnusable, OSError) as error:
        _give_up(error)
    click.echo(
        f"{report.objects} objects in {dest}: {report.copied} files copied"
        f" ({human_size(report.copied_bytes)}), {report.kept} there before"
    )
    _end("Damaged before the backup, and damaged in it (openmogr fsck says more):", report.damaged)


@click.command()
@click.argument("source", type=NamedPath())
@click.option(
    "--data",
    type=NamedPath(),
    metavar="FOLDER",
    help="Folder to make; missing or empty.  [default: data]",
)
@_config
@click.option("--force", is_flag=True, help="Restore although files of the backup are damaged.")
def restore(source: Path, data: Path | None, config: Path | None, force: bool) -> None:
    """Make a data folder from the backup in SOURCE, and check every byte of it.

    The exit status is 11 if something is damaged; the lines name the objects. Where the backup itself is damaged
    nothing is restored without --force.
    """
    folder, databases = _data(data, config)

    from openmogr.cli._sizes import human_size
    from openmogr.storage import StorageUnusable
    from openmogr.storage.embedded.restore import restore as make

    try:
        report = make(source.absolute(), folder, force=force, databases=databases)
    except (StorageUnusable, OSError) as error:
        _give_up(error)
    if report.broken and not force:
        _end("Nothing was restored, for this is damaged in the backup:", report.broken)
    click.echo(f"{report.objects} objects of {report.created} in {folder}, {human_size(report.bytes)}")
    if report.broken:
        click.echo(
            "Damaged in the backup, and restored as it is (openmogr fsck --repair puts it aside):", err=True
        )
        _lines(report.broken)
    _end("Damaged when the backup was made:", report.damaged)
    sys.exit(ExitCode.DAMAGED if report.broken else ExitCode.OK)


def _data(data: Path | None, config: Path | None) -> tuple[Path, dict[str, Path]]:
    """The data folder, and the databases that belong to it; one that is elsewhere is told of."""
    settings = settings_or_exit(config, {"storage": {"data": data}} if data is not None else None)
    if settings.storage.url:
        click.echo(
            "Objects of a store are saved by the means of the store, and the database by its own.", err=True
        )
        sys.exit(ExitCode.FILES)
    if settings.database.shared:
        place = settings.database.shown
        click.echo(f"The jobs are not in it, but in {place}, which pg_dump backs up.", err=True)
    folder = settings.storage.data.absolute()
    databases = {"jobs": settings.jobs.place(folder).absolute()}
    if not settings.database.shared:
        databases["database"] = settings.database.place(folder).absolute()
    return folder, databases


def _give_up(error: Exception) -> NoReturn:
    told = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.filename else error
    click.echo(str(told), err=True)
    sys.exit(ExitCode.FILES)


def _end(title: str, lines: Sequence[str]) -> None:
    if lines:
        click.echo(title, err=True)
        _lines(lines)
        sys.exit(ExitCode.DAMAGED)


def _lines(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo("  " + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line), err=True)
