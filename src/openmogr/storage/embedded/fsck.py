"""A check of a data folder: every object against its checksums, the index against the blobs, the index itself.

Nothing is written here; :mod:`openmogr.storage.embedded.repair` does what can be done about what is found.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from openmogr.storage.embedded import crc64
from openmogr.storage.embedded.index import VERSION
from openmogr.storage.embedded.records import Segment, load_segments
from openmogr.storage.errors import StorageUnusable

__all__ = ["Fault", "Finding", "check", "exclusive", "index_of", "index_problems", "open_index", "shared"]

_CHUNK = 1024 * 1024
_NAME = re.compile(r"[0-9a-f]{32}")

_OBJECTS = """
SELECT b.name, o.key, o.content, o.size, o.etag, o.crc64, '', 0
FROM objects o LEFT JOIN buckets b ON b.id = o.bucket
"""
_PARTS = """
SELECT b.name, u.key, p.content, p.size, p.etag, p.crc64, p.upload, p.number
FROM parts p LEFT JOIN uploads u ON u.id = p.upload LEFT JOIN buckets b ON b.id = u.bucket
"""
_UNUSED_CONTENTS = """
SELECT DISTINCT content FROM segments
WHERE content NOT IN (SELECT content FROM objects WHERE content IS NOT NULL)
  AND content NOT IN (SELECT content FROM parts WHERE content IS NOT NULL)
"""


class Fault(StrEnum):
    """Kinds of findings."""

    INDEX = "index"  # the database itself
    MISSING = "missing"  # a blob is not there
    LENGTH = "length"  # a blob is too short, or pieces do not add up
    CHECKSUM = "checksum"  # the bytes are others
    ORPHAN = "orphan"  # nothing refers to it


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        text: what, in words.
        bucket: of the object or upload; empty where it belongs to none.
        key: likewise.
        upload: the id of the upload whose part it is; empty for objects.
        number: the part's number.
        content: the content's number in the index, where there is one.
        path: a file that nothing refers to.
    """

    fault: Fault
    text: str
    bucket: str = ""
    key: str = ""
    upload: str = ""
    number: int = 0
    content: int | None = None
    path: Path | None = None

    def __str__(self) -> str:
        place = f"{self.bucket}/{self.key}" if self.bucket else ""
        if self.upload:
            place += f" part {self.number} of upload {self.upload}"
        line = f"{self.fault}: {place}{': ' if place else ''}{self.text}"
        # One line whatever the key holds.
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)


def index_of(data: Path) -> Path:
    """The file of the index. Raises ``StorageUnusable`` where there is none."""
    path = data / "index.sqlite3"
    if not path.is_file():
        raise StorageUnusable(f"{data} is no data folder: there is no index.sqlite3")
    return path


@contextlib.contextmanager
def exclusive(data: Path) -> Iterator[None]:
    """Keep servers and backups out. Raises ``StorageUnusable`` where one is at work, or nothing is stored."""
    index_of(data)
    with _locked(data / "lock", fcntl.LOCK_EX) as alone:
        if not alone:
            raise StorageUnusable(f"{data} is in use: stop the server first")
        with _locked(data / "keep", fcntl.LOCK_EX) as unwatched:
            if not unwatched:
                raise StorageUnusable(f"a backup of {data} is under way")
            yield


@contextlib.contextmanager
def shared(data: Path) -> Iterator[bool]:
    """Whether no server is at work; then none can start meanwhile. Raises ``StorageUnusable``."""
    index_of(data)
    with _locked(data / "lock", fcntl.LOCK_SH) as idle:
        yield idle


@contextlib.contextmanager
def _locked(path: Path, kind: int) -> Iterator[bool]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            free = True
        except BlockingIOError:
            free = False
        yield free
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def open_index(data: Path) -> Iterator[sqlite3.Connection]:
    """The index, for reading, beside a server too. Raises ``StorageUnusable``."""
    path = index_of(data)
    connection = sqlite3.connect(path, timeout=5, isolation_level=None)
    try:
        connection.execute("PRAGMA query_only = ON")
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        # What is read here is the same in all of them.
        if not 1 <= version <= VERSION:
            raise StorageUnusable(
                f"{path} has version {version} of the index, and only 1 to {VERSION} are known"
            )
        yield connection
    except sqlite3.DatabaseError as error:
        raise StorageUnusable(f"{path} cannot be read: {error}; restore a backup") from error
    finally:
        connection.close()


