"""``openmogr sign``."""

from __future__ import annotations

from pathlib import Path

import click

from openmogr.cli._keys import owner_or_exit
from openmogr.cli._paths import NamedPath

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
    type=NamedPath(),
    metavar="FOLDER",
    help="Data folder of the server, where its keys lie.  [default: data]",
)
@click.option(
    "--config",
    type=NamedPath(),
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
    from openmogr.auth.signer import sign_request

    if not target.startswith("/"):
        raise click.UsageError("The path begins with a slash.")
    pairs = dict(_split(header) for header in headers)
    owner = owner_or_exit(data, config)
    click.echo(sign_request(owner, method.upper(), target, pairs, validity=expires))


def _split(header: str) -> tuple[str, str]:
    name, colon, value = header.partition(":")
    if not colon or not name.strip():
        raise click.UsageError(f"{header} is not of the form 'NAME: VALUE'.")
    return name.strip(), value.strip()
