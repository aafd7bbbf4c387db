"""The command line: ``openmogr`` with ``serve``, ``compress``, ``sign``, ``fsck``, ``backup`` and the others."""

from __future__ import annotations

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
        sys.exit(ExitCode.INTERRUPTED)
