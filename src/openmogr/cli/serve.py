"""``openmogr serve``."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from openmogr.cli._paths import NamedPath
from openmogr.cli._settings import settings_or_exit
from openmogr.cli._started import command_as_started
from openmogr.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from openmogr.auth import Credentials
    from openmogr.settings import Settings
    from openmogr.storage import Storage

__all__ = ["serve"]


# The settings that options give.
_OPTIONS = {
    "host": ("server", "host"),
    "port": ("server", "port"),
    "data": ("storage", "data"),
    "storage": ("storage", "url"),
    "database": ("database", "url"),
}


@click.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="NUMBER",
    help="Port to listen on; 0 takes a free one.  [default: 9000]",
)
@click.option(
    "--data",
    type=NamedPath(),
    metavar="FOLDER",
    help="Folder of the objects, made if missing.  [default: data]",
)
@click.option(
    "--config",
    type=NamedPath(),
    metavar="FILE",
    help="TOML file with settings; OPENMOGR_CONFIG names one too.",
)
@click.option(
    "--database",
    metavar="URL",
    help="postgresql://user@host/name, for several servers at once; its password is better in PGPASSWORD.  [default:"
    " SQLite in the data folder]",
)
@click.option(
    "--storage",
    metavar="URL",
    help="Store of the objects: s3://bucket/folder and the like; the data folder then only has what is on its way."
    "  [default: the data folder]",
)
@click.option("--demo", is_flag=True, help="Make a public bucket with a sample photo and print URLs to try.")
def serve(config: Path | None, demo: bool, **given: object) -> None:
    """Start the server.

    Every setting can be given in a TOML file, by an environment variable OPENMOGR_... (which wins over the
    file), and the few below as options (which win over both).
    """
    overrides: dict[str, dict[str, object]] = {"server": {}, "storage": {}, "database": {}}
    for name, value in given.items():
        if value is not None:
            section, field = _OPTIONS[name]
            overrides[section][field] = value
    settings = settings_or_exit(config, overrides)
    _run(_for_everybody(settings) if demo else settings, config, demo=demo)


def _for_everybody(settings: Settings) -> Settings:
    """The settings of a demonstration, where the console works for who has not signed in, unless they say otherwise."""
    from openmogr.api.settings import Processing
    from openmogr.demo import BUCKET

    wanted = {"process": Processing.EVERYBODY, "console_bucket": BUCKET}
    given = settings.server.model_fields_set
    update = {name: value for name, value in wanted.items() if name not in given}
    return replace(settings, server=settings.server.model_copy(update=update))


def _run(settings: Settings, config: Path | None, *, demo: bool) -> None:
    from openmogr.app import create_app
    from openmogr.observe import TracingUnusable, configure_logging
    from openmogr.server import make_server
    from openmogr.storage import StorageUnusable

    configure_logging(settings.log)
    _check_storage(settings)
    with _listen(settings.server.host, settings.server.port) as listener:
        # Not earlier: keys that are made now are shown once, and a start that fails would not show them.
        credentials = _load_credentials(settings)
        port: int = listener.getsockname()[1]
        sign = _sign_command(settings, config) if demo else None
        greet = _greeting(settings, credentials, port, sign)
        try:
            app = create_app(settings, credentials=credentials, on_start=greet)
        except (TracingUnusable, StorageUnusable) as error:
            _give_up(str(error))
        operate = _listen(*settings.server.operate_place) if settings.server.operate_address else None
        server = make_server(app, settings.server, operate)
        server.run(sockets=[listener])
    if not server.started:
        _give_up("see above")


def _check_storage(settings: Settings) -> None:
    from openmogr.storage import Backend
    from openmogr.storage.embedded import inspect_storage

    if settings.storage.backend is not Backend.EMBEDDED:
        return
    report = inspect_storage(settings.storage)
    if report.problem:
        _give_up(report.problem)
    if report.in_use:
        _give_up(f"{report.data} is in use by another OpenMogr process")


def _load_credentials(settings: Settings) -> Credentials:
    from openmogr.auth import load_credentials

    file = settings.auth.place(settings.storage.data)
    try:
        return load_credentials(settings.auth, file)
    except ValueError as error:
        _give_up(str(error))
    except OSError as error:
        _give_up(f"{file}: {error.strerror}")


def _listen(host: str, port: int) -> socket.socket:
    """An open socket, so that a taken port is said in words and port 0 is known before it is printed."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        # Without the address that Python adds to the system's words.
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        _give_up(f"cannot listen on {host} port {port}: {reason}")


def _greeting(
    settings: Settings, credentials: Credentials, port: int, sign: str | None
) -> Callable[[Storage], Awaitable[None]]:
    from openmogr.demo import banner, seed

    host = settings.server.host
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    url = f"http://{shown}:{port}"

    async def greet(storage: Storage) -> None:
        if sign is not None:
            await seed(storage, region=settings.server.region)
        place = settings.storage.url or settings.storage.data.absolute()
        click.echo(f"OpenMogr listens on {url}, objects lie in {place}")
        if settings.storage.url:
            click.echo(_catalogue(settings))
        if settings.server.console:
            click.echo(f"The console is at {url}/-/console")
        if credentials.generated:
            file = settings.auth.place(settings.storage.data)
            click.echo(f"Credentials were made; they are kept in {file} and shown this once:")
            click.echo(f"  SecretId   {credentials.owner.secret_id}")
            click.echo(f"  SecretKey  {credentials.owner.secret_key}")
        if sign is not None:
            click.echo(banner(url, sign))
        sys.stdout.flush()

    return greet


def _catalogue(settings: Settings) -> str:
    """Where what is known of objects in a store lies, and what that means."""
    database = settings.database
    if database.shared:
        return f"Buckets and what is known of objects are in {database.shown}, which other servers may have in common"
    return (
        f"Buckets and what is known of objects are in {database.place(settings.storage.data).absolute()}, so that this"
        " is the only server of these objects; for several, name a PostgreSQL (--database)"
    )


def _sign_command(settings: Settings, config: Path | None) -> str:
    """``openmogr sign`` as the reader's shell takes it, with the keys from where this server has them."""
    from openmogr.settings import environment_name

    words = [command_as_started(), "sign"]
    names = [environment_name("auth", name) for name in ("secret_id", "secret_key")]
    named = config or os.environ.get("OPENMOGR_CONFIG")
    if not settings.auth.secret_id:
        words += ["--data", shlex.quote(str(settings.storage.data))]
    elif any(os.environ.get(name) for name in (*names, "OPENMOGR_AUTH_SECRET_ID")):
        # Never the keys themselves: what is printed may go to a log. The shell needs the same variables.
        words = [f'{name}="${name}"' for name in names] + words
    elif named:
        words += ["--config", shlex.quote(str(named))]
    return " ".join(words)


def _give_up(reason: str) -> NoReturn:
    click.echo(f"The server cannot start: {reason}.", err=True)
    sys.exit(ExitCode.FILES)
