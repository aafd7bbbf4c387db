"""Rows of the index as the protocol's dataclasses, and back."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, TypeAlias

from openmogr.errors import NoSuchBucket
from openmogr.storage.embedded.index import Transaction
from openmogr.storage.interface import (
    Acl,
    Bucket,
    Checksum,
    ObjectAttributes,
    ObjectHeaders,
    ObjectInfo,
    Part,
    Upload,
)

__all__ = [
    "ATTRIBUTE_COLUMNS",
    "OBJECT_COLUMNS",
    "PART_COLUMNS",
    "UPLOAD_COLUMNS",
    "ObjectRow",
    "PartRow",
    "Segment",
    "UploadRow",
    "add_segments",
    "attribute_values",
    "bucket_id",
    "dump_checksum",
    "dump_tags",
    "find_bucket",
    "load_attributes",
    "load_checksum",
    "load_segments",
    "milliseconds",
    "moment",
    "now",
    "object_info",
    "part",
    "remove_content",
    "signed",
    "store_segments",
    "upload",
]

ObjectRow: TypeAlias = tuple[bytes, int, str, int, int, str, str, str, str, int]
UploadRow: TypeAlias = tuple[bytes, str, int, str, str, str, str]
PartRow: TypeAlias = tuple[int, int, str, int, int, str]

ATTRIBUTE_COLUMNS: Final = "acl, storage_class, headers, tags"
OBJECT_COLUMNS: Final = f"key, size, etag, crc64, modified, {ATTRIBUTE_COLUMNS}, appends"
UPLOAD_COLUMNS: Final = f"key, id, initiated, {ATTRIBUTE_COLUMNS}"
PART_COLUMNS: Final = "number, size, etag, crc64, modified, checksum"
# Beside the names of stored headers, in one column with them.
_CHECKSUM = "checksum"
_HEADERS = tuple(item.name for item in fields(ObjectHeaders))
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a blob: ``length`` bytes from ``start``."""

    blob: str
    start: int
    length: int


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 of a time to the millisecond."""
    return round(moment.timestamp() * 1000)


def moment(milliseconds: int) -> datetime:
    """A stored time as UTC."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def signed(crc: int) -> int:
    """An unsigned 64-bit number as SQLite keeps it."""
    return crc - (1 << 64) if crc >> 63 else crc


def attribute_values(attributes: ObjectAttributes) -> tuple[str, str, str, str]:
    """The values of ``ATTRIBUTE_COLUMNS``."""
    headers = {name: value for name in _HEADERS if (value := getattr(attributes.headers, name))}
    if attributes.checksum is not None:
        headers[_CHECKSUM] = dump_checksum(attributes.checksum)
    return attributes.acl, attributes.storage_class, _dump(headers), dump_tags(attributes.tags)


def dump_tags(tags: Mapping[str, str]) -> str:
    """Tags as stored."""
    return _dump(dict(tags)) if tags else "{}"


# Most objects share them with many others. Nobody changes what is in them.
@lru_cache(maxsize=1024)
def load_attributes(acl: str, storage_class: str, headers: str, tags: str) -> ObjectAttributes:
    stored = json.loads(headers)
    checksum = load_checksum(stored.pop(_CHECKSUM, ""))
    return ObjectAttributes(ObjectHeaders(**stored), Acl(acl), storage_class, json.loads(tags), checksum)


def dump_checksum(checksum: Checksum | None) -> str:
    """A checksum as stored: algorithm, type and value with colons between; empty for None."""
    if checksum is None:
        return ""
    return f"{checksum.algorithm}:{'composite' if checksum.composite else ''}:{checksum.value}"


def load_checksum(text: str) -> Checksum | None:
    """What :func:`dump_checksum` wrote."""
    if not text:
        return None
    algorithm, kind, value = text.split(":")
    return Checksum(algorithm, value, kind == "composite")


