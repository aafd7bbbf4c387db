"""What the server asks of a storage back-end.

The rules that every back-end keeps, and that ``tests/storage/test_conformance_*.py`` test:

- Keys are opaque Unicode text of 1 to 850 bytes of UTF-8, ordered by those bytes, and never normalised.
- A write is durable when the call returns and visible all at once. A crash at any moment leaves the old
  or the new.
- Whoever has an object open reads the bytes it had when it was opened, whatever happens to the key meanwhile, or
  ``StoreUnavailable`` is raised (:class:`Promises`); never a mixture.
- No call blocks the event loop; calls may run at the same time; no whole body is held in memory.
- Calls raise :class:`openmogr.errors.CosError` (``NoSuchBucket``, ``NoSuchKey``, and those of
  :mod:`openmogr.storage.errors`) and nothing else for what a client did.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeAlias

__all__ = [
    "Acl",
    "Assembly",
    "Bucket",
    "Checksum",
    "CompletedPart",
    "Content",
    "Digest",
    "ObjectAttributes",
    "ObjectHeaders",
    "ObjectInfo",
    "ObjectList",
    "ObjectReader",
    "Part",
    "PartList",
    "Promises",
    "Staged",
    "Storage",
    "Upload",
    "UploadList",
    "Write",
]


class Acl(StrEnum):
    """Access presets of ``x-cos-acl``. Buckets take all but ``DEFAULT``; objects the first three."""

    DEFAULT = "default"
    PRIVATE = "private"
    PUBLIC_READ = "public-read"
    PUBLIC_READ_WRITE = "public-read-write"
    AUTHENTICATED_READ = "authenticated-read"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket: its full name with the APPID, its region, its ACL, and when it was created (UTC)."""

    name: str
    region: str
    acl: Acl
    created: datetime


@dataclass(frozen=True, slots=True)
class Digest:
    """What is computed while bytes are staged.

    Attributes:
        size: bytes.
        md5: the 16 binary bytes.
        crc64: CRC-64/XZ (COS's ``crc64ecma``) as an unsigned integer.
    """

    size: int
    md5: bytes
    crc64: int

    @property
    def etag(self) -> str:
        """The ETag of an object of these bytes: 32 hex digits, without quotes."""
        return self.md5.hex()


@dataclass(frozen=True, slots=True)
class ObjectHeaders:
    """The headers stored with an object; ``user`` holds ``x-cos-meta-*`` without that prefix."""

    content_type: str = "application/octet-stream"
    cache_control: str | None = None
    content_disposition: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    expires: str | None = None
    user: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum that whoever uploads wants kept beside the bytes.

    Attributes:
        algorithm: ``CRC32``, ``CRC32C``, ``CRC64NVME``, ``SHA1`` or ``SHA256``.
        value: Base64; with ``-<parts>`` behind it where it is ``composite``; empty with an upload under way.
        composite: it is one of the checksums of the parts, and not of the bytes.
    """

    algorithm: str
    value: str
    composite: bool = False


@dataclass(frozen=True, slots=True)
class ObjectAttributes:
    """All of an object that is not its bytes.

    Attributes:
        checksum: what it was uploaded with, or, of an upload under way, is to have in the end.
    """

    headers: ObjectHeaders = field(default_factory=ObjectHeaders)
    acl: Acl = Acl.DEFAULT
    storage_class: str = "STANDARD"
    tags: Mapping[str, str] = field(default_factory=dict)
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object without its bytes.

    Attributes:
        size: bytes.
        etag: without quotes; 32 hex digits (the MD5) or, from a multipart upload, ``<32 hex>-<parts>``.
        crc64: CRC-64/XZ of the whole object; 0 where there is an ``origin``, which tells none.
        last_modified: UTC, to the millisecond.
        appendable: made by :meth:`Storage.append_object`, and open to more. From its second append on the ETag is
            ``<32 hex>-<appends>``, whose digits are a digest of the appends' MD5s.
        origin: of an object in a store elsewhere: what tells its content from all others. Its ETag is that store's.
    """

    bucket: str
    key: str
    size: int
    etag: str
    crc64: int
    last_modified: datetime
    attributes: ObjectAttributes
    appendable: bool = False
    origin: str = ""


