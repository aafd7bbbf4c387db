"""The place in a store where all buckets lie, read and written by ``obstore``."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from openmogr.errors import CosError, NoSuchKey
from openmogr.storage.errors import (
    InvalidObjectName,
    KeyTooLong,
    ObjectAlreadyExists,
    ObjectChanged,
    StoreUnavailable,
)
from openmogr.storage.interface import ObjectHeaders
from openmogr.storage.shared.records import Found
from openmogr.storage.stores.errors import as_answer
from openmogr.storage.stores.listing import Entry
from openmogr.storage.stores.metadata import headers_of, split_attributes
from openmogr.storage.stores.names import is_taken_for_another, nameable
from openmogr.storage.stores.opening import CannotOpen, open_store, secrets_at_hand
from openmogr.storage.stores.settings import StoreBucket
from openmogr.storage.stores.store import Limits

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import ObjectStore

__all__ = ["HIDDEN", "MARK", "MAX_COPY", "WHOLE", "Abilities", "Place", "Uploads"]

T = TypeVar("T")

# Where what is not yet an object lies: no bucket has such a name.
HIDDEN = ".openmogr"
# The name of the metadata by which an object says what wrote it.
MARK = "openmogr"
# What has no more bytes is sent in one request, which can be conditional, and lies in memory meanwhile.
WHOLE = 8 * 1024 * 1024
# S3 copies no more in one request.
MAX_COPY = 5 * 1024**3
_MOST_PARTS = 9000
_CONCURRENT = 2
_PAGE = 1000
# Of removals in one request, where that is fewer.
_BATCH = {"az": 256}
# Removals at a time where each is a request.
_AT_ONCE = 16
_MAX_RETRIES = 2
# S3 takes 2048 bytes of metadata; COS as many, without the mark.
_MAX_METADATA = 2048 - 64
_PLAIN = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
# Azure takes what could be the name of a variable.
_AZURE_NAME = re.compile(r"[a-z_][a-z0-9_]*")
# What no listing in XML can show.
_NOT_XML = re.compile("[\ufffe\uffff]")
_CLIENTS_OWN = re.compile(r"#[0-9]+\Z")
# Bytes of a file's name, with what the client puts behind it for a while.
_LONGEST = 240
# Bytes of a key of the store, of which the folder and the bucket are some; in Azure characters.
_LONGEST_KEYS = {"cos": 850, "s3": 1024, "gs": 1024, "az": 1024}
_FIELDS = {
    "content_type": "Content-Type",
    "cache_control": "Cache-Control",
    "content_disposition": "Content-Disposition",
    "content_encoding": "Content-Encoding",
    "content_language": "Content-Language",
}
# What stores that keep files say of a key that is a folder, and of one below a file.
_FOLDER = re.compile(
    r"os error (20|21)\)|ObjectParentIsFile|ExistingObjectIsDirectory|ObjectExistsAsDirectory"
)
# So often a folder may vanish under a write.
_FOLDERS_GONE = 3
_LONG = re.compile(r"os error 36\)|KeyTooLong")


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a store can do.

    Attributes:
        attributes: keep types and metadata with objects; otherwise objects have no marks.
        renames: move a hidden file to its key at once, where it keeps its ETag.
        updates: write on the condition that there is an object of an ETag.
        ends_uploads: end uploads that were cut off, by the key.
    """

    attributes: bool = True
    renames: bool = False
    updates: bool = True
    ends_uploads: bool = False


class Uploads(Protocol):
    """Multipart uploads of the store itself, of which its client tells nothing."""

    async def end(self, key: str) -> None:
        """End all uploads of a key of the store. Raises ``OSError`` where it cannot be reached."""


