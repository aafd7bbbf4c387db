"""Paths and places on the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

__all__ = ["NamedPath", "place"]

# Mostly from a variable of the shell that is not set; as a path it would be the folder that the shell is in.
_EMPTY = "it is empty; say . for this folder."


class NamedPath(click.Path):
    """A path that names something. Whether that can be read is found out by who reads it."""

    def __init__(self, **kinds: bool) -> None:
        super().__init__(path_type=Path, readable=False, **kinds)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        if not os.fspath(value):
            self.fail(_EMPTY, param, ctx)
        if not self.dir_okay and os.fspath(value).endswith(os.sep):
            self.fail(f"{os.fspath(value)} names a folder, not a file.", param, ctx)
        return super().convert(value, param, ctx)


def place(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The text of a folder or a URL."""
    if value == "":
        raise click.BadParameter(_EMPTY)
    return value
