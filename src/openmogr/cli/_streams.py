"""The standard streams, which whoever starts the program may have closed."""

from __future__ import annotations

import io
import os
import sys

__all__ = ["give_up", "ready_streams"]


def ready_streams() -> None:
    """Have all three streams, which take any name of a file.

    In the place of one that is closed the next file that is opened would lie, and get what is meant for the stream.
    Reading from such an input, and writing to such an output, is refused by the system as with any closed file;
    what would be told on such an error stream is told to nobody.
    """
    for number, mode in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # the lowest number that is free
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    if sys.stdout is None:
        sys.stdout = _output(1)
    if sys.stderr is None:
        sys.stderr = _output(2)
    for stream in (sys.stdout, sys.stderr):
        # Names of files may be no text, and a terminal may not have every character.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _output(number: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedWriter(io.FileIO(number, "wb", closefd=False)), encoding="utf-8")


def give_up() -> None:
    """Drop what could not be written, which Python would try once more at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
