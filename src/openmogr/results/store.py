"""The result store: files named by their content, and an index in SQLite of which key has which.

- It is a cache: a key's result never changes, so what is found is never stale, and whatever is missing, damaged or
  cut off counts as not found. Nothing is synchronised to the disk; each file is checked when it is read.
- Its size is bounded. What was used longest ago goes first; uses are noted in memory and written in batches.
- A damaged index is thrown away with all files, and begun anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, TypeVar

from openmogr.results.interface import Entry, Readable, StoreStatistics
from openmogr.results.maybe import MaybeKeys

__all__ = ["ResultStore"]

T = TypeVar("T")
_log = logging.getLogger("openmogr.results")

_VERSION = 1
_SCHEMA = f"""
CREATE TABLE results (
    key TEXT PRIMARY KEY,
    head BLOB NOT NULL,
    content TEXT NOT NULL,
    size INTEGER NOT NULL,
    used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX results_by_use ON results (used);
CREATE INDEX results_by_content ON results (content);
PRAGMA user_version = {_VERSION};
"""

# Making room goes on below the bound, so that not every write has to.
_LOW_WATER = 0.9
# Uses that are kept in memory before they are written.
_USES = 256
# Bytes that may wait to be written while their answers are on their way.
_AHEAD = 8 << 20
# Bytes that an entry takes besides its content.
_OVERHEAD = 512
_CHUNK = 1 << 20
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
# Between two attempts to open an index that cannot be opened.
_RETRY_SECONDS = 30.0
# Nothing is written for so long after another process had the index locked: answers wait for what is written.
_LOCKED_PAUSE = 1.0
# Written by each clearing.
_CLEARED = "index.sqlite3-cleared"


class ResultStore:
    """Keeps results in a folder of its own.

    Args:
        folder: made if missing.
        max_bytes: most bytes of all contents; what is larger than a quarter of it alone is not kept.
        lock_timeout: seconds to wait for another process that has the index locked.
    """

    def __init__(self, folder: Path, max_bytes: int, *, lock_timeout: float = 0.25) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock_timeout = lock_timeout
        # One thread: SQLite has one writer anyway, and reads are short.
        self._thread = ThreadPoolExecutor(1, "openmogr-results")
        self._connection: sqlite3.Connection | None = None
        self._uses: dict[str, int] = {}
        self._touched: dict[str, int] = {}  # the event loop's, until the thread takes it
        # Bytes that were handed over, counted by the event loop, and those of them that the thread has done with.
        self._handed = self._taken = 0
        self._held = 0
        self._retry_at = 0.0
        self._write_at = 0.0
        self._hits = self._misses = self._damaged = self._evicted = 0
        # What may be in the index; None while it is not open. Only this process adds keys. Misses that it told.
        self._keys: MaybeKeys | None = None
        self._unknown = 0

    async def open(self) -> None:
        """Open the folder. Raises ``OSError`` if it cannot be used at all."""
        await self._run(self._open)

    async def close(self) -> None:
        """Write what is in memory, and close."""
        await self._run(self._close)
        self._thread.shutdown()

    async def get(self, key: str) -> Entry | None:
        """The result of a key, or None, which most often is known at once."""
        if (keys := self._keys) is not None and key not in keys:
            self._unknown += 1
            return None
        return await self._run(lambda: self._guarded(lambda: self._get(key), None))

    async def put(self, key: str, head: bytes, content: bytes | Readable) -> None:
        """Keep a result; never fails, for a result that is not kept is only made again.

        Bytes are written soon, and before what is asked for later is looked up; only while many of them are
        waiting, or where they are read from elsewhere, is it waited for.

        Args:
            key: by :func:`openmogr.results.result_key`.
            head: small; given back with the content.
            content: bytes, or what they are read from in pieces.
        """

        used = time.time_ns()
        if (keys := self._keys) is not None:
            keys.add(key)

        def work() -> None:
            self._guarded(lambda: self._put(key, head, content, used), None)

        if not isinstance(content, bytes) or self._handed - self._taken + len(content) > _AHEAD:
            await self._run(work)
            return
        size = len(content)
        self._handed += size

        def work_later() -> None:
            try:
                work()
            except Exception:
                _log.exception("a result is not remembered")
            finally:
                self._taken += size

        self._thread.submit(work_later)

    def touch(self, key: str) -> None:
        """Note that a result was used which its user had in memory."""
        self._touched[key] = time.time_ns()
        if len(self._touched) >= _USES:
            touched, self._touched = self._touched, {}
            self._thread.submit(self._take_touches, touched)

    @property
    def generation(self) -> int:
        """Another number once :meth:`clear` was called, by whatever process; cheap."""
        try:
            return (self._folder / _CLEARED).stat().st_mtime_ns
        except OSError:
            return 0

    async def clear(self) -> int:
        """Forget everything; returns how many results there were."""
        return await self._run(self._clear)

    async def statistics(self) -> StoreStatistics:
        """What is there, and what happened."""
        return await self._run(self._statistics)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # All below runs in the store's thread.

    def _take_touches(self, touched: dict[str, int]) -> None:
        self._uses |= touched
        self._hits += len(touched)

    def _guarded(self, work: Callable[[], T], otherwise: T) -> T:
        try:
            if self._connection is None and not self._reconnect():
                return otherwise
            return work()
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                _log.error("the index of results is damaged and begun anew: %s", error)
                self._begin_anew()
            else:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                    self._write_at = time.monotonic() + _LOCKED_PAUSE
                _log.warning("results are not remembered: %s", error)
        except OSError as error:
            _log.warning("results are not remembered: %s", error)
        return otherwise

    def _open(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        self._reconnect()

    def _reconnect(self) -> bool:
        """Connect, or say why not and try again later: a full disk, for one, keeps no server from its start."""
        if time.monotonic() < self._retry_at:
            return False
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._connect()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                _log.error("the index of results is damaged and begun anew: %s", error)
                self._begin_anew()
        except (sqlite3.Error, OSError) as error:
            _log.warning("results are not remembered for now: %s", error)
            self._disconnect()
            return False
        return True

    def _connect(self) -> None:
        connection = sqlite3.connect(
            self._folder / "index.sqlite3",
            timeout=self._lock_timeout,
            isolation_level=None,
            check_same_thread=False,
        )
        self._connection = connection
        for pragma in ("journal_mode = WAL", "synchronous = OFF", "cache_size = -8192"):
            connection.execute(f"PRAGMA {pragma}")
        (self._folder / "index.sqlite3").chmod(0o600)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(_SCHEMA)
        elif version != _VERSION:
            raise sqlite3.DatabaseError(f"its version is {version}, not {_VERSION}")
        self._measure()
        self._sweep(connection)
        self._keys = MaybeKeys(key for (key,) in connection.execute("SELECT key FROM results"))

    def _measure(self) -> None:
        contents = "SELECT DISTINCT content, size FROM results"
        row = self._database.execute(
            f"SELECT count(*), coalesce(sum(size), 0) FROM ({contents})"  # noqa: S608 - a constant
        ).fetchone()
        self._held = row[1] + row[0] * _OVERHEAD

    def _sweep(self, connection: sqlite3.Connection) -> None:
        """Remove files that a crash left without an entry."""
        known = {content for (content,) in connection.execute("SELECT DISTINCT content FROM results")}
        for fan in self._folder.iterdir():
            if not fan.is_dir():
                continue
            for file in fan.iterdir():
                if file.name not in known:
                    file.unlink(missing_ok=True)

    def _begin_anew(self) -> None:
        self._disconnect()
        for item in self._folder.iterdir():
            if item.is_dir():
                shutil.rmtree(item, ignore_errors=True)
            else:
                item.unlink(missing_ok=True)
        self._uses.clear()
        self._connect()

    def _disconnect(self) -> None:
        connection, self._connection, self._keys = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _close(self) -> None:
        self._take_touches(self._touched)
        if self._connection is not None:
            self._guarded(self._note_uses, None)
        self._disconnect()

    @property
    def _database(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the store is not open")
        return self._connection

    def _path(self, content: str) -> Path:
        return self._folder / content[:2] / content

    def _get(self, key: str) -> Entry | None:
        row = self._database.execute(
            "SELECT head, content, size FROM results WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            self._misses += 1
            return None
        head, content, size = row
        file = self._verified(content, size)
        if file is None:
            self._damaged += 1
            self._misses += 1
            _log.warning("a remembered result is damaged and made again: %s", content)
            self._drop(content)
            return None
        self._hits += 1
        self._uses[key] = time.time_ns()
        if len(self._uses) >= _USES:
            self._note_uses()
        return Entry(head, size, file)

    def _verified(self, content: str, size: int) -> BinaryIO | None:
        try:
            file = self._path(content).open("rb", buffering=0)
        except FileNotFoundError:
            return None
        if _hash(_file_chunks(file)) == (content, size):
            return file
        file.close()
        return None

    def _drop(self, content: str) -> None:
        """Forget a content and every key that has it."""
        gone = self._database.execute(
            "DELETE FROM results WHERE content = ? RETURNING size", (content,)
        ).fetchall()
        if gone:
            self._held -= gone[0][0] + _OVERHEAD
        self._path(content).unlink(missing_ok=True)

    def _put(self, key: str, head: bytes, content: bytes | Readable, used: int) -> None:
        name, size = _hash(_chunks(content))
        if (size + _OVERHEAD) * 4 > self._max_bytes or time.monotonic() < self._write_at:
            return
        known = self._database.execute("SELECT 1 FROM results WHERE content = ? LIMIT 1", (name,)).fetchone()
        if known is None:
            self._make_room(size + _OVERHEAD)
            self._write(name, content)
        try:
            self._database.execute(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?)",
                (key, head, name, size, used),
            )
        except sqlite3.Error:
            if known is None:
                self._path(name).unlink(missing_ok=True)
            raise
        if known is None:
            self._held += size + _OVERHEAD
        self._note_key(key)

    def _note_key(self, key: str) -> None:
        """Where the index was opened, or the filter was made anew, after the event loop handed the key over."""
        keys = self._keys
        if keys is None or keys.is_full:
            rows = self._database.execute("SELECT key FROM results")
            self._keys = MaybeKeys(key for (key,) in rows)
        elif key not in keys:
            keys.add(key)

    def _write(self, name: str, content: bytes | Readable) -> None:
        """Write the file of a content that no entry has: what is cut off here is swept, or written anew."""
        descriptor = self._made(name)
        try:
            try:
                for chunk in _chunks(content):
                    rest = memoryview(chunk)
                    while rest:
                        rest = rest[os.write(descriptor, rest) :]
            finally:
                os.close(descriptor)
        except BaseException:
            self._path(name).unlink(missing_ok=True)
            raise

    def _made(self, name: str) -> int:
        """The descriptor of a new file."""
        path = f"{self._folder}/{name[:2]}/{name}"
        try:
            return os.open(path, _NEW_FILE, 0o600)
        except FileNotFoundError:
            self._path(name).parent.mkdir(mode=0o700, exist_ok=True)
        except FileExistsError:
            # Not written over: whoever sends what was there reads on.
            self._path(name).unlink(missing_ok=True)
        return os.open(path, _NEW_FILE, 0o600)

    def _make_room(self, size: int) -> None:
        if self._held + size <= self._max_bytes:
            return
        self._note_uses()
        self._measure()  # another process may have cleared it
        while self._held + size > self._max_bytes * _LOW_WATER:
            row = self._database.execute(
                "SELECT content FROM results GROUP BY content ORDER BY max(used) LIMIT 1"
            ).fetchone()
            if row is None:
                self._held = 0
                return
            self._evicted += 1
            self._drop(row[0])

    def _note_uses(self) -> None:
        if not self._uses or time.monotonic() < self._write_at:
            return
        uses, self._uses = self._uses, {}
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            database.executemany(
                "UPDATE results SET used = ? WHERE key = ?", [(used, key) for key, used in uses.items()]
            )
        finally:
            if database.in_transaction:
                database.execute("COMMIT")

    def _clear(self) -> int:
        count = int(self._database.execute("SELECT count(*) FROM results").fetchone()[0])
        self._database.execute("DELETE FROM results")
        self._uses.clear()
        self._held = 0
        self._sweep(self._database)
        (self._folder / _CLEARED).write_text(str(time.time_ns()), encoding="ascii")
        return count

    def _statistics(self) -> StoreStatistics:
        count = 0
        if self._connection is not None:
            count = self._connection.execute("SELECT count(*) FROM results").fetchone()[0]
        return StoreStatistics(
            entries=count,
            bytes=self._held,
            max_bytes=self._max_bytes,
            hits=self._hits,
            misses=self._misses + self._unknown,
            damaged=self._damaged,
            evicted=self._evicted,
        )


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Of the index itself, its version included, and not of what it lies on."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _chunks(content: bytes | Readable) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    for start in range(0, content.size, _CHUNK):
        yield content.read(start, min(start + _CHUNK, content.size))


def _file_chunks(file: BinaryIO) -> Iterator[bytes]:
    position = 0
    while chunk := os.pread(file.fileno(), _CHUNK, position):
        yield chunk
        position += len(chunk)


def _hash(chunks: Iterable[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size
