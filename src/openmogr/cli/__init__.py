"""The command line: ``openmogr`` with ``serve``, ``compress``, ``sign``, ``fsck``, ``backup`` and the others."""

from __future__ import annotations

import contextlib
import os
import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of the ``openmogr`` program."""
    try:
        # Takes most of the time until a command begins, in which Ctrl-C is to be answered in words, too.
        from openmogr.cli.group import run

        run()
    except KeyboardInterrupt:
        from click import echo

        from openmogr.cli.exit_codes import ExitCode

        echo("interrupted", err=True)
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or nobody reads it
            sys.stdout.flush()
        # An ordinary exit ends Python by the signal where source text was executed meanwhile, as dataclasses do.
        os._exit(ExitCode.INTERRUPTED)