@dataclass(frozen=True, slots=True)
class ObjectList:
    """A page of a listing. ``next_marker`` (a key or a common prefix) is set exactly when ``truncated``."""

    objects: Sequence[ObjectInfo]
    common_prefixes: Sequence[str]
    truncated: bool
    next_marker: str | None


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload under way; ``attributes`` are those given when it was initiated."""

    bucket: str
    key: str
    upload_id: str
    initiated: datetime
    attributes: ObjectAttributes


@dataclass(frozen=True, slots=True)
class UploadList:
    """A page of unfinished uploads by key, then by upload id; the next markers are set when ``truncated``."""

    uploads: Sequence[Upload]
    common_prefixes: Sequence[str]
    truncated: bool
    next_key_marker: str | None
    next_upload_id_marker: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """An uploaded part; ``etag`` is its MD5 in hex, without quotes."""

    number: int
    size: int
    etag: str
    crc64: int
    last_modified: datetime
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class PartList:
    """A page of parts in ascending order. ``next_marker`` is the last number listed, 0 when there is none."""

    upload: Upload
    parts: Sequence[Part]
    truncated: bool
    next_marker: int


@dataclass(frozen=True, slots=True)
class CompletedPart:
    """A part as Complete Multipart Upload names it; ``etag`` without quotes."""

    number: int
    etag: str


class Staged(Protocol):
    """Bytes on their way in: hashed and written to a temporary file, not visible to anybody yet."""

    async def write(self, chunk: bytes) -> None:
        """Append. Raises ``EntityTooLarge`` past the size limit, ``StorageFull`` when the disk is full."""

    @property
    def size(self) -> int:
        """Bytes written so far."""

    async def finish(self) -> Digest:
        """End the writing and give the digest; again, the same digest. Committing finishes by itself."""

    @property
    def path(self) -> Path | None:
        """A file with the bytes: complete after :meth:`finish`, readable until commit or the stage's end.

        None if they do not lie in a file, as those of an empty one; then :meth:`stream` gives them.
        """

    def stream(self) -> AsyncIterator[bytes]:
        """The bytes in chunks; after :meth:`finish`, until commit or the stage's end."""


