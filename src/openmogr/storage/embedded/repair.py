"""What can be done about a damaged data folder: damaged objects go, their bytes are kept aside, leftovers go."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from openmogr.storage.embedded.blobs import create_private, sync_folder
from openmogr.storage.embedded.fsck import Fault, Finding
from openmogr.storage.embedded.records import OBJECT_COLUMNS, PART_COLUMNS

__all__ = ["repair"]


def repair(data: Path, findings: Sequence[Finding]) -> None:
    """Take damaged objects and parts out of the index, and their blobs to ``quarantine/``; remove orphans.

    A note beside the blobs keeps all that the index knew. Blobs that a sound object uses as well stay. Interrupted
    at any moment, it can be run again. Call it with the folder locked (:func:`fsck.exclusive`).
    """
    connection = sqlite3.connect(data / "index.sqlite3", timeout=5, isolation_level=None)
    try:
        for pragma in ("synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        suspects: set[str] = set()
        for finding in findings:
            if finding.fault in (Fault.MISSING, Fault.LENGTH, Fault.CHECKSUM):
                suspects |= _take_out(data, connection, finding)
            elif finding.path is not None:
                _remove_file(data, finding.path)
            else:
                suspects |= _drop_orphan(connection, finding)
        for blob in suspects:
            _remove_unused(data, connection, blob)
    finally:
        connection.close()


def _take_out(data: Path, connection: sqlite3.Connection, finding: Finding) -> set[str]:
    """An object or part out of the index; its blobs, which have a second name in ``quarantine/`` before."""
    blobs = _blobs_of(connection, finding.content)
    folder = data / "quarantine"
    folder.mkdir(mode=0o700, exist_ok=True)
    for blob in blobs:
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            os.link(_path(data, blob), folder / blob)
    _write_note(folder, connection, finding, blobs)
    connection.execute("BEGIN IMMEDIATE")
    if finding.upload:
        connection.execute(
            "DELETE FROM parts WHERE upload = ? AND number = ?", (finding.upload, finding.number)
        )
    else:
        connection.execute(
            "DELETE FROM objects WHERE content IS ? AND bucket = (SELECT id FROM buckets WHERE name = ?)"
            " AND key = ?",
            (finding.content, finding.bucket, finding.key.encode()),
        )
    connection.execute("DELETE FROM segments WHERE content = ?", (finding.content,))
    connection.execute("COMMIT")
    return blobs


def _write_note(folder: Path, connection: sqlite3.Connection, finding: Finding, blobs: set[str]) -> None:
    columns = PART_COLUMNS if finding.upload else OBJECT_COLUMNS
    table = "parts" if finding.upload else "objects"
    row = connection.execute(
        f"SELECT {columns} FROM {table} WHERE content IS ?",  # noqa: S608  # constants
        (finding.content,),
    ).fetchone()
    known = dict(zip(columns.split(", "), row or (), strict=False)) | {"key": finding.key}
    pieces = connection.execute(
        "SELECT blob, start, length FROM segments WHERE content = ? ORDER BY position", (finding.content,)
    ).fetchall()
    note = {
        "found": str(finding),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "bucket": finding.bucket,
        "upload": finding.upload,
        "index": known,
        "pieces": pieces,
    }
    path = folder / f"{min(blobs, default='empty')}-{finding.content}.json"
    with os.fdopen(create_private(path), "w", encoding="utf-8") as stream:
        json.dump(note, stream, ensure_ascii=False, indent=2)
        stream.flush()
        os.fsync(stream.fileno())
    sync_folder(folder)


def _drop_orphan(connection: sqlite3.Connection, finding: Finding) -> set[str]:
    blobs = _blobs_of(connection, finding.content)
    connection.execute("BEGIN IMMEDIATE")
    if finding.upload:
        connection.execute(
            "DELETE FROM parts WHERE upload = ? AND number = ?", (finding.upload, finding.number)
        )
    connection.execute("DELETE FROM segments WHERE content = ?", (finding.content,))
    connection.execute("COMMIT")
    return blobs


def _blobs_of(connection: sqlite3.Connection, content: int | None) -> set[str]:
    return {row[0] for row in connection.execute("SELECT blob FROM segments WHERE content = ?", (content,))}


def _remove_unused(data: Path, connection: sqlite3.Connection, blob: str) -> None:
    if connection.execute("SELECT 1 FROM segments WHERE blob = ? LIMIT 1", (blob,)).fetchone() is None:
        _path(data, blob).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            sync_folder(_path(data, blob).parent)


def _remove_file(data: Path, path: Path) -> None:
    """A blob that nothing refers to goes; what is none is put aside, since it is somebody's."""
    if path.is_file() and path.name[-2:] == path.parent.name and len(path.name) == 32:
        path.unlink(missing_ok=True)
        return
    folder = data / "quarantine"
    folder.mkdir(mode=0o700, exist_ok=True)
    path.rename(folder / f"stray-{path.name}")


def _path(data: Path, blob: str) -> Path:
    return data / "blobs" / blob[-2:] / blob
