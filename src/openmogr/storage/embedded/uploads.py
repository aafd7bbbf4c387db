"""Multipart uploads in the index."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from openmogr.storage.embedded.index import Transaction
from openmogr.storage.embedded.listing import list_page
from openmogr.storage.embedded.records import (
    PART_COLUMNS,
    UPLOAD_COLUMNS,
    Segment,
    UploadRow,
    attribute_values,
    bucket_id,
    dump_checksum,
    load_segments,
    now,
    part,
    remove_content,
    signed,
    store_segments,
    upload,
)
from openmogr.storage.errors import EntityTooSmall, InvalidPart, InvalidPartOrder, NoSuchUpload
from openmogr.storage.interface import (
    Checksum,
    CompletedPart,
    Digest,
    ObjectAttributes,
    Part,
    PartList,
    Upload,
    UploadList,
)

__all__ = [
    "GivenPart",
    "abort",
    "collect",
    "complete",
    "create",
    "find",
    "list_parts",
    "list_uploads",
    "put_part",
]


@dataclass(frozen=True, slots=True)
class GivenPart:
    """A part whose bytes are durable: what the index has to say of it."""

    number: int
    digest: Digest
    segments: Sequence[Segment]
    checksum: Checksum | None


def create(transaction: Transaction, name: str, key: bytes, attributes: ObjectAttributes) -> Upload:
    connection = transaction.connection
    initiated = now()
    # Ids of one key sort by time, as listings want them.
    identifier = f"{initiated:012x}{secrets.token_hex(16)}"
    connection.execute(
        "INSERT INTO uploads (bucket, key, id, initiated, acl, storage_class, headers, tags)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (bucket_id(connection, name), key, identifier, initiated, *attribute_values(attributes)),
    )
    return find(connection, name, key, identifier)


def find(connection: sqlite3.Connection, name: str, key: bytes, identifier: str) -> Upload:
    """Raises ``NoSuchUpload``."""
    row = connection.execute(
        f"SELECT {UPLOAD_COLUMNS} FROM uploads WHERE bucket = ? AND key = ? AND id = ?",  # noqa: S608  # constants
        (bucket_id(connection, name), key, identifier),
    ).fetchone()
    if row is None:
        raise NoSuchUpload
    return upload(name, row)


def put_part(transaction: Transaction, name: str, key: bytes, identifier: str, given: GivenPart) -> Part:
    connection, number, digest = transaction.connection, given.number, given.digest
    find(connection, name, key, identifier)
    old = connection.execute(
        "SELECT content FROM parts WHERE upload = ? AND number = ?", (identifier, number)
    ).fetchone()
    content = store_segments(transaction, given.segments)
    connection.execute(
        "INSERT OR REPLACE INTO parts (upload, content, number, size, etag, crc64, modified, checksum)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(identifier, content, number, digest.size, digest.etag, signed(digest.crc64), now()),
            dump_checksum(given.checksum),
        ),
    )
    if old is not None:
        remove_content(transaction, old[0])
    return _parts(connection, identifier, number - 1, 1)[0]


def _parts(connection: sqlite3.Connection, identifier: str, marker: int, limit: int) -> list[Part]:
    rows = connection.execute(
        f"SELECT {PART_COLUMNS} FROM parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?",  # noqa: S608
        (identifier, marker, limit),
    )
    return [part(row) for row in rows]


def list_parts(
    connection: sqlite3.Connection, name: str, key: bytes, identifier: str, marker: int, limit: int
) -> PartList:
    found = find(connection, name, key, identifier)
    parts = _parts(connection, identifier, marker, limit + 1) if limit else []
    shown = parts[:limit]
    return PartList(found, shown, len(parts) > limit, shown[-1].number if shown else 0)


def list_uploads(
    connection: sqlite3.Connection,
    name: str,
    prefix: bytes,
    delimiter: bytes,
    key_marker: bytes,
    id_marker: str,
    limit: int,
) -> UploadList:
    bucket = bucket_id(connection, name)

    def seek(lower: bytes, inclusive: bool, upper: bytes | None) -> Iterator[tuple[bytes, UploadRow]]:
        query = f"SELECT {UPLOAD_COLUMNS} FROM uploads WHERE bucket = ?"  # noqa: S608  # constants
        query += f" AND key {'>=' if inclusive else '>'} ?{'' if upper is None else ' AND key < ?'}"
        values = (bucket, lower) if upper is None else (bucket, lower, upper)
        for row in connection.execute(query + " ORDER BY key, id", values):
            if row[0] != key_marker or not id_marker or row[1] > id_marker:
                yield row[0], row

    page = list_page(seek, prefix, delimiter, key_marker, limit, after=not id_marker)
    uploads = [upload(name, row) for row in page.items]
    ended_by_upload = bool(uploads) and page.last == uploads[-1].key.encode()
    return UploadList(
        uploads=uploads,
        common_prefixes=[item.decode() for item in page.prefixes],
        truncated=page.last is not None,
        next_key_marker=None if page.last is None else page.last.decode(),
        next_upload_id_marker=uploads[-1].upload_id if page.last is not None and ended_by_upload else None,
    )


def collect(
    connection: sqlite3.Connection,
    name: str,
    key: bytes,
    identifier: str,
    wanted: Sequence[CompletedPart],
    minimum: int,
) -> tuple[Upload, list[Part], list[Segment]]:
    """Check the parts named by Complete, and find their bytes."""
    found = find(connection, name, key, identifier)
    if any(later.number <= earlier.number for earlier, later in pairwise(wanted)):
        raise InvalidPartOrder
    parts, segments = _match(connection, identifier, wanted)
    for item in parts[:-1]:
        if item.size < minimum:
            raise EntityTooSmall(
                f"Part {item.number} has {item.size} bytes; a part other than the last needs {minimum}."
            )
    return found, parts, segments


def _match(
    connection: sqlite3.Connection, identifier: str, wanted: Sequence[CompletedPart]
) -> tuple[list[Part], list[Segment]]:
    if not wanted:
        raise InvalidPart("The list of parts is empty.")
    stored = {
        row[1]: (row[0], part(row[1:]))
        for row in connection.execute(
            f"SELECT content, {PART_COLUMNS} FROM parts WHERE upload = ?",  # noqa: S608  # constants
            (identifier,),
        )
    }
    parts: list[Part] = []
    segments: list[Segment] = []
    for item in wanted:
        content, known = stored.get(item.number, (None, None))
        if known is None:
            raise InvalidPart(f"Part {item.number} was not uploaded.")
        if known.etag != item.etag.strip('"').lower():
            raise InvalidPart(f"Part {item.number} has another ETag.")
        parts.append(known)
        segments.extend(load_segments(connection, content))
    return parts, segments


def complete(transaction: Transaction, done: Upload, parts: Sequence[Part]) -> None:
    """End an upload whose object is written in the same transaction."""
    key = done.key.encode()
    find(transaction.connection, done.bucket, key, done.upload_id)
    _match(transaction.connection, done.upload_id, [CompletedPart(item.number, item.etag) for item in parts])
    abort(transaction, done.bucket, key, done.upload_id)


def abort(transaction: Transaction, name: str, key: bytes, identifier: str) -> None:
    """Remove an upload and its parts."""
    connection = transaction.connection
    find(connection, name, key, identifier)
    contents = connection.execute(
        "DELETE FROM parts WHERE upload = ? RETURNING content", (identifier,)
    ).fetchall()
    for (content,) in contents:
        remove_content(transaction, content)
    connection.execute(
        "DELETE FROM uploads WHERE bucket = ? AND key = ? AND id = ?",
        (bucket_id(connection, name), key, identifier),
    )
