"""Multipart uploads in the catalogue."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from openmogr.errors import NoSuchBucket
from openmogr.storage.embedded.keys import successor
from openmogr.storage.embedded.records import now
from openmogr.storage.errors import EntityTooSmall, InvalidPart, InvalidPartOrder, NoSuchUpload
from openmogr.storage.interface import CompletedPart, ObjectAttributes, Part, PartList, Upload, UploadList
from openmogr.storage.shared.records import StoredPart, attribute_row, stored_part, upload
from openmogr.storage.tables import BUCKETS, FILES, PARTS, UPLOADS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = [
    "Claimed",
    "Completed",
    "Range",
    "abort",
    "claim",
    "collect",
    "completed",
    "create",
    "list_parts",
    "list_uploads",
    "put_part",
]


class Claimed(Exception):
    """Somebody is completing the upload."""


@dataclass(frozen=True, slots=True)
class Completed:
    """An upload that is completed of these parts."""

    upload: Upload
    parts: Sequence[StoredPart]


async def create(connection: AsyncConnection, name: str, key: str, attributes: ObjectAttributes) -> Upload:
    await _check_bucket(connection, name, share=True)
    row = {
        "id": secrets.token_hex(16),
        "bucket": name,
        "key": key.encode(),
        "initiated": now(),
        **attribute_row(attributes),
    }
    await connection.execute(insert(UPLOADS).values(row))
    return upload(row)


async def find(
    connection: AsyncConnection, name: str, key: str, identifier: str, *, lock: bool = False
) -> Any:
    """The row of an upload. Raises ``NoSuchUpload``, and ``Claimed`` with ``lock`` while it is being completed."""
    query = select(UPLOADS).where(
        UPLOADS.c.id == identifier, UPLOADS.c.bucket == name, UPLOADS.c.key == key.encode()
    )
    row = (await connection.execute(query.with_for_update() if lock else query)).mappings().first()
    if row is None:
        await _check_bucket(connection, name)
        raise NoSuchUpload
    if lock and row["batch"] is not None:
        raise Claimed
    return row


async def put_part(
    connection: AsyncConnection, found: tuple[str, str, str], given: StoredPart
) -> tuple[Part, list[str]]:
    """Take in a part whose bytes lie hidden in the store; returns it and what is to be removed instead.

    Args:
        connection: of the change.
        found: bucket, key and id of the upload.
        given: its ``last_modified`` does not count.
    """
    await find(connection, *found, lock=True)
    identifier, number = found[2], given.part.number
    this = (PARTS.c.upload == identifier) & (PARTS.c.number == number)
    old = list((await connection.scalars(select(PARTS.c.place).where(this))).all())
    await connection.execute(delete(PARTS).where(this))
    row = given.values(identifier, now())
    await connection.execute(insert(PARTS).values(row))
    await connection.execute(delete(FILES).where(FILES.c.place == given.place))
    await _unused(connection, old)
    return stored_part(row).part, old


async def _parts(
    connection: AsyncConnection, identifier: str, marker: int = 0, limit: int | None = None
) -> list[StoredPart]:
    query = select(PARTS).where(PARTS.c.upload == identifier, PARTS.c.number > marker)
    rows = await connection.execute(query.order_by(PARTS.c.number).limit(limit))
    return [stored_part(row) for row in rows.mappings()]


async def list_parts(
    connection: AsyncConnection, found: tuple[str, str, str], marker: int, limit: int
) -> PartList:
    row = await find(connection, *found)
    parts = await _parts(connection, found[2], marker, limit + 1) if limit else []
    shown = [item.part for item in parts[:limit]]
    return PartList(upload(row), shown, len(parts) > limit, shown[-1].number if shown else 0)


async def collect(
    connection: AsyncConnection, found: tuple[str, str, str], wanted: Sequence[CompletedPart], minimum: int
) -> Completed:
    """Check the parts that Complete names; raises as ``Storage.assemble``."""
    row = await find(connection, *found)
    if any(later.number <= earlier.number for earlier, later in pairwise(wanted)):
        raise InvalidPartOrder
    parts = _matched(await _parts(connection, found[2]), wanted)
    for item in parts[:-1]:
        if item.part.size < minimum:
            raise EntityTooSmall(
                f"Part {item.part.number} has {item.part.size} bytes; a part other than the last needs {minimum}."
            )
    return Completed(upload(row), parts)


def _matched(stored: Sequence[StoredPart], wanted: Sequence[CompletedPart]) -> list[StoredPart]:
    if not wanted:
        raise InvalidPart("The list of parts is empty.")
    known = {item.part.number: item for item in stored}
    parts: list[StoredPart] = []
    for item in wanted:
        part = known.get(item.number)
        if part is None:
            raise InvalidPart(f"Part {item.number} was not uploaded.")
        if part.part.etag != item.etag.strip('"').lower():
            raise InvalidPart(f"Part {item.number} has another ETag.")
        parts.append(part)
    return parts


async def claim(connection: AsyncConnection, item: Completed, batch: str) -> None:
    """Keep an upload for the batch that completes it.

    Raises:
        NoSuchUpload, InvalidPart: it is not what it was.
        Claimed: another one completes it.
    """
    done = item.upload
    await find(connection, done.bucket, done.key, done.upload_id, lock=True)
    wanted = [CompletedPart(part.part.number, part.part.etag) for part in item.parts]
    found = _matched(await _parts(connection, done.upload_id), wanted)
    if [part.place for part in found] != [part.place for part in item.parts]:
        raise InvalidPart("A part was uploaded once more meanwhile.")
    await connection.execute(update(UPLOADS).where(UPLOADS.c.id == done.upload_id).values(batch=batch))


async def completed(connection: AsyncConnection, batch: str) -> list[str]:
    """End the uploads that a batch has completed; returns the places of their parts."""
    done = await connection.execute(delete(UPLOADS).where(UPLOADS.c.batch == batch).returning(UPLOADS.c.id))
    places: list[str] = []
    for (identifier,) in done.all():
        places += await _end(connection, identifier)
    return places


async def abort(connection: AsyncConnection, found: tuple[str, str, str]) -> list[str]:
    """Remove an upload; returns the places of its parts."""
    await find(connection, *found, lock=True)
    await connection.execute(delete(UPLOADS).where(UPLOADS.c.id == found[2]))
    return await _end(connection, found[2])


async def _end(connection: AsyncConnection, identifier: str) -> list[str]:
    gone = await connection.execute(
        delete(PARTS).where(PARTS.c.upload == identifier).returning(PARTS.c.place)
    )
    places = [place for (place,) in gone.all()]
    await _unused(connection, places)
    return places


async def _unused(connection: AsyncConnection, places: Sequence[str]) -> None:
    if places:
        await connection.execute(insert(FILES), [{"place": place, "node": ""} for place in places])


async def _check_bucket(connection: AsyncConnection, name: str, *, share: bool = False) -> None:
    query = select(BUCKETS.c.name).where(BUCKETS.c.name == name)
    if share:
        query = query.with_for_update(read=True, key_share=True)
    if (await connection.execute(query)).first() is None:
        raise NoSuchBucket(detail=f"bucket {name!r}")


@dataclass(frozen=True, slots=True)
class Range:
    """Which uploads are listed; see ``Storage.list_uploads``."""

    prefix: bytes
    delimiter: bytes
    key_marker: bytes
    id_marker: str
    limit: int

    def group(self, key: bytes) -> bytes | None:
        """The common prefix that stands for a key, or None if it stands for itself."""
        if not self.delimiter or not key.startswith(self.prefix):
            return None
        end = key.find(self.delimiter, len(self.prefix))
        return None if end < 0 else key[: end + len(self.delimiter)]


async def list_uploads(connection: AsyncConnection, name: str, wanted: Range) -> UploadList:
    """One page; a common prefix costs one look-up for all its uploads."""
    await _check_bucket(connection, name)
    marker = wanted.key_marker
    lower, behind = (
        (marker, wanted.id_marker) if marker >= wanted.prefix and marker else (wanted.prefix, None)
    )
    if marker and wanted.group(marker) == marker:
        lower, behind = successor(marker), None
    found: list[Any] = []
    prefixes: list[bytes] = []
    last: tuple[bytes, str | None] | None = None
    while wanted.limit:
        rows = await _uploads_from(connection, name, wanted, lower, behind)
        for row in rows:
            key = bytes(row["key"])
            if len(found) + len(prefixes) == wanted.limit:
                return _page(found, prefixes, last)
            group = wanted.group(key)
            if group is not None:
                prefixes.append(group)
                last, lower, behind = (group, None), successor(group), None
                break
            found.append(row)
            last = lower, behind = key, row["id"]
        else:
            if len(rows) <= wanted.limit:
                break
    return _page(found, prefixes, None)


def _page(
    rows: Sequence[Any], prefixes: Sequence[bytes], last: tuple[bytes, str | None] | None
) -> UploadList:
    return UploadList(
        uploads=[upload(row) for row in rows],
        common_prefixes=[item.decode() for item in prefixes],
        truncated=last is not None,
        next_key_marker=None if last is None else last[0].decode(),
        next_upload_id_marker=None if last is None else last[1],
    )


async def _uploads_from(
    connection: AsyncConnection, name: str, wanted: Range, lower: bytes, behind: str | None
) -> list[Any]:
    """Rows from a key on, or behind an upload of that key; an empty id is behind all of them."""
    key = UPLOADS.c.key
    query = select(UPLOADS).where(UPLOADS.c.bucket == name)
    if behind is None:
        query = query.where(key >= lower)
    elif not behind:
        query = query.where(key > lower)
    else:
        query = query.where((key > lower) | ((key == lower) & (UPLOADS.c.id > behind)))
    if wanted.prefix:
        query = query.where(key < successor(wanted.prefix))
    query = query.order_by(key, UPLOADS.c.id).limit(wanted.limit + 1)
    return list((await connection.execute(query)).mappings().all())
