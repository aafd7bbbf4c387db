"""``openmogr cache``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from openmogr.cli._paths import NamedPath
from openmogr.cli._settings import settings_or_exit
from openmogr.cli._sizes import human_size
from openmogr.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from openmogr.results import ResultSettings, ResultStore

__all__ = ["cache"]

T = TypeVar("T")

_data = click.option(
    "--data",
    type=NamedPath(),
    metavar="FOLDER",
    help="Data folder of the server.  [default: data]",
)
_config = click.option(
    "--config",
    type=NamedPath(),
    metavar="FILE",
    help="TOML file with settings; OPENMOGR_CONFIG names one too.",
)


@click.group()
def cache() -> None:
    """Look at the results of image work that a server remembers, or forget them.

    Both work beside a running server, which makes again what it misses.
    """


@cache.command()
@_data
@_config
def stats(data: Path | None, config: Path | None) -> None:
    """Print how many results are remembered, and their size."""
    settings, folder = _place(data, config)
    if not settings.max_bytes:
        click.echo("Results are not remembered: max_bytes in [results] is 0.")
    if not folder.is_dir():
        click.echo(f"There are no results in {folder}.")
        return
    found = _with_store(folder, settings, lambda store: store.statistics())
    limit = f" of at most {human_size(settings.max_bytes)}" if settings.max_bytes else ""
    click.echo(f"{_results(found.entries)}, {human_size(found.bytes)}{limit}, in {folder}")


@cache.command()
@_data
@_config
def clear(data: Path | None, config: Path | None) -> None:
    """Forget all results."""
    settings, folder = _place(data, config)
    if not folder.is_dir():
        click.echo(f"There are no results in {folder}.")
        return
    count = _with_store(folder, settings, lambda store: store.clear())
    click.echo(f"{_results(count)} forgotten")
    if settings.shared:
        click.echo("Results in common with other nodes are where they were.")


def _results(count: int) -> str:
    return "1 result" if count == 1 else f"{count} results"


def _place(data: Path | None, config: Path | None) -> tuple[ResultSettings, Path]:
    settings = settings_or_exit(config, {"storage": {"data": data}} if data is not None else None)
    return settings.results, settings.results.place(settings.storage.data)


def _with_store(folder: Path, settings: ResultSettings, work: Callable[[ResultStore], Awaitable[T]]) -> T:
    from sqlite3 import Error

    from openmogr.results import ResultStore

    async def run() -> T:
        # Nothing is put here, so that a bound of 0 does not matter.
        store = ResultStore(folder, settings.max_bytes, lock_timeout=10)
        try:
            await store.open()
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except (OSError, Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        click.echo(f"{folder} cannot be used: {reason}", err=True)
        sys.exit(ExitCode.FILES)
