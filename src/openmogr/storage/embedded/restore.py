"""A data folder from a backup, with every byte checked on its way."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from openmogr.storage.embedded.backup import (
    KEYS,
    Blob,
    blob_path,
    copy_file,
    damaged_objects,
    make_folders,
    opened,
    read_manifest,
)
from openmogr.storage.embedded.blobs import sync_folder
from openmogr.storage.errors import StorageUnusable

__all__ = ["RestoreReport", "restore"]


@dataclass(slots=True)
class RestoreReport:
    """What was done.

    Attributes:
        created: when the backup was made, UTC.
        damaged: objects that were damaged when the backup was made, as ``bucket/key: why``.
        broken: what of the backup itself is damaged, likewise; nothing was restored unless that was wanted.
    """

    created: str
    objects: int = 0
    bytes: int = 0
    damaged: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def restore(
    source: Path, data: Path, *, force: bool = False, databases: Mapping[str, Path] | None = None
) -> RestoreReport:
    """Make a data folder from a backup.

    Args:
        source: the backup.
        data: a missing or empty folder.
        force: restore even where blobs of the backup are damaged; their objects are then damaged too.
        databases: where those beside the index go, by the names that ``back_up`` was given; others stay behind.

    Raises:
        StorageUnusable: there is no backup, a database of it is damaged, or something is in the way.
    """
    manifest = read_manifest(source)
    if manifest is None:
        raise StorageUnusable(f"{source} is no backup: there is no manifest.jsonl")
    made = not data.exists()
    if not made and (not data.is_dir() or any(data.iterdir())):
        raise StorageUnusable(f"{data} is not empty")
    further = {
        path: manifest.databases[name]
        for name, path in (databases or {}).items()
        if name in manifest.databases
    }
    if taken := [path for path in further if path.exists()]:
        raise StorageUnusable(f"{taken[0]} is there already")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    report = RestoreReport(manifest.created)
    try:
        _copy(source, data, manifest.blobs.values(), report)
        index = data / "index.restored"
        _copy_sure(source, index, manifest.index)
        with opened(index) as connection:
            report.objects = connection.execute("SELECT count(*) FROM objects").fetchone()[0]
            report.damaged = list(damaged_objects(connection, manifest.blobs))
            report.broken = _with_objects(connection, report.broken)
        for path, blob in further.items():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _copy_sure(source, path, blob)
        if manifest.keys is not None:
            _copy_sure(source, data / KEYS, manifest.keys)
        if not report.broken or force:
            # Last: until then no server takes the folder for one with objects.
            index.replace(data / "index.sqlite3")
            sync_folder(data)
            return report
    except BaseException:
        _undo(data, made, further)
        raise
    _undo(data, made, further)
    return report


def _copy(source: Path, data: Path, blobs: Iterable[Blob], report: RestoreReport) -> None:
    """All blobs; the names of those that are not what the manifest says go to ``broken``."""
    make_folders(data)
    for blob in blobs:
        if blob.size < 0:  # it was missing when the backup was made
            continue
        try:
            found = copy_file(blob_path(source, blob.name), blob_path(data, blob.name), blob.name)
        except OSError:
            report.broken.append(blob.name)
            continue
        report.bytes += found.size
        if found != blob:
            report.broken.append(blob.name)
    for folder in (*(data / "blobs").iterdir(), data / "blobs"):
        sync_folder(folder)


def _copy_sure(source: Path, target: Path, wanted: Blob) -> None:
    path = source / wanted.name
    try:
        found = copy_file(path, target, wanted.name)
    except FileNotFoundError:
        raise StorageUnusable(f"{path} is missing") from None
    if found.sha256 != wanted.sha256:
        raise StorageUnusable(f"{path} is damaged")


def _with_objects(connection: sqlite3.Connection, names: list[str]) -> list[str]:
    """Blobs with the objects that need them."""
    query = (
        "SELECT DISTINCT b.name, o.key FROM segments s JOIN objects o ON o.content = s.content"
        " JOIN buckets b ON b.id = o.bucket WHERE s.blob = ? ORDER BY 1, 2"
    )
    lines: list[str] = []
    for name in names:
        users = connection.execute(query, (name,)).fetchall()
        lines += [
            f"{bucket}/{key.decode(errors='replace')}: blob {name} of the backup is missing or damaged"
            for bucket, key in users
        ] or [f"blob {name} of the backup, of an upload under way, is missing or damaged"]
    return lines


def _undo(data: Path, made: bool, databases: Iterable[Path]) -> None:
    """Leave the folder as it was found: missing or empty."""
    for path in databases:
        path.unlink(missing_ok=True)
    if made:
        shutil.rmtree(data, ignore_errors=True)
        return
    for path in data.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
