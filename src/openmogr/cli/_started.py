"""The command as it was started, for lines to paste."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["command_as_started"]


def command_as_started(original: Sequence[str] | None = None, program: str | None = None) -> str:
    """How the reader's shell, in the same folder, starts this program again.

    Args:
        original: the interpreter's own arguments; None: of this process.
        program: the file that was started; None: of this process.
    """
    original = sys.orig_argv if original is None else original
    program = sys.argv[0] if program is None else program
    if "-m" in original[1:-1]:
        module = original[original.index("-m") + 1]
        return shlex.join([_short(original[0]), "-m", module])
    return shlex.quote(_short(program))


def _short(program: str) -> str:
    """Only the name, where the shell finds the same file by it."""
    path = Path(program)
    found = shutil.which(path.name)
    if found is not None and Path(found).absolute() == path.absolute():
        return path.name
    return program
