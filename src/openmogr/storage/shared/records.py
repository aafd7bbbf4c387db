"""Rows of the catalogue as the protocol's dataclasses, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from openmogr.storage.embedded.records import (
    attribute_values,
    dump_checksum,
    load_attributes,
    load_checksum,
    moment,
    signed,
)
from openmogr.storage.interface import (
    Acl,
    Bucket,
    ObjectAttributes,
    ObjectHeaders,
    ObjectInfo,
    Part,
    Upload,
)

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = [
    "Fact",
    "Found",
    "Row",
    "State",
    "StoredPart",
    "appended_etag",
    "attribute_row",
    "bucket",
    "fact",
    "parts_etag",
    "plain_etag",
    "stored_part",
    "upload",
]

Row: TypeAlias = "RowMapping | Mapping[str, Any]"
_NAMES = ("acl", "storage_class", "headers", "tags")


class State(IntEnum):
    """How far the writing of a row of ``store_facts`` is. All but ``SETTLED`` lock the key."""

    BEGUN = 0  # to be undone, unless the object is there
    DECIDED = 1  # its bytes lie hidden, and are the object for all who ask here; to be moved to the key
    REMOVED = 2  # for all who ask here there is no object; to be removed from the store
    HELD = 3  # nothing but the lock of the key
    SETTLED = 9  # describes the object, if its mark, size and ETag are those


@dataclass(frozen=True, slots=True)
class Found:
    """An object as the store tells of it; ``mark`` is of the row that it was written by, empty where it bears none."""

    size: int
    etag: str
    version: str
    modified: Any
    headers: ObjectHeaders
    mark: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A row of ``store_facts``."""

    id: str
    bucket: str
    key: str
    odd: bool
    state: State
    node: str
    batch: str
    mark: str
    size: int
    store_etag: str | None
    place: str | None
    etag: str
    crc64: int | None
    modified: int
    attributes: ObjectAttributes
    appends: int = 0

    def describes(self, found: Found) -> bool:
        """Whether an object of the store is the one that the row is about."""
        if self.state is State.REMOVED or (self.mark, self.size) != (found.mark, found.size):
            return False
        if self.store_etag is None:
            return bool(self.mark)
        return plain_etag(self.store_etag) == plain_etag(found.etag)

    def info(self, origin: str = "", headers: ObjectHeaders | None = None) -> ObjectInfo:
        """What is told of the object.

        Args:
            origin: what tells apart contents that somebody else wrote.
            headers: that the store has of such an object.
        """
        known = self.crc64 is not None
        attributes = self.attributes
        if not known and headers is not None:
            attributes = replace(attributes, headers=headers)
        return ObjectInfo(
            self.bucket,
            self.key,
            self.size,
            self.etag,
            (self.crc64 or 0) & (1 << 64) - 1,
            moment(self.modified),
            attributes,
            appendable=self.appends > 0,
            origin="" if known else origin,
        )

    def values(self) -> dict[str, object]:
        """The row, to be inserted."""
        return {
            "id": self.id,
            "bucket": self.bucket,
            "key": self.key.encode(),
            "odd": self.odd,
            "state": int(self.state),
            "node": self.node,
            "batch": self.batch,
            "mark": self.mark,
            "size": self.size,
            "store_etag": self.store_etag,
            "place": self.place,
            "etag": self.etag,
            "crc64": None if self.crc64 is None else signed(self.crc64),
            "modified": self.modified,
            "appends": self.appends,
            **attribute_row(self.attributes),
        }


def plain_etag(etag: str) -> str:
    """An ETag of the store without its quotes, which Azure leaves out of listings."""
    return etag.removeprefix("W/").strip('"')


def attribute_row(attributes: ObjectAttributes) -> dict[str, object]:
    """The columns of attributes."""
    return dict(zip(_NAMES, map(str, attribute_values(attributes)), strict=True))


def _attributes(row: Row) -> ObjectAttributes:
    return load_attributes(*(row[name] for name in _NAMES))


def fact(row: Row) -> Fact:
    """A row of ``store_facts``."""
    return Fact(
        id=row["id"],
        bucket=row["bucket"],
        key=bytes(row["key"]).decode(),
        odd=row["odd"],
        state=State(row["state"]),
        node=row["node"],
        batch=row["batch"],
        mark=row["mark"],
        size=row["size"],
        store_etag=row["store_etag"],
        place=row["place"],
        etag=row["etag"],
        crc64=None if row["crc64"] is None else row["crc64"] & (1 << 64) - 1,
        modified=row["modified"],
        attributes=_attributes(row),
        appends=row["appends"],
    )


def bucket(row: Row) -> Bucket:
    """A row of ``store_buckets``."""
    return Bucket(row["name"], row["region"], Acl(row["acl"]), moment(row["created"]))


def upload(row: Row) -> Upload:
    """A row of ``store_uploads``."""
    key = bytes(row["key"]).decode()
    return Upload(row["bucket"], key, row["id"], moment(row["initiated"]), _attributes(row))


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part, and where its bytes lie."""

    part: Part
    place: str

    def values(self, upload_id: str, modified: int) -> dict[str, object]:
        """The row, to be inserted."""
        return {
            "upload": upload_id,
            "number": self.part.number,
            "size": self.part.size,
            "etag": self.part.etag,
            "crc64": signed(self.part.crc64),
            "modified": modified,
            "checksum": dump_checksum(self.part.checksum),
            "place": self.place,
        }


def stored_part(row: Row) -> StoredPart:
    """A row of ``store_parts``."""
    part = Part(
        row["number"],
        row["size"],
        row["etag"],
        row["crc64"] & (1 << 64) - 1,
        moment(row["modified"]),
        load_checksum(row["checksum"]),
    )
    return StoredPart(part, row["place"])


def parts_etag(parts: list[Part]) -> str:
    """The ETag of an object that was made of parts."""
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"


def appended_etag(before: str, piece: str, appends: int) -> str:
    """A chain of MD5s, as the embedded storage has it."""
    both = bytes.fromhex(before.partition("-")[0]) + bytes.fromhex(piece)
    return f"{hashlib.md5(both, usedforsecurity=False).hexdigest()}-{appends}"
