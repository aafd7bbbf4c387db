"""A look at a data folder from outside, for reports: nothing is created, changed or locked for long."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from openmogr.storage.settings import StorageSettings

__all__ = ["SQLITE_NEEDED", "StorageReport", "inspect_storage"]

# STRICT tables came with 3.37.
SQLITE_NEEDED = (3, 37, 0)
# To read an index that has a journal takes this much room, in bytes.
_LITTLE = 1024 * 1024
_NEED_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


@dataclass(frozen=True, slots=True)
class StorageReport:
    """What was found.

    Attributes:
        data: the folder, absolute.
        exists: whether it is there; if not, the rest speaks of the nearest folder that is.
        writable: whether this user may write there.
        in_use: whether a server has it open now.
        free: bytes that this user may still write.
        buckets: number of buckets; None without an index.
        objects: number of objects; None without an index.
        problem: why the folder or its index cannot be used, in words; empty if they can.
    """

    data: Path
    exists: bool
    writable: bool
    in_use: bool
    free: int
    buckets: int | None = None
    objects: int | None = None
    problem: str = ""


def inspect_storage(settings: StorageSettings) -> StorageReport:
    """Look at the data folder of the settings."""
    data = settings.data.absolute()
    place = next(folder for folder in (data, *data.parents) if folder.exists())
    if not place.is_dir():
        return StorageReport(data, False, False, False, 0, problem=f"{place} is not a folder")
    free = shutil.disk_usage(place).free
    writable = os.access(place, os.W_OK | os.X_OK)
    exists = place == data
    problem = "" if writable else f"no permission to write in {place}"
    index = data / "index.sqlite3"
    if problem or not index.exists():
        return StorageReport(data, exists, writable, False, free, problem=problem)
    in_use = _locked(data / "lock")
    try:
        buckets, objects = _count(index)
    except sqlite3.Error as error:
        if free < _LITTLE and getattr(error, "sqlite_errorcode", 0) & 0xFF in _NEED_ROOM:
            # Not the index is at fault; a server that starts makes room for itself.
            return StorageReport(data, exists, writable, in_use, free)
        return StorageReport(data, exists, writable, in_use, free, problem=f"{index}: {error}")
    return StorageReport(data, exists, writable, in_use, free, buckets, objects)


def _locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _count(index: Path) -> tuple[int, int]:
    # Without a journal nothing changes the index, and it can be read without files beside it, which take room.
    alone = "" if index.with_name(index.name + "-wal").exists() else "&immutable=1"
    connection = sqlite3.connect(f"{index.as_uri()}?mode=ro{alone}", uri=True, timeout=5)
    try:
        connection.execute("PRAGMA query_only = ON")
        buckets: int = connection.execute("SELECT count(*) FROM buckets").fetchone()[0]
        objects: int = connection.execute("SELECT count(*) FROM objects").fetchone()[0]
    finally:
        connection.close()
    return buckets, objects
