"""The processes that pictures are worked on in, begun while the command still finds out what it was asked to do."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openmogr.cli._names import is_folder

if TYPE_CHECKING:
    from openmogr.workers import Zygote

__all__ = ["start_early", "started_early"]

_TASK = "openmogr.engine.worker"


def start_early(
    context: click.Context, parameter: click.Parameter, paths: tuple[Path, ...]
) -> tuple[Path, ...]:
    """Start the process that others are forked from, where there may be many pictures: it takes as long to begin as
    this one.
    """
    if hasattr(os, "fork") and (len(paths) > 1 or any(is_folder(path) for path in paths)):
        from openmogr.workers import Zygote

        with suppress(OSError):  # whoever needs it will say so
            context.meta[__name__] = Zygote(_TASK)
            context.call_on_close(_end_unused)
    return paths


def started_early() -> Zygote | None:
    """That process, if there is one; it is the caller's from now on."""
    context = click.get_current_context(silent=True)
    zygote: Zygote | None = None if context is None else context.meta.pop(__name__, None)
    return zygote


def _end_unused() -> None:
    if (zygote := started_early()) is not None:
        zygote.end()
