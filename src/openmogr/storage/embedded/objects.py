"""Objects in the index."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from openmogr.errors import NoSuchBucket, NoSuchKey
from openmogr.storage.embedded import crc64
from openmogr.storage.embedded.index import Transaction
from openmogr.storage.embedded.listing import list_page
from openmogr.storage.embedded.recent import Found
from openmogr.storage.embedded.records import (
    OBJECT_COLUMNS,
    ObjectRow,
    Segment,
    add_segments,
    attribute_values,
    bucket_id,
    dump_tags,
    moment,
    now,
    object_info,
    remove_content,
    signed,
    store_segments,
)
from openmogr.storage.errors import (
    EntityTooLarge,
    ObjectAlreadyExists,
    ObjectChanged,
    ObjectNotAppendable,
    PositionNotEqualToLength,
    TooManyAppends,
)
from openmogr.storage.interface import Acl, ObjectAttributes, ObjectInfo, ObjectList

__all__ = [
    "Entry",
    "append",
    "delete",
    "find",
    "find_with_segments",
    "list_keys",
    "set_acl",
    "set_tags",
    "write",
]


# Each is a file of its own, which readers have to open.
_MAX_APPENDS = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A write whose bytes are durable: what the index has to say of it."""

    bucket: str
    key: bytes
    segments: Sequence[Segment]
    size: int
    etag: str
    crc64: int
    attributes: ObjectAttributes
    forbid_overwrite: bool = False
    if_match: str | None = None
    modified: int | None = None


def write(transaction: Transaction, entries: Sequence[Entry]) -> list[ObjectInfo]:
    """Write all entries in order."""
    for entry in entries:
        if entry.forbid_overwrite or entry.if_match is not None:
            _check_present(transaction, entry)
    modified = now()
    return [
        _write(transaction, entry, modified if entry.modified is None else entry.modified)
        for entry in entries
    ]


def _check_present(transaction: Transaction, entry: Entry) -> None:
    connection = transaction.connection
    found = connection.execute(
        "SELECT etag FROM objects WHERE bucket = ? AND key = ?",
        (bucket_id(connection, entry.bucket), entry.key),
    ).fetchone()
    if found is not None and entry.forbid_overwrite:
        raise ObjectAlreadyExists(detail=f"key {entry.key!r}")
    if entry.if_match is not None and found is None:
        raise NoSuchKey(detail=f"key {entry.key!r}")
    if entry.if_match not in (None, *(found or ())):
        raise ObjectChanged(detail=f"key {entry.key!r}")


def _write(transaction: Transaction, entry: Entry, modified: int) -> ObjectInfo:
    connection = transaction.connection
    found = connection.execute(
        "SELECT id, content FROM buckets LEFT JOIN objects ON bucket = id AND key = ? WHERE name = ?",
        (entry.key, entry.bucket),
    ).fetchone()
    if found is None:
        raise NoSuchBucket(detail=f"bucket {entry.bucket!r}")
    bucket, old = found
    content = store_segments(transaction, entry.segments)
    connection.execute(
        "INSERT OR REPLACE INTO objects"
        " (bucket, key, content, size, etag, crc64, modified, acl, storage_class, headers, tags)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(bucket, entry.key, content, entry.size, entry.etag, signed(entry.crc64), modified),
            *attribute_values(entry.attributes),
        ),
    )
    remove_content(transaction, old)
    return ObjectInfo(
        entry.bucket,
        entry.key.decode(),
        entry.size,
        entry.etag,
        entry.crc64,
        moment(modified),
        entry.attributes,
    )


def append(transaction: Transaction, entry: Entry, position: int, max_bytes: int) -> ObjectInfo:
    """Put an entry's bytes behind an object, or make one; raises as ``Storage.append_object``."""
    connection = transaction.connection
    bucket = bucket_id(connection, entry.bucket)
    row = connection.execute(
        "SELECT content, size, etag, crc64, appends FROM objects WHERE bucket = ? AND key = ?",
        (bucket, entry.key),
    ).fetchone()
    if row is None:
        if position:
            raise PositionNotEqualToLength(detail=f"key {entry.key!r}", headers=_next_position(0))
        _write(transaction, entry, now())
        _update(transaction, entry.bucket, entry.key, "appends", 1)
        return find(connection, entry.bucket, entry.key)
    content, size, etag, crc, appends = row
    if not appends:
        raise ObjectNotAppendable(detail=f"key {entry.key!r}")
    if position != size:
        raise PositionNotEqualToLength(
            f"The position is {position}, and the length of the object {size}.", headers=_next_position(size)
        )
    if size + entry.size > max_bytes:
        raise EntityTooLarge(f"An object has at most {max_bytes} bytes.")
    if entry.size:
        if appends >= _MAX_APPENDS:
            raise TooManyAppends()
        connection.execute(
            "UPDATE objects SET content = ?, size = ?, etag = ?, crc64 = ?, modified = ?, appends = ?"
            " WHERE bucket = ? AND key = ?",
            (
                add_segments(transaction, content, entry.segments),
                size + entry.size,
                _appended_etag(etag, entry.etag, appends + 1),
                signed(crc64.combine(crc & (1 << 64) - 1, entry.crc64, entry.size)),
                now(),
                appends + 1,
                *(bucket, entry.key),
            ),
        )
    return find(connection, entry.bucket, entry.key)


