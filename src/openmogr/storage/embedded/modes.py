"""The data folder is its owner's alone: 0700 for folders, 0600 for files, whatever made them."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

__all__ = ["tighten"]

_log = logging.getLogger("openmogr.storage")

_FOLDERS = ("blobs", "quarantine", "results", "spool", "staging")
_FILES = (
    "credentials.json",
    "index.sqlite3",
    "index.sqlite3-journal",
    "index.sqlite3-shm",
    "index.sqlite3-wal",
    "keep",
    "lock",
    "reserve",
)


def tighten(data: Path) -> None:
    """Take away what a group and others may do with a data folder and what lies in it.

    Only with what belongs to this process's user. The folder itself is left as it is where it holds anything
    that is not the storage's, or where its setgid or sticky bit says that it is shared on purpose: what lies in
    it is closed all the same. A mount that does not take the change is no error.
    """
    names = [data / name for name in (*_FILES, *_FOLDERS)]
    names += (data / "blobs").glob("??")
    changed = [path for path in names if _close(path)]
    if _is_ours_alone(data) and _close(data):
        changed.insert(0, data)
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        _log.warning(
            "other users could open %s%s: only this user can now", ", ".join(map(str, changed[:3])), more
        )


def _close(path: Path) -> bool:
    """Whether there was something to take away."""
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid() or not found.st_mode & 0o077:
            return False
        path.chmod(stat.S_IMODE(found.st_mode) & ~0o077)
        return not path.lstat().st_mode & 0o077
    except OSError:
        return False


def _is_ours_alone(data: Path) -> bool:
    try:
        if data.stat().st_mode & (stat.S_ISGID | stat.S_ISVTX):
            return False
        return all(_is_known(entry.name) for entry in data.iterdir())
    except OSError:
        return False


def _is_known(name: str) -> bool:
    return name in _FILES or name in _FOLDERS or name.startswith(".credentials.json.")