def index_problems(connection: sqlite3.Connection) -> list[Finding]:
    """What SQLite says of the database itself; an index with problems cannot be believed further."""
    try:
        texts = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        texts += [
            f"a row of {table} refers to a row of {parent} that is not there"
            for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check")
        ]
    except sqlite3.DatabaseError as error:
        texts = [str(error)]
    return [Finding(Fault.INDEX, text) for text in texts]


def check(data: Path, connection: sqlite3.Connection, *, idle: bool) -> Iterator[Finding]:
    """Every object and part against its bytes, and every blob against the index.

    Args:
        data: the data folder.
        connection: from :func:`open_index`.
        idle: no server is at work; beside one, what was replaced or deleted meanwhile is no finding, and files that
            nothing refers to are not looked for, since uploads make such.
    """
    for query in (_OBJECTS, _PARTS):
        for row in connection.execute(query):
            finding = _check_row(data, connection, row)
            if finding is not None and not idle:
                finding = _again(data, finding)
            if finding is not None:
                yield finding
    if idle:
        for (content,) in connection.execute(_UNUSED_CONTENTS):
            yield Finding(
                Fault.ORPHAN, f"content {content} in the index belongs to no object", content=content
            )
        yield from _orphans(data, connection)


_Row = tuple[str | None, bytes | None, int | None, int, str, int, str, int]


def _check_row(data: Path, connection: sqlite3.Connection, row: _Row) -> Finding | None:
    bucket, key, content, size, etag, crc, upload, number = row
    place = (bucket or "", (key or b"").decode(errors="backslashreplace"), upload, number, content)
    if bucket is None:
        return Finding(Fault.ORPHAN, "no upload or bucket that it belongs to", *place)
    segments = load_segments(connection, content)
    total = sum(segment.length for segment in segments)
    if total != size:
        return Finding(Fault.LENGTH, f"its pieces have {total} bytes instead of {size}", *place)
    try:
        found = _digest(data, segments)
    except FileNotFoundError as error:
        return Finding(Fault.MISSING, f"{error.filename} is not there", *place)
    except EOFError as error:
        return Finding(Fault.LENGTH, str(error), *place)
    except OSError as error:
        return Finding(
            Fault.CHECKSUM, f"{error.filename or 'a blob'} cannot be read: {error.strerror}", *place
        )
    wanted = crc & (1 << 64) - 1
    if found[0] != wanted:
        return Finding(Fault.CHECKSUM, f"CRC-64 {found[0]} instead of {wanted}", *place)
    if "-" not in etag and found[1] != etag:
        return Finding(Fault.CHECKSUM, f"MD5 {found[1]} instead of {etag}", *place)
    return None


def _digest(data: Path, segments: Sequence[Segment]) -> tuple[int, str]:
    """CRC-64 and MD5 of pieces. Raises ``EOFError`` with words where a blob is too short."""
    crc, md5 = 0, hashlib.md5(usedforsecurity=False)
    for segment in segments:
        path = data / "blobs" / segment.blob[-2:] / segment.blob
        with path.open("rb") as stream:
            stream.seek(segment.start)
            left = segment.length
            while left:
                chunk = stream.read(min(_CHUNK, left))
                if not chunk:
                    raise EOFError(f"{path} is {left} bytes too short")
                left -= len(chunk)
                crc = crc64.update(crc, chunk)
                md5.update(chunk)
    return crc, md5.hexdigest()


def _again(data: Path, finding: Finding) -> Finding | None:
    """What is found now of an object or part that a server may have replaced meanwhile."""
    query = f"{_OBJECTS} WHERE b.name = ? AND o.key = ?"
    place: tuple[str | bytes | int, ...] = (finding.bucket, finding.key.encode())
    if finding.upload:
        query, place = f"{_PARTS} WHERE p.upload = ? AND p.number = ?", (finding.upload, finding.number)
    with open_index(data) as connection:
        connection.execute("BEGIN")
        row = connection.execute(query, place).fetchone()
        return None if row is None else _check_row(data, connection, row)


def _orphans(data: Path, connection: sqlite3.Connection) -> Iterator[Finding]:
    for folder in sorted((data / "blobs").glob("*")):
        for path in sorted(folder.iterdir()) if folder.is_dir() else [folder]:
            name = path.name
            proper = _NAME.fullmatch(name) is not None and folder.name == name[-2:]
            used = connection.execute("SELECT 1 FROM segments WHERE blob = ? LIMIT 1", (name,)).fetchone()
            if not proper:
                yield Finding(Fault.ORPHAN, f"{path} is no blob's file", path=path)
            elif used is None:
                yield Finding(Fault.ORPHAN, f"nothing refers to {path}", path=path)