def _appended_etag(before: str, piece: str, appends: int) -> str:
    """A chain of MD5s: that of all the bytes would have to read them all again, for each append."""
    both = bytes.fromhex(before.partition("-")[0]) + bytes.fromhex(piece)
    return f"{hashlib.md5(both, usedforsecurity=False).hexdigest()}-{appends}"


def _next_position(size: int) -> dict[str, str]:
    return {"x-cos-next-append-position": str(size)}


def find(connection: sqlite3.Connection, bucket: str, key: bytes) -> ObjectInfo:
    """Raises ``NoSuchKey``."""
    row = connection.execute(
        f"SELECT {OBJECT_COLUMNS} FROM objects"  # noqa: S608  # constants
        " WHERE bucket = (SELECT id FROM buckets WHERE name = ?) AND key = ?",
        (bucket, key),
    ).fetchone()
    if row is None:
        raise _missing(connection, bucket, key)
    return object_info(bucket, row)


def find_with_segments(connection: sqlite3.Connection, bucket: str, key: bytes) -> Found:
    """The same, and where the bytes lie."""
    rows = connection.execute(
        f"SELECT {OBJECT_COLUMNS}, blob, start, length FROM objects"  # noqa: S608  # constants
        " LEFT JOIN segments ON segments.content = objects.content"
        " WHERE bucket = (SELECT id FROM buckets WHERE name = ?) AND key = ? ORDER BY position",
        (bucket, key),
    ).fetchall()
    if not rows:
        raise _missing(connection, bucket, key)
    # An empty object has no content.
    segments = [Segment(*row[-3:]) for row in rows if row[-1] is not None]
    return object_info(bucket, rows[0][:-3]), segments


def _missing(connection: sqlite3.Connection, bucket: str, key: bytes) -> NoSuchKey:
    """Raises ``NoSuchBucket``."""
    bucket_id(connection, bucket)
    return NoSuchKey(detail=f"key {key!r}")


def delete(
    transaction: Transaction, name: str, keys: Sequence[bytes], modified_until: int | None = None
) -> None:
    connection = transaction.connection
    bucket = bucket_id(connection, name)
    for key in keys:
        rows = connection.execute(
            "DELETE FROM objects WHERE bucket = ? AND key = ? AND (? IS NULL OR modified <= ?) RETURNING content",
            (bucket, key, modified_until, modified_until),
        ).fetchall()
        for (content,) in rows:
            remove_content(transaction, content)


def set_acl(transaction: Transaction, bucket: str, key: bytes, acl: Acl) -> None:
    _update(transaction, bucket, key, "acl", acl)


def set_tags(transaction: Transaction, bucket: str, key: bytes, tags: dict[str, str]) -> None:
    _update(transaction, bucket, key, "tags", dump_tags(tags))


def _update(transaction: Transaction, name: str, key: bytes, column: str, value: str | int) -> None:
    connection = transaction.connection
    cursor = connection.execute(
        f"UPDATE objects SET {column} = ? WHERE bucket = ? AND key = ?",  # noqa: S608  # constants
        (value, bucket_id(connection, name), key),
    )
    if not cursor.rowcount:
        raise NoSuchKey(detail=f"key {key!r}")


def list_keys(
    connection: sqlite3.Connection, name: str, prefix: bytes, delimiter: bytes, marker: bytes, limit: int
) -> ObjectList:
    bucket = bucket_id(connection, name)

    def seek(lower: bytes, inclusive: bool, upper: bytes | None) -> Iterator[tuple[bytes, ObjectRow]]:
        query = f"SELECT {OBJECT_COLUMNS} FROM objects WHERE bucket = ?"  # noqa: S608  # constants
        query += f" AND key {'>=' if inclusive else '>'} ?{'' if upper is None else ' AND key < ?'}"
        values = (bucket, lower) if upper is None else (bucket, lower, upper)
        for row in connection.execute(query + " ORDER BY key", values):
            yield row[0], row

    page = list_page(seek, prefix, delimiter, marker, limit)
    return ObjectList(
        objects=[object_info(name, row) for row in page.items],
        common_prefixes=[item.decode() for item in page.prefixes],
        truncated=page.last is not None,
        next_marker=None if page.last is None else page.last.decode(),
    )
