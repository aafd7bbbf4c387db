"""Writing an output: whole or not at all, and over nothing that was not meant."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

__all__ = ["write_output"]

_DESCRIPTORS = Path("/proc/self/fd")


def write_output(
    target: Path, content: bytes | Path, *, overwrite: bool, times: tuple[int, int] | None = None
) -> None:
    """Put bytes, or a copy of a file, at ``target`` in one step, keeping the mode of a file that is replaced.

    Args:
        target: where; folders are made.
        content: what.
        overwrite: in the place of what is there.
        times: of the last access and change, in nanoseconds since 1970; None: now.

    Raises:
        FileExistsError: there is something already, and ``overwrite`` is false.
        OSError: it cannot be written; nothing is left behind.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write_aside(target, content, overwrite=overwrite, times=times)
    except FileExistsError as error:
        raise FileExistsError(f"{target} was made by another program meanwhile") from error
    except OSError as error:
        if isinstance(content, Path) and error.filename == str(content):
            raise
        # Nobody knows the name of the file beside it.
        raise OSError(error.errno, error.strerror, str(target)) from error


def _write_aside(
    target: Path, content: bytes | Path, *, overwrite: bool, times: tuple[int, int] | None
) -> None:
    """Write to a file beside the target, which then takes its place."""
    mode = _mode(target)
    # The system takes the umask off, which is not asked for: for a moment other threads would have none.
    descriptor, temporary = _open_aside(target, 0o666 if mode is None else 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if isinstance(content, Path):
                with content.open("rb") as source:
                    shutil.copyfileobj(source, stream)
            else:
                stream.write(content)
            stream.flush()
            os.fsync(descriptor)
            if temporary is None:
                temporary = _named(descriptor, target)
        if mode is not None:
            temporary.chmod(mode)
        if times is not None:
            os.utime(temporary, ns=times)
        if overwrite:
            temporary.replace(target)
        else:
            _place_new(temporary, target)
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _open_aside(target: Path, mode: int) -> tuple[int, Path | None]:
    """A new file in the target's folder, and its name if it has one.

    Linux has files that get a name once they are whole, so that nothing is left of a process that is killed.
    """
    nameless = getattr(os, "O_TMPFILE", 0)
    if nameless and _DESCRIPTORS.exists():
        # Not every file system has them.
        with contextlib.suppress(OSError):
            return os.open(target.parent, nameless | os.O_WRONLY, mode), None
    aside = _aside(target)
    return os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), aside


def _named(descriptor: int, target: Path) -> Path:
    """Give a name beside the target to a file that has none."""
    temporary = _aside(target)
    folder = os.open(_DESCRIPTORS, os.O_RDONLY)
    try:
        # Only with the descriptor of a folder does Python follow the link, here to the file itself.
        os.link(str(descriptor), temporary, src_dir_fd=folder)
    finally:
        os.close(folder)
    return temporary


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}.part")


def _mode(target: Path) -> int | None:
    """That of a file that is there already."""
    with contextlib.suppress(FileNotFoundError):
        return target.stat().st_mode & 0o7777
    return None


def _place_new(temporary: Path, target: Path) -> None:
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links: reserve the name, then put the file over the reservation.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        temporary.replace(target)
