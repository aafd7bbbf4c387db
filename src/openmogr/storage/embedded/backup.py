"""A backup of a data folder that a server may be using: a snapshot of the index, and the blobs that it names.

The folder of a backup holds ``manifest.jsonl``, whose first line describes the whole and each other line a blob, the
index and other databases under names of their own, and the blobs. A new backup in the same folder adds what is new,
then replaces the manifest in one step, then removes what is no longer named: at every moment the folder holds one
whole backup.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from openmogr.storage.embedded import crc64
from openmogr.storage.embedded.blobs import create_private, no_deletions, sync_folder
from openmogr.storage.embedded.fsck import index_of, open_index
from openmogr.storage.errors import StorageUnusable

__all__ = [
    "KEYS",
    "BackupReport",
    "Blob",
    "Manifest",
    "back_up",
    "blob_path",
    "copy_file",
    "damaged_objects",
    "make_folders",
    "opened",
    "read_manifest",
]

_FORMAT = 1
_CHUNK = 1024 * 1024
_MANIFEST = "manifest.jsonl"
KEYS = "credentials.json"


@dataclass(frozen=True, slots=True)
class Blob:
    """A line of the manifest; both sums are in hex."""

    name: str
    size: int
    crc64: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds; ``databases`` are those beside the index, by the names that they were given."""

    created: str
    index: Blob
    keys: Blob | None
    blobs: dict[str, Blob]
    databases: dict[str, Blob] = field(default_factory=dict)


@dataclass(slots=True)
class BackupReport:
    """What was done.

    Attributes:
        damaged: objects that were found damaged, as ``bucket/key: why``; they are in the backup as they are.
    """

    objects: int = 0
    copied: int = 0
    copied_bytes: int = 0
    kept: int = 0
    damaged: list[str] = field(default_factory=list)


def back_up(
    data: Path, target: Path, *, link: bool = False, databases: Mapping[str, Path] | None = None
) -> BackupReport:
    """Back a data folder up.

    Args:
        data: the folder; a server may use it, and its clients notice nothing.
        target: a missing or empty folder, or an earlier backup, which becomes this one.
        link: hard links in place of copies, which take no room and no time, on the same disk.
        databases: of SQLite, beside the index, by names of letters; those that are not there are left out.

    Raises:
        StorageUnusable: the data folder cannot be read, or the target cannot take it.
        OSError: likewise, from the system.
    """
    if target == data or data in target.parents:
        raise StorageUnusable(f"{target} lies in the data folder itself")
    index_of(data)
    earlier = _prepare(target)
    with _alone(target), no_deletions(data):
        # Before the index: what they say was done is in it then.
        further = {
            name: _snapshot_of(path, target, name)
            for name, path in (databases or {}).items()
            if path.exists()
        }
        with open_index(data) as source:
            index = _snapshot(source, target, "index")
        report = BackupReport()
        blobs: dict[str, Blob] = {}
        with opened(target / index.name) as connection:
            report.objects = connection.execute("SELECT count(*) FROM objects").fetchone()[0]
            for name in _names(connection):
                blobs[name] = _take(data, target, name, earlier, report, link=link)
            report.damaged = list(damaged_objects(connection, blobs))
        _sync_tree(target)
        manifest = Manifest(_now(), index, _copy_keys(data, target), blobs, further)
        _write_manifest(target, manifest)
        _remove_others(target, manifest)
    return report


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a backup; None where there is none. Raises ``StorageUnusable`` for one that is not understood."""
    path = folder / _MANIFEST
    try:
        with path.open(encoding="utf-8") as stream:
            head = json.loads(stream.readline())
            if head["format"] != _FORMAT:
                raise StorageUnusable(f"{path} is of another version of OpenMogr")
            blobs = {blob.name: blob for blob in (Blob(**json.loads(line)) for line in stream)}
        if len(blobs) != head["blobs"]:
            raise StorageUnusable(f"{path} names {len(blobs)} blobs instead of {head['blobs']}")
        keys = Blob(**head["keys"]) if head["keys"] else None
        databases = {name: Blob(**item) for name, item in head.get("databases", {}).items()}
        return Manifest(head["created"], Blob(**head["index"]), keys, blobs, databases)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise StorageUnusable(f"{path} is damaged: {error!r}") from error


def blob_path(folder: Path, name: str) -> Path:
    """Where a blob lies, in a data folder as in a backup."""
    return folder / "blobs" / name[-2:] / name


def make_folders(folder: Path) -> None:
    """Those of blobs."""
    for path in (folder / "blobs", *(blob_path(folder, f"{number:02x}").parent for number in range(256))):
        path.mkdir(mode=0o700, exist_ok=True)


def copy_file(source: Path, target: Path, name: str) -> Blob:
    """Copy durably, all at once; what was copied."""
    sums, crc, size = hashlib.sha256(), 0, 0
    partial = target.with_name(target.name + ".part")
    with source.open("rb") as reader, os.fdopen(create_private(partial), "wb") as writer:
        while chunk := reader.read(_CHUNK):
            writer.write(chunk)
            sums.update(chunk)
            crc = crc64.update(crc, chunk)
            size += len(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    partial.replace(target)
    return Blob(name, size, f"{crc:016x}", sums.hexdigest())


def _prepare(target: Path) -> dict[str, Blob]:
    """Make the folder; what an earlier backup in it has."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    manifest = read_manifest(target)
    # The first backup may have been interrupted: then there is a lock and no manifest.
    if manifest is None and any(target.iterdir()) and not (target / "lock").exists():
        raise StorageUnusable(f"{target} is neither empty nor a backup")
    if (target / "index.sqlite3").exists():
        raise StorageUnusable(f"{target} is a data folder")
    make_folders(target)
    return {} if manifest is None else manifest.blobs


