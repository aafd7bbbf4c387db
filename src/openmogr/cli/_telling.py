"""Reports that cannot be written: said in words, whatever the command was at."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from openmogr.cli.exit_codes import ExitCode

__all__ = ["CannotTell", "alone", "telling"]


class CannotTell(click.ClickException):
    """A report, the standard output or error does not take what is to be said."""

    exit_code = ExitCode.FILES

    def __init__(self, error: OSError) -> None:
        place = f": {error.filename}" if error.filename else ""
        super().__init__(f"the report cannot be written: {error.strerror or error}{place}")


@contextmanager
def telling() -> Iterator[None]:
    """Say in words that a report cannot be written. Raises ``CannotTell``; whoever has had enough is no fault."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotTell(error) from error


@contextmanager
def alone() -> Iterator[None]:
    """Take what ended a run out of the group of the tasks that it ended."""
    try:
        yield
    except* (BrokenPipeError, CannotTell) as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