def object_info(bucket: str, row: ObjectRow) -> ObjectInfo:
    """A row of ``OBJECT_COLUMNS``."""
    key, size, etag, crc64, modified, acl, storage_class, headers, tags, appends = row
    return ObjectInfo(
        bucket,
        key.decode(),
        size,
        etag,
        crc64 & (1 << 64) - 1,
        moment(modified),
        load_attributes(acl, storage_class, headers, tags),
        appendable=appends > 0,
    )


def upload(bucket: str, row: UploadRow) -> Upload:
    """A row of ``UPLOAD_COLUMNS``."""
    key, identifier, initiated, acl, storage_class, headers, tags = row
    return Upload(
        bucket,
        key.decode(),
        identifier,
        moment(initiated),
        load_attributes(acl, storage_class, headers, tags),
    )


def part(row: PartRow) -> Part:
    """A row of ``PART_COLUMNS``."""
    number, size, etag, crc64, modified, checksum = row
    return Part(number, size, etag, crc64 & (1 << 64) - 1, moment(modified), load_checksum(checksum))


def find_bucket(connection: sqlite3.Connection, name: str) -> tuple[int, Bucket]:
    """A bucket and its number in the index. Raises ``NoSuchBucket``."""
    row = connection.execute(
        "SELECT id, name, region, acl, created FROM buckets WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        raise NoSuchBucket(detail=f"bucket {name!r}")
    number, name, region, acl, created = row
    return number, Bucket(name, region, Acl(acl), moment(created))


def bucket_id(connection: sqlite3.Connection, name: str) -> int:
    """The number of a bucket. Raises ``NoSuchBucket``."""
    return find_bucket(connection, name)[0]


def load_segments(connection: sqlite3.Connection, content: int | None) -> list[Segment]:
    """Where the bytes lie; an empty object has no content."""
    rows = connection.execute(
        "SELECT blob, start, length FROM segments WHERE content = ? ORDER BY position", (content,)
    )
    return [Segment(*row) for row in rows]


def store_segments(transaction: Transaction, segments: Sequence[Segment]) -> int | None:
    """Write a content; returns its number, None for an empty one."""
    if not segments:
        return None
    first, *rest = segments
    ((content,),) = transaction.connection.execute(
        "INSERT INTO segments (content, position, blob, start, length)"
        " SELECT coalesce(max(content), 0) + 1, 0, ?, ?, ? FROM segments RETURNING content",
        (first.blob, first.start, first.length),
    ).fetchall()
    transaction.keep([first.blob])
    _append_segments(transaction, content, 1, rest)
    return int(content)


def add_segments(transaction: Transaction, content: int | None, segments: Sequence[Segment]) -> int | None:
    """Add to the end of a content; returns its number. Who reads it has its own list of segments."""
    if content is None or not segments:
        return store_segments(transaction, segments) if content is None else content
    (position,) = transaction.connection.execute(
        "SELECT max(position) + 1 FROM segments WHERE content = ?", (content,)
    ).fetchone()
    _append_segments(transaction, content, position, segments)
    return content


def _append_segments(
    transaction: Transaction, content: int, position: int, segments: Sequence[Segment]
) -> None:
    if not segments:
        return
    transaction.connection.executemany(
        "INSERT INTO segments (content, position, blob, start, length) VALUES (?, ?, ?, ?, ?)",
        [
            (content, position + index, item.blob, item.start, item.length)
            for index, item in enumerate(segments)
        ],
    )
    transaction.keep([item.blob for item in segments])


def remove_content(transaction: Transaction, content: int | None) -> None:
    """Remove a content and note the blobs that nothing uses any more."""
    if content is None:
        return
    connection = transaction.connection
    blobs = {
        row[0]
        for row in connection.execute("DELETE FROM segments WHERE content = ? RETURNING blob", (content,))
    }
    for blob in blobs:
        if connection.execute("SELECT 1 FROM segments WHERE blob = ? LIMIT 1", (blob,)).fetchone() is None:
            transaction.drop([blob])