class ObjectReader(Protocol):
    """An open object. Close it, or use it with ``async with``; the bytes stay readable until then."""

    @property
    def info(self) -> ObjectInfo:
        """The object as it was when opened."""

    @property
    def path(self) -> Path | None:
        """A file of exactly the object's bytes, valid until closed; None if they do not lie in one file."""

    def stream(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Bytes ``start`` to ``stop`` (exclusive; None: end) in chunks; ``0 <= start <= stop <= size``."""

    async def prepare(self, start: int = 0, stop: int | None = None) -> None:
        """Get ready to :meth:`stream` these bytes, so that what fails does so before an answer has begun.

        Raises:
            StoreUnavailable: the store that has them does not give them.
        """

    async def verify(self, *, whole: bool = False) -> None:
        """Check the bytes before any is sent, as far as the settings ask for it.

        A whole :meth:`stream` is checked besides, and raises before its last chunk.

        Args:
            whole: all of them, however many; for what reads a file of :attr:`path`.

        Raises:
            InternalError: they are not what was stored; the log names the object.
        """

    def crc64_to_check(self) -> int | None:
        """For what reads a file of :attr:`path` and checks it in place of :meth:`verify`; None: it need not.

        Raises:
            InternalError: the bytes were found damaged before.
        """

    @property
    def at_hand(self) -> bytes | None:
        """All bytes, where :meth:`verify` has read them and they are few."""

    async def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """The same in one piece; for objects known to be small."""

    async def aclose(self) -> None:
        """Let go of the bytes. Closing twice is fine."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Assembly(ObjectReader, Protocol):
    """The object that a multipart upload will become; committing a :class:`Write` of it ends the upload.

    ``info.etag`` is the MD5 over the parts' binary MD5s with ``-<parts>``; ``info.attributes`` and, until
    committed, ``info.last_modified`` are those of Initiate.
    """

    @property
    def upload(self) -> Upload:
        """The upload being completed."""

    @property
    def parts(self) -> Sequence[Part]:
        """Its parts that make the object, in order."""


Content: TypeAlias = Staged | ObjectReader | Assembly


@dataclass(frozen=True, slots=True)
class Write:
    """One object to be written.

    Attributes:
        content: staged bytes, an open object (a copy on the server, whose ETag becomes the MD5), or an
            assembly. Several writes may name the same content.
        forbid_overwrite: raise ``ObjectAlreadyExists`` if the key is taken before this commit.
        modified: when the object was last modified elsewhere; None: now.
        if_match: the ETag that the object has before this commit, else ``ObjectChanged`` or ``NoSuchKey`` is raised;
            None: any, or no object.
    """

    bucket: str
    key: str
    content: Content
    attributes: ObjectAttributes = field(default_factory=ObjectAttributes)
    forbid_overwrite: bool = False
    modified: datetime | None = None
    if_match: str | None = None


@dataclass(frozen=True, slots=True)
class Promises:
    """In what back-ends differ. ``docs/use/stores.md`` has the whole of it in words.

    Attributes:
        keeps_opened: an open object is readable to its end though its key is written anew or removed; else
            ``StoreUnavailable`` is raised then.
        nests_keys: there may be an object ``a`` beside one ``a/b``; else the second one is ``InvalidObjectName``.
    """

    keeps_opened: bool = True
    nests_keys: bool = True


class Storage(Protocol):
    """A back-end. ``async with`` starts it, reclaims what a crash left, and closes it in the end."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def promises(self) -> Promises:
        """In what it differs from others."""

    async def check(self) -> None:
        """Return when the storage has answered; raises whatever keeps it from that."""

    def is_read_only(self, name: str) -> bool:
        """Whether a bucket's objects lie in a store that is only read; writes to it raise ``ReadOnlyBucket``."""

    # Buckets

    async def create_bucket(self, name: str, *, region: str, acl: Acl = Acl.PRIVATE) -> Bucket:
        """Raises ``BucketAlreadyOwnedByYou``, ``TooManyBuckets`` or ``InvalidBucketName``."""

    async def head_bucket(self, name: str) -> Bucket:
        """Raises ``NoSuchBucket``, as all calls below do for a missing bucket."""

    async def list_buckets(self) -> Sequence[Bucket]:
        """All buckets, by name."""

    async def delete_bucket(self, name: str) -> None:
        """Raises ``BucketNotEmpty`` while it holds an object or an unfinished upload."""

    async def set_bucket_acl(self, name: str, acl: Acl) -> None:
        """Replace the ACL of a bucket."""

    async def get_bucket_document(self, name: str, kind: str) -> bytes | None:
        """A configuration kept with the bucket (``cors``, ``tagging``, …) as it was put, or None."""

    async def put_bucket_document(self, name: str, kind: str, document: bytes | None) -> None:
        """Replace such a configuration; None removes it."""

    # Objects

    def stage(self) -> AbstractAsyncContextManager[Staged]:
        """Take bytes in. What was not committed when the context ends is removed."""

    async def commit(self, writes: Sequence[Write]) -> Sequence[ObjectInfo]:
        """Write all objects in one transaction, all or none, in order (of a key named twice the last stays).

        Raises:
            NoSuchBucket, KeyTooLong, InvalidObjectName: naming the write at fault.
            ObjectAlreadyExists: a write forbade overwriting.
            NoSuchKey, ObjectChanged: a write was to replace another object.
            NoSuchUpload, InvalidPart: the upload of an assembly was changed, completed or aborted meanwhile.
        """

    async def append_object(
        self, bucket: str, key: str, position: int, content: Staged, attributes: ObjectAttributes
    ) -> ObjectInfo:
        """Put staged bytes behind an appendable object, or make one; readers see the object before or after.

        Args:
            position: the size that the object has before this append; 0 where there is no object.
            content: nothing of it leaves an object that is there as it was.
            attributes: of an object that is made; one that is there keeps its own.

        Raises:
            ObjectNotAppendable: the object was written in another way.
            PositionNotEqualToLength: it has another size.
            EntityTooLarge: it would become larger than one upload may be.
            TooManyAppends: it has as many as it may have.
        """

    async def head_object(self, bucket: str, key: str) -> ObjectInfo:
        """Raises ``NoSuchKey``."""

    async def open_object(self, bucket: str, key: str) -> ObjectReader:
        """Open for reading. Raises ``NoSuchKey``."""

    async def delete_objects(
        self, bucket: str, keys: Sequence[str], *, modified_until: datetime | None = None
    ) -> None:
        """Remove all of them in one transaction; missing ones are fine, and those written after a time stay."""

    async def set_object_acl(self, bucket: str, key: str, acl: Acl) -> None:
        """Replace the ACL; ``last_modified`` stays."""

    async def set_object_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        """Replace the tags; ``last_modified`` stays."""

    async def list_objects(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", marker: str = "", max_keys: int = 1000
    ) -> ObjectList:
        """One page of a listing, in the byte order of UTF-8.

        Keys that contain ``delimiter`` after ``prefix`` are rolled up into common prefixes. Listed are the
        keys after ``marker``; a marker that is itself a common prefix skips all it stands for. ``max_keys``
        counts objects and common prefixes together; with 0 the answer is empty and not truncated.
        """

    # Multipart uploads

    async def create_upload(self, bucket: str, key: str, attributes: ObjectAttributes) -> Upload:
        """Initiate an upload."""

    async def put_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        content: Staged,
        checksum: Checksum | None = None,
    ) -> Part:
        """Store a part (1 to 10,000), replacing an earlier one of the number. Raises ``NoSuchUpload``."""

    async def copy_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        source: ObjectReader,
        start: int = 0,
        stop: int | None = None,
        checksum: Checksum | None = None,
    ) -> Part:
        """Make a part from bytes ``start`` to ``stop`` (exclusive) of an open object, on the server."""

    async def list_parts(
        self, bucket: str, key: str, upload_id: str, *, marker: int = 0, max_parts: int = 1000
    ) -> PartList:
        """Parts with numbers above ``marker``. Raises ``NoSuchUpload``."""

    async def list_uploads(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        key_marker: str = "",
        upload_id_marker: str = "",
        max_uploads: int = 1000,
    ) -> UploadList:
        """Unfinished uploads after both markers; without ``upload_id_marker``, those of later keys."""

    async def assemble(
        self, bucket: str, key: str, upload_id: str, parts: Sequence[CompletedPart]
    ) -> Assembly:
        """Check the list of parts and open what it makes, so that it can be read before it is committed.

        Raises:
            NoSuchUpload: no such upload is under way.
            InvalidPartOrder: the numbers do not ascend.
            InvalidPart: the list is empty, or a part is missing or has another ETag.
            EntityTooSmall: a part other than the last is below the minimum.
        """

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Drop an upload and its parts. Raises ``NoSuchUpload``."""
