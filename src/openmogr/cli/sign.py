"""``openmogr sign``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from openmogr.cli._settings import settings_or_exit
from openmogr.cli.exit_codes import ExitCode

__all__ = ["sign"]


@click.command()
@click.argument("method")
@click.argument("target", metavar="PATH[?QUERY]")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Sign this header too; may be repeated.",
)
@click.option(
    "--expires", type=click.IntRange(1), default=3600, show_default=True, help="Validity, in seconds."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Data folder of the server, where its keys lie.  [default: data]",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TOML file with settings; OPENMOGR_CONFIG names one too.",
)
def sign(
    method: str,
    target: str,
    headers: tuple[str, ...],
    expires: int,
    data: Path | None,
    config: Path | None,
) -> None:
    """Print the Authorization header of a request, for curl.

    PATH is the path of the URL as it is sent, percent-encoded, with the bucket if the URL has it there:

    \b
    curl -T a.png http://127.0.0.1:9000/examplebucket-1250000000/a.png \\
      -H "Authorization: $(openmogr sign PUT /examplebucket-1250000000/a.png)"
    """
    from openmogr.auth import load_credentials
    from openmogr.auth.signer import sign_request

    settings = settings_or_exit(config, {"storage": {"data": data}} if data is not None else None)
    file = settings.auth.place(settings.storage.data)
    if not target.startswith("/"):
        raise click.UsageError("The path begins with a slash.")
    pairs = dict(_split(header) for header in headers)
    if not settings.auth.secret_id and not file.exists():
        click.echo(f"There are no keys in {file}; the server makes them when it first starts.", err=True)
        sys.exit(ExitCode.FILES)
    try:
        owner = load_credentials(settings.auth, file).owner
    except (ValueError, OSError) as error:
        click.echo(f"The keys in {file} cannot be read: {error}", err=True)
        sys.exit(ExitCode.FILES)
    click.echo(sign_request(owner, method.upper(), target, pairs, validity=expires))


def _split(header: str) -> tuple[str, str]:
    name, colon, value = header.partition(":")
    if not colon or not name.strip():
        raise click.UsageError(f"{header} is not of the form 'NAME: VALUE'.")
    return name.strip(), value.strip()
