"""How far a run is, while it runs: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from openmogr.cli._sizes import human_size
from openmogr.cli.compress.run import Outcome

__all__ = ["shown_progress"]

# Between two lines where there is no terminal, in seconds.
_INTERVAL = 5.0


class Advance(Protocol):
    """Told of each picture that was done."""

    def __call__(self, outcome: Outcome, /) -> None: ...


@contextmanager
def shown_progress(total: int, *, quiet: bool) -> Iterator[Advance]:
    """Tell on standard error how many of ``total`` pictures are done, unless ``quiet``."""
    if quiet or not sys.stderr.isatty():
        yield (lambda outcome: None) if quiet else _Lines(total)
        return
    # A tenth of a second that work in other processes need not wait for.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    errors = Console(stderr=True)
    columns = (TextColumn("compressing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda outcome: bar.advance(task)


class _Lines:
    def __init__(self, total: int) -> None:
        self._total = total
        self._done = self._saved = 0
        self._begun = self._told = time.monotonic()

    def __call__(self, outcome: Outcome) -> None:
        self._done += 1
        self._saved += max(outcome.before - outcome.after, 0) if outcome.after else 0
        now = time.monotonic()
        if now - self._told < _INTERVAL or self._done == self._total:
            return
        self._told = now
        left = (now - self._begun) / self._done * (self._total - self._done)
        click.echo(
            f"{self._done} of {self._total} done, {human_size(self._saved)} saved, about {_clock(left)} left",
            err=True,
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
