"""The files that hold objects' bytes: ``staging/`` for those on their way in, ``blobs/xx/`` for those kept.

A blob is written once, under a random name that has nothing to do with any key, and never changed. The index
says which blobs are in use; this class knows which are being read, and removes one only when it is neither.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

__all__ = ["KEEP", "BlobFiles", "create_private", "no_deletions", "sync_folder"]

# Locked while blobs are removed, or must not be.
KEEP = "keep"

_FAN_OUT = tuple(f"{number:02x}" for number in range(256))
# So many blobs in a row lie in one folder, so that those of one commit have one or two folders made durable.
_IN_A_ROW = 64


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def create_private(path: Path) -> int:
    """A descriptor of a new or emptied file for this user alone."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)


@contextlib.contextmanager
def no_deletions(data: Path) -> Iterator[None]:
    """Keep every server from removing blobs of a data folder meanwhile."""
    descriptor = os.open(data / KEEP, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


class BlobFiles:
    """All blobs under a folder. Methods block and are called in worker threads.

    Args:
        data: the folder.
        removed: called in a thread after blobs were removed, which made room.
    """

    def __init__(self, data: Path, removed: Callable[[], object]) -> None:
        self._removed = removed
        self._keep_path = data / KEEP
        self._keep: int | None = None
        self._staging = data / "staging"
        self._blobs = data / "blobs"
        # Names of this run begin alike, so that the sweep for leftovers leaves alone what is new. They go on in
        # order, so that the index writes few of its pages: no other run has the same beginning.
        self._run = secrets.token_hex(10)
        self._uploads = itertools.count()
        self._blob_count = itertools.count(secrets.randbelow(len(_FAN_OUT)) * _IN_A_ROW)
        self._unsynced: set[str] = set()
        self._pins: Counter[str] = Counter()
        self._released: deque[tuple[str, ...]] = deque()
        self._doomed: set[str] = set()
        self._remover = ThreadPoolExecutor(1, "openmogr-remove")
        # Held while an object is looked up and pinned, so that nothing is removed between the two.
        self.lock = Lock()

    def prepare(self) -> None:
        """Make the folders and drop what uploads of an earlier run left behind."""
        for folder in (self._staging, self._blobs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        there = {folder.name for folder in self._blobs.iterdir()}
        for name in _FAN_OUT:
            if name not in there:
                (self._blobs / name).mkdir(mode=0o700)
        for leftover in self._staging.iterdir():
            leftover.unlink(missing_ok=True)
        self._keep = os.open(self._keep_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        sync_folder(self._blobs)

    def new_staging_path(self) -> str:
        """A fresh name for a temporary file."""
        return f"{self._staging}/{self._run}{next(self._uploads):08x}"

    def new_name(self) -> str:
        """A name for a blob, whose file is then made durable at its place."""
        number = next(self._blob_count)
        return f"{self._run}{number:010x}{_FAN_OUT[number // _IN_A_ROW % len(_FAN_OUT)]}"

    def placed(self, name: str) -> None:
        """A blob lies durable in its place, but for its name in the folder."""
        with self.lock:
            self._unsynced.add(name)

    def withdrawn(self, name: str) -> None:
        """The same blob was removed without having been used."""
        with self.lock:
            self._unsynced.discard(name)

    def sync_names(self, names: Iterable[str]) -> None:
        """Make durable that blobs are where they are, before an index refers to them."""
        with self.lock:
            unsynced = self._unsynced.intersection(names)
        for folder in {name[-2:] for name in unsynced}:
            sync_folder(self._blobs / folder)
        with self.lock:
            self._unsynced -= unsynced

    def path(self, name: str) -> Path:
        """Where a blob lies."""
        return Path(self.place(name))

    def place(self, name: str) -> str:
        """The same as text."""
        return f"{self._blobs}/{name[-2:]}/{name}"

    def pin(self, names: Iterable[str]) -> None:
        """Keep blobs until unpinned. Call with the lock held."""
        self._count_released()
        self._pins.update(names)

    def unpin(self, names: Iterable[str]) -> None:
        """Undo a pin. Never blocks, so that the event loop and the garbage collector may call it."""
        self._released.append(tuple(names))

    def remove_soon(self) -> None:
        """Have removed what nobody uses any more. Never blocks: a file of gigabytes takes its time to go."""
        if self._doomed:
            # After closing, the sweep of the next start does it.
            with contextlib.suppress(RuntimeError):
                self._remover.submit(self._remove)

    def wait(self) -> None:
        """Wait for the removals asked for so far."""
        self._remover.submit(int).result()

    def close(self) -> None:
        """Finish the removals."""
        self._remover.shutdown()
        if self._keep is not None:
            os.close(self._keep)
            self._keep = None

    def _remove(self) -> None:
        assert self._keep is not None
        try:
            fcntl.flock(self._keep, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # A backup runs, whose index may name them: the next change or the next start removes them.
            return
        try:
            self._remove_doomed()
        finally:
            fcntl.flock(self._keep, fcntl.LOCK_UN)

    def _remove_doomed(self) -> None:
        with self.lock:
            self._count_released()
            removable = {name for name in self._doomed if name not in self._pins}
            self._doomed -= removable
        for name in removable:
            # A file that cannot be removed now is swept at the next start.
            with contextlib.suppress(OSError):
                self.path(name).unlink(missing_ok=True)
        if removable:
            self._removed()

    def settle(self, kept: Iterable[str], dropped: Iterable[str]) -> None:
        """Follow a commit of the index: blobs it refers to (again), and blobs it refers to no more."""
        with self.lock:
            self._doomed.difference_update(kept)
            self._doomed.update(dropped)
        self.remove_soon()

    def _count_released(self) -> None:
        while self._released:
            for name in self._released.popleft():
                self._pins[name] -= 1
                if self._pins[name] <= 0:
                    del self._pins[name]

    def earlier(self) -> Iterator[list[str]]:
        """Names of the blobs that earlier runs wrote, folder by folder."""
        for folder in _FAN_OUT:
            with os.scandir(self._blobs / folder) as entries:
                names = [entry.name for entry in entries if not entry.name.startswith(self._run)]
            if names:
                yield names
