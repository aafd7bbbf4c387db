"""What the exit status of a command says. ``docs/use/cli.md`` lists the same."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from openmogr.errors import (
    CosError,
    ImageResolutionExceed,
    ImageTooLarge,
    InvalidArgument,
    InvalidImageFormat,
    InvalidImageSource,
    NotSupported,
)

__all__ = ["MEANINGS", "ExitCode", "combined", "failure_code"]


class ExitCode(IntEnum):
    """Exit statuses of ``openmogr``."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    FILES = 3
    NOT_AN_IMAGE = 4
    LIMIT = 5
    CODEC_MISSING = 6
    EXISTS = 7
    OPERATION = 8
    SEVERAL = 9
    INCOMPLETE = 10
    DAMAGED = 11
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "all done",
    ExitCode.UNEXPECTED: "an error that should not happen; please report it",
    ExitCode.USAGE: "wrong options, an operation that cannot be understood, or wrong settings",
    ExitCode.FILES: "a file or folder cannot be read or written, or a port cannot be opened",
    ExitCode.NOT_AN_IMAGE: "a source or a watermark is not a picture, is damaged, or is of a kind that is not read",
    ExitCode.LIMIT: "a source or a result exceeds a limit (bytes, pixels, frames)",
    ExitCode.CODEC_MISSING: "the codec of a format is not installed",
    ExitCode.EXISTS: "an output exists already and --overwrite was not given",
    ExitCode.OPERATION: "the operation does not fit a picture",
    ExitCode.SEVERAL: "several pictures failed, for different ones of the reasons above",
    ExitCode.INCOMPLETE: "doctor found that something needed is missing",
    ExitCode.DAMAGED: "fsck, backup or restore found damage, repaired or not",
    ExitCode.INTERRUPTED: "interrupted",
}

_KINDS: tuple[tuple[type[CosError], ExitCode], ...] = (
    (InvalidImageFormat, ExitCode.NOT_AN_IMAGE),
    (InvalidImageSource, ExitCode.NOT_AN_IMAGE),
    (ImageTooLarge, ExitCode.LIMIT),
    (ImageResolutionExceed, ExitCode.LIMIT),
    (NotSupported, ExitCode.CODEC_MISSING),
    (InvalidArgument, ExitCode.OPERATION),
)


def failure_code(error: BaseException) -> ExitCode:
    """The status that an error of one image stands for."""
    if isinstance(error, FileExistsError):
        return ExitCode.EXISTS
    if isinstance(error, OSError):
        return ExitCode.FILES
    for kind, code in _KINDS:
        if isinstance(error, kind):
            return code
    return ExitCode.UNEXPECTED


def combined(codes: Iterable[ExitCode]) -> ExitCode:
    """One status for many images."""
    kinds = set(codes) - {ExitCode.OK}
    if not kinds:
        return ExitCode.OK
    return kinds.pop() if len(kinds) == 1 else ExitCode.SEVERAL