class Place:
    """All objects below a URL.

    Args:
        where: the URL, and what belongs to it.
        limits: of requests.
        store: an opened one; None: that of the URL.
        uploads: of the store; None where nothing can be done about them.

    Raises:
        CannotOpen: saying why.
    """

    def __init__(
        self,
        where: StoreBucket,
        limits: Limits,
        store: ObjectStore | None = None,
        uploads: Uploads | None = None,
    ) -> None:
        self._where = where
        self._uploads = uploads
        self._limits = limits
        self._secrets = secrets_at_hand()
        parts = urlsplit(where.url)
        self._scheme = parts.scheme
        self._names = _AZURE_NAME if parts.scheme == "az" else _NAME
        self.root = Path(unquote(parts.path)).resolve() if parts.scheme == "file" else None
        folder = "" if self.root is not None else unquote(parts.path).strip("/")
        if nameable(folder) != folder:
            raise CannotOpen(f"the folder {folder!r} has an empty part, or one that leads elsewhere")
        self._base = f"{folder}/" if folder else ""
        local = self.root is not None
        self.abilities = Abilities(
            attributes=not local, renames=local, updates=not local, ends_uploads=uploads is not None
        )
        # Folders are listed as the file system has them.
        self.is_ordered = not local
        self._store = store if store is not None else self._opened(where, limits.timeout)

    def _opened(self, where: StoreBucket, seconds: float) -> ObjectStore:
        timeout = timedelta(seconds=seconds)
        remote = {
            "client_options": {"timeout": timeout, "connect_timeout": min(timeout, timedelta(seconds=5))},
            "retry_config": {
                "max_retries": _MAX_RETRIES,
                "retry_timeout": timeout,
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=1),
                    "base": 2,
                },
            },
        }
        return open_store(
            where.url,
            endpoint=where.endpoint,
            region=where.region,
            options={} if self.root is not None else remote,
        )

    @property
    def shown(self) -> str:
        """Where it is, for the operator."""
        return self._where.url

    def is_odd(self, bucket: str, key: str) -> bool:
        """Whether the client cannot name a key of a bucket as it is, or the store cannot hold it."""
        if nameable(key) != key or _NOT_XML.search(key) or is_taken_for_another(self._scheme, key):
            return True
        if self.root is None:
            path = f"{self._base}{bucket}/{key}"
            return len(path if self._scheme == "az" else path.encode()) > _LONGEST_KEYS[self._scheme]
        parts = key.split("/")
        # The client takes files of such names for its own.
        return bool(_CLIENTS_OWN.search(parts[-1])) or any(len(part.encode()) > _LONGEST for part in parts)

    def path_of(self, bucket: str, key: str) -> str:
        """Where an object lies: under its key, or an odd one hidden."""
        if not self.is_odd(bucket, key):
            return f"{bucket}/{key}"
        return f"{HIDDEN}/odd/{bucket}/{hashlib.sha256(key.encode()).hexdigest()}"

    def origin(self, path: str, found: Found) -> str:
        """What tells the content of an object from all others."""
        parts = (
            *(self._where.url, self._where.endpoint, path, found.etag, found.version),
            *(str(found.size), found.modified.isoformat()),
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    # Reading

    async def head(self, path: str) -> Found:
        """What the store tells of an object. Raises ``NoSuchKey``, ``StoreUnavailable``."""
        if self.root is not None and not await asyncio.to_thread(_is_inside, self.root, path):
            raise NoSuchKey
        result = await self._ask(lambda: self._get(path, {"head": True}))
        meta = result.meta
        headers, user = split_attributes(result.attributes)
        mark = user.pop(MARK, "")
        return Found(
            size=meta["size"],
            etag=meta["e_tag"] or "",
            version=meta["version"] or "",
            modified=meta["last_modified"],
            headers=headers_of(path, headers, user),
            mark=mark,
        )

    async def find(self, path: str) -> Found | None:
        """The same; None where there is no object."""
        try:
            return await self.head(path)
        except NoSuchKey:
            return None

    async def read(self, path: str, found: Found | None, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop`` of the very object that was found; of a hidden file, which nobody changes, None.

        Raises:
            StoreUnavailable: there is another one by now, or none.
        """
        options: dict[str, Any] = {"range": (start, stop)}
        if found is None:
            pass
        elif found.version:
            options["version"] = found.version
        # A weak one never matches.
        elif found.etag and not found.etag.startswith("W/"):
            options["if_match"] = found.etag

        async def request() -> bytes:
            result = await self._get(path, options)
            meta = result.meta
            if found is not None and (meta["size"], meta["e_tag"] or "") != (found.size, found.etag):
                raise StoreUnavailable("The object was changed while it was read. Please try again.")
            data = bytes(await result.bytes_async())
            if len(data) != stop - start:
                raise StoreUnavailable(detail=f"{len(data)} bytes came of {stop - start}")
            return data

        try:
            return await self._ask(request)
        except NoSuchKey as error:
            raise StoreUnavailable("The object was removed while it was read. Please try again.") from error

    async def pages(self, folder: str, prefix: str, after: str) -> AsyncGenerator[Sequence[Entry]]:
        """Objects of a folder whose keys begin with a prefix, from behind a key on, where the store lists in order."""
        import obstore

        base = self._base + folder
        # The client takes folders for prefixes, and nothing else.
        below = nameable((base + prefix).rpartition("/")[0])
        offset = nameable(base + after) if after else ""
        stream = obstore.list(self._store, below or None, offset=offset or None, chunk_size=_PAGE)
        while True:
            try:
                items = await self._ask(lambda: anext(stream, None))
            except NoSuchKey as error:
                if self.root is None:
                    raise StoreUnavailable("The store has no such bucket.") from error
                return
            if items is None:
                return
            yield [
                Entry(item["path"][len(base) :], item["size"], item["e_tag"], item["last_modified"])
                for item in items
                if item["path"].startswith(base)
            ]

    async def check(self) -> None:
        """Return when the store has answered."""
        await self.find(f"{HIDDEN}/check")

    # Writing

    async def put(
        self, path: str, data: bytes, attributes: Mapping[str, str], mode: PutMode = "overwrite"
    ) -> str:
        """Write an object in one request; returns its ETag there.

        Args:
            path: of the object.
            data: all of it.
            attributes: by :meth:`attributes_of`.
            mode: ``create``, ``overwrite``, or the ETag that is replaced, as a mapping.

        Raises:
            ObjectAlreadyExists, ObjectChanged: the condition does not hold.
            InvalidObjectName, KeyTooLong: the store cannot have the key.
            StoreUnavailable: it may have been written nevertheless.
        """
        import obstore

        async def request() -> str:
            result = await obstore.put_async(
                self._store,
                self._base + path,
                data,
                attributes=dict(attributes) or None,
                mode=mode,
                use_multipart=False,
            )
            return result["e_tag"] or ""

        return await self._write_whole(request)

    async def put_stream(
        self, path: str, size: int, chunks: AsyncIterator[bytes], attributes: Mapping[str, str]
    ) -> str:
        """Write a large object as a multipart upload of the store; it is there in the end, or not at all."""
        import obstore

        stopped = False

        async def guarded() -> AsyncIterator[bytes]:
            async for chunk in chunks:
                if stopped:
                    raise _Stopped
                yield chunk

        async def put() -> str:
            result = await obstore.put_async(
                self._store,
                self._base + path,
                guarded(),
                attributes=dict(attributes) or None,
                use_multipart=True,
                chunk_size=max(WHOLE, -(-size // _MOST_PARTS)),
                max_concurrency=_CONCURRENT,
            )
            return result["e_tag"] or ""

        async def request() -> str:
            nonlocal stopped
            task = asyncio.ensure_future(put())
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                # The client ends the upload in the store where its source fails, and not where it is dropped.
                stopped = True
                await asyncio.wait([task])
                if not task.cancelled():
                    task.exception()
                raise

        return await self._write(request, seconds=None)

    async def check_room(self, path: str) -> None:
        """Raise what moving a file there would, where that can be known before: ``InvalidObjectName``."""
        if self.root is not None and not await asyncio.to_thread(_has_room, self.root, path):
            raise _is_folder()

    async def copy(self, source: str, path: str) -> None:
        """Copy within the store, with all attributes."""
        import obstore

        await self._write_whole(
            lambda: obstore.copy_async(self._store, self._base + source, self._base + path), seconds=None
        )

    async def rename(self, source: str, path: str) -> None:
        """Move at once; of stores that can."""
        import obstore

        await self._write(lambda: obstore.rename_async(self._store, self._base + source, self._base + path))

    async def delete(self, paths: Sequence[str]) -> None:
        """Remove objects; missing ones are fine."""
        if self.root is not None:
            for path in paths:
                await self._removed([path])
            return
        if self._scheme == "gs":
            # A few at a time: they wait for each other within the timeout.
            for first in range(0, len(paths), _AT_ONCE):
                await asyncio.gather(*(self._removed([path]) for path in paths[first : first + _AT_ONCE]))
            return
        portion = _BATCH.get(self._scheme, _PAGE)
        for first in range(0, len(paths), portion):
            await self._removed(paths[first : first + portion])

    async def clear(self, path: str, *, cut: bool = False) -> None:
        """Remove a hidden file that may be unfinished.

        Args:
            path: of the file, which nobody else writes.
            cut: its writing may have been cut off, so that the store has an upload that nobody will finish.
        """
        uploads = self._uploads
        if cut and uploads is not None:
            await self._ask(lambda: uploads.end(self._base + path))
        await self.delete([path])
        if self.root is not None:
            await asyncio.to_thread(_unlink_unfinished, self.root / path)

    def attributes_of(self, headers: ObjectHeaders, mark: str) -> dict[str, str]:
        """What of an object's headers the store keeps: what goes over the wire as it is."""
        if not self.abilities.attributes:
            return {}
        kept = {
            name: value
            for field, name in _FIELDS.items()
            if (value := getattr(headers, field)) and _PLAIN.fullmatch(value)
        }
        room = _MAX_METADATA
        for name, value in headers.user.items():
            folded = name.lower()
            if folded == MARK or not self._names.fullmatch(folded) or not _PLAIN.fullmatch(value):
                continue
            room -= len(folded) + len(value)
            if room >= 0:
                kept[folded] = value
        return {**kept, MARK: mark}

    # The client

    async def _get(self, path: str, options: Any) -> Any:
        import obstore

        return await obstore.get_async(self._store, self._base + path, options=options)

    async def _removed(self, paths: Sequence[str]) -> None:
        """Remove what one request can; the client stops at the end of one in which an object was missing."""
        import obstore

        names = [self._base + path for path in paths]
        with contextlib.suppress(NoSuchKey):
            await self._ask(lambda: obstore.delete_async(self._store, names))

    async def _write_whole(self, request: Callable[[], Awaitable[T]], seconds: float | None = 0) -> T:
        """As ``_write`` does, what can be sent again.

        A store that keeps files says that a key is a folder whenever it cannot name a file, so also if the folder
        above went with its last object meanwhile.
        """
        for _ in range(_FOLDERS_GONE):
            with contextlib.suppress(InvalidObjectName):
                return await self._write(request, seconds)
        return await self._write(request, seconds)

    async def _write(self, request: Callable[[], Awaitable[T]], seconds: float | None = 0) -> T:
        from obstore import exceptions

        async def asked() -> T:
            try:
                return await request()
            except exceptions.BaseError as error:
                told = str(error)
                if _FOLDER.search(told):
                    raise _is_folder() from error
                if _LONG.search(told):
                    raise KeyTooLong("The store does not take so long a key.") from error
                if isinstance(error, exceptions.AlreadyExistsError):
                    raise ObjectAlreadyExists from error
                if isinstance(error, exceptions.PreconditionError):
                    raise ObjectChanged from error
                raise

        return await self._ask(asked, seconds)

    async def _ask(self, request: Callable[[], Awaitable[T]], seconds: float | None = 0) -> T:
        """What a request gives, in time. Raises ``CosError`` and nothing else."""
        limit = self._limits.timeout if seconds == 0 else seconds
        try:
            async with asyncio.timeout(limit), self._limits.places:
                answer = await request()
        except Exception as error:  # whatever a store's client raises
            told = as_answer(error, self._secrets, anonymous=False)
            self._limits.counts["missing" if isinstance(told, NoSuchKey) else "failed"] += 1
            if told is error:
                raise
            raise told from error
        self._limits.counts["answered"] += 1
        return answer


class _Stopped(CosError):
    """A write that nobody waits for any more."""

    status, code, default_message = 503, "ServiceUnavailable", "The write was given up."


def _is_folder() -> InvalidObjectName:
    return InvalidObjectName(
        "The store keeps objects as files, so that no key can be a folder of other keys too."
    )


def _has_room(root: Path, path: str) -> bool:
    """Whether there is no folder of that name, and no file in place of a folder above it."""
    place = root / path
    if place.is_dir():
        return False
    for folder in place.parents:
        if folder == root or folder.is_dir():
            return True
        if folder.exists():
            return False
    return True


def _is_inside(root: Path, key: str) -> bool:
    """Whether a key is a file of the folder, and not one that a link leads to outside; never a pipe or a device."""
    try:
        place = (root / key).resolve(strict=True)
        return place.is_relative_to(root) and place.is_file()
    except (OSError, ValueError, RuntimeError):
        return False


def _unlink_unfinished(file: Path) -> None:
    """What the client left of a file that it did not write to the end."""
    for left in file.parent.glob(f"{file.name}#*"):
        left.unlink(missing_ok=True)
