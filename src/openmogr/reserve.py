"""Space that is kept back, so that a full disk can be emptied again: SQLite needs some even to delete."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from threading import Lock

__all__ = ["Reserve"]

_LEAST = 64 * 1024
# Of a small disk the reserve takes no more than this part.
_SHARE = 8


class Reserve:
    """A file that takes space until somebody needs it. Methods may be called in any thread.

    Args:
        path: the file.
        size: bytes to keep back; less where the disk is small or has less, none with 0.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self._held = 0
        self._lock = Lock()

    def make(self) -> int:
        """Take the space, as much of it as there is; returns what is held, in bytes. Cheap once all is."""
        with self._lock:
            if self._held < self._size:
                with contextlib.suppress(OSError):
                    self._grow()
            return self._held

    def release(self) -> bool:
        """Give the space back to the disk; False if there was none."""
        with self._lock:
            self._held = 0
            try:
                length = self._path.stat().st_size
                self._path.unlink()
            except OSError:
                return False
            return length > 0

    def _grow(self) -> None:
        usage = shutil.disk_usage(self._path.parent)
        self._size = min(self._size, usage.total // _SHARE)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            length = os.fstat(descriptor).st_size
            if length > self._size:
                os.ftruncate(descriptor, self._size)
            wanted = min(self._size, length + usage.free)
            # What the system calls free may be less in the end, for this user or in this folder.
            while wanted > length and wanted >= _LEAST:
                try:
                    os.posix_fallocate(descriptor, 0, wanted)
                    break
                except OSError:
                    os.ftruncate(descriptor, length)
                    wanted = length + (wanted - length) // 2
            self._held = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
