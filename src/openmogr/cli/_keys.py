"""The server's own key pair, for commands that act in its name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openmogr.cli._settings import settings_or_exit
from openmogr.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from openmogr.auth import Credential

__all__ = ["owner_or_exit"]


def owner_or_exit(data: Path | None, config: Path | None) -> Credential:
    """The owner's key pair, from the settings or from the data folder; ends the program where there is none."""
    from openmogr.auth import load_credentials

    settings = settings_or_exit(config, {"storage": {"data": data}} if data is not None else None)
    file = settings.auth.place(settings.storage.data)
    if not settings.auth.secret_id and not file.exists():
        click.echo(f"There are no keys in {file}; the server makes them when it first starts.", err=True)
        sys.exit(ExitCode.FILES)
    try:
        return load_credentials(settings.auth, file).owner
    except (ValueError, OSError) as error:
        click.echo(f"The keys in {file} cannot be read: {error}", err=True)
        sys.exit(ExitCode.FILES)