@contextlib.contextmanager
def _alone(target: Path) -> Iterator[None]:
    descriptor = os.open(target / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StorageUnusable(f"another backup to {target} is under way") from None
    finally:
        os.close(descriptor)


def _snapshot_of(path: Path, target: Path, name: str) -> Blob:
    """The same of a database that is not open. Raises ``StorageUnusable``."""
    with contextlib.closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as source:
        try:
            source.execute("PRAGMA query_only = ON")
            return _snapshot(source, target, name)
        except sqlite3.DatabaseError as error:
            raise StorageUnusable(f"{path} cannot be read: {error}") from error


def _snapshot(source: sqlite3.Connection, target: Path, kind: str) -> Blob:
    """A snapshot of a database in one file, named by its kind and content."""
    fresh = target / f"{kind}.part"
    for ending in ("", "-journal", "-wal", "-shm"):
        (target / f"{fresh.name}{ending}").unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with contextlib.closing(sqlite3.connect(fresh)) as copy:
        source.backup(copy)
        # One file, without a journal beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
    with fresh.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        os.fsync(stream.fileno())
    named = target / f"{kind}-{digest[:32]}.sqlite3"
    fresh.replace(named)
    return Blob(named.name, named.stat().st_size, "", digest)


def _copy_keys(data: Path, target: Path) -> Blob | None:
    """The server's keys, if they lie in the data folder, under a name of their own like the index."""
    if not (data / KEYS).exists():
        return None
    fresh = target / "credentials.fresh"
    blob = copy_file(data / KEYS, fresh, "")
    named = target / f"credentials-{blob.sha256[:32]}.json"
    fresh.replace(named)
    return replace(blob, name=named.name)


@contextlib.contextmanager
def opened(index: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(f"{index.as_uri()}?immutable=1", uri=True)) as connection:
        yield connection


def _names(connection: sqlite3.Connection) -> Iterable[str]:
    return (row[0] for row in connection.execute("SELECT DISTINCT blob FROM segments"))


def _take(
    data: Path, target: Path, name: str, earlier: dict[str, Blob], report: BackupReport, *, link: bool
) -> Blob:
    """One blob into the backup, unless it is there. Blobs never change, so a name and a size say enough."""
    place, source = blob_path(target, name), blob_path(data, name)
    known = earlier.get(name)
    with contextlib.suppress(FileNotFoundError):
        if known is not None and place.stat().st_size == known.size:
            report.kept += 1
            return known
    try:
        blob = _link(source, place, name) if link else copy_file(source, place, name)
    except FileNotFoundError:
        return Blob(name, -1, "", "")
    report.copied += 1
    report.copied_bytes += blob.size
    return blob


def _link(source: Path, place: Path, name: str) -> Blob:
    place.unlink(missing_ok=True)
    os.link(source, place)
    sums, crc, size = hashlib.sha256(), 0, 0
    with place.open("rb") as reader:
        while chunk := reader.read(_CHUNK):
            sums.update(chunk)
            crc = crc64.update(crc, chunk)
            size += len(chunk)
    return Blob(name, size, f"{crc:016x}", sums.hexdigest())


def damaged_objects(connection: sqlite3.Connection, blobs: dict[str, Blob]) -> Iterator[str]:
    """Objects whose blobs are missing or have other sums, where whole blobs make them up."""
    rows = connection.execute(
        "SELECT b.name, o.key, o.crc64, s.blob, s.start, s.length FROM objects o"
        " JOIN buckets b ON b.id = o.bucket JOIN segments s ON s.content = o.content"
        " ORDER BY o.bucket, o.key, s.position"
    )
    last: tuple[str, bytes, int] | None = None
    crc: int | None = 0
    for bucket, key, wanted, name, start, length in rows:
        if last is not None and last[:2] != (bucket, key):
            yield from _differs(last, crc)
            crc = 0
        last = (bucket, key, wanted)
        blob = blobs[name]
        if blob.size < start + length:
            crc = -1
        elif start or blob.size != length:
            crc = None if crc != -1 else crc
        elif crc not in (None, -1):
            crc = crc64.combine(crc or 0, int(blob.crc64, 16), length)
    if last is not None:
        yield from _differs(last, crc)


def _differs(row: tuple[str, bytes, int], crc: int | None) -> Iterator[str]:
    bucket, key, wanted = row
    if crc == -1:
        yield f"{bucket}/{key.decode(errors='replace')}: its file is missing or too short"
    elif crc is not None and crc != wanted & (1 << 64) - 1:
        yield f"{bucket}/{key.decode(errors='replace')}: its bytes have another CRC-64"


def _sync_tree(target: Path) -> None:
    for folder in (target / "blobs").iterdir():
        sync_folder(folder)
    sync_folder(target / "blobs")


def _write_manifest(target: Path, manifest: Manifest) -> None:
    head = {
        "format": _FORMAT,
        "created": manifest.created,
        "index": asdict(manifest.index),
        "keys": None if manifest.keys is None else asdict(manifest.keys),
        "databases": {name: asdict(blob) for name, blob in manifest.databases.items()},
        "blobs": len(manifest.blobs),
    }
    partial = target / f"{_MANIFEST}.part"
    with os.fdopen(create_private(partial), "w", encoding="utf-8") as stream:
        for line in (head, *map(asdict, manifest.blobs.values())):
            stream.write(json.dumps(line) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(target / _MANIFEST)
    sync_folder(target)


def _remove_others(target: Path, manifest: Manifest) -> None:
    named = {manifest.index.name, *(blob.name for blob in manifest.databases.values())}
    named.add("" if manifest.keys is None else manifest.keys.name)
    for path in (*target.glob("*-*.sqlite3"), *target.glob("credentials-*.json")):
        if path.name not in named:
            path.unlink()
    for path in (target / "blobs").glob("??/*"):
        if path.name not in manifest.blobs:
            path.unlink() if path.is_file() else shutil.rmtree(path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
