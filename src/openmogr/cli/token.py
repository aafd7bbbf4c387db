"""``openmogr token``."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from openmogr.cli._keys import owner_or_exit
from openmogr.cli._paths import NamedPath

__all__ = ["token"]

_MAX_SECONDS = 129_600


@click.command()
@click.option(
    "--expires",
    type=click.IntRange(60, _MAX_SECONDS),
    default=1800,
    show_default=True,
    help=f"Validity, in seconds; at most {_MAX_SECONDS} (36 hours).",
)
@click.option(
    "--allow",
    "actions",
    multiple=True,
    metavar="ACTION",
    help="Allow this action only, as GetObject, name/cos:PutObject or Get*; may be repeated.",
)
@click.option(
    "--prefix",
    "resources",
    multiple=True,
    metavar="BUCKET[/PREFIX]",
    help="Allow only what begins so, as photos-1250000000/in/*; may be repeated.",
)
@click.option("--read-only", is_flag=True, help="Allow nothing that changes anything.")
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
def token(**options: object) -> None:
    """Print a temporary key pair as JSON, in the form of Tencent's GetFederationToken.

    \b
    openmogr token --allow PutObject --prefix photos-1250000000/in/*

    The server knows it by its token, which clients send as x-cos-security-token or, with S3, as
    x-amz-security-token. Nothing is stored; only another key pair of the owner takes it back before it expires.
    """
    from openmogr.auth import Grant
    from openmogr.auth.tokens import issue

    actions, resources = options["actions"], options["resources"]
    data, config, seconds = options["data"], options["config"], options["expires"]
    assert isinstance(actions, tuple)
    assert isinstance(resources, tuple)
    assert isinstance(seconds, int)
    try:
        grant = Grant(
            bool(options["read_only"]),
            tuple(map(Grant.parse_action, actions)),
            tuple(map(Grant.parse_resource, resources)),
        )
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    assert data is None or isinstance(data, Path)
    assert config is None or isinstance(config, Path)
    expires = int(time.time()) + seconds
    pair = issue(owner_or_exit(data, config), grant, expires)
    document = {
        "Credentials": {
            "Token": pair.token,
            "TmpSecretId": pair.secret_id,
            "TmpSecretKey": pair.secret_key,
        },
        "ExpiredTime": expires,
        "Expiration": datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    click.echo(json.dumps(document, indent=2))
