"""Where objects are listed and read: folders of the file system, and buckets that ``obstore`` opens."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from openmogr.bulk.errors import BulkError, ObjectFailed
from openmogr.bulk.model import Item, PlaceUrl, Reason
from openmogr.bulk.places import STATE_FOLDER, open_bucket, prefix_of
from openmogr.image import Source
from openmogr.storage.stores.errors import scrubbed
from openmogr.storage.stores.opening import secrets_at_hand
from openmogr.transfer import SourceError, SourceStore

__all__ = ["PAGE", "BucketSource", "FolderSource", "Listed", "SourcePlace", "open_place"]

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as it is now.

    Attributes:
        key: in the store, or the path in the folder.
        size: in bytes.
        version: what tells its content from another.
    """

    key: str
    size: int
    version: str


class SourcePlace(Protocol):
    """A place that objects are read from.

    Attributes:
        base: what all keys begin with that is no part of the name of a result.
    """

    base: str

    def pages(self) -> AsyncIterator[list[Listed]]:
        """All objects, some at a time, in whatever order. Raises ``BulkError``."""

    async def look_up(self, key: str) -> Listed | None:
        """One object; None if there is none. Raises ``BulkError``."""

    async def read(self, item: Item) -> Source:
        """An object, as it was listed; whoever gets it calls :func:`close_source`. Raises ``ObjectFailed``."""


def close_source(source: Source) -> None:
    """Let go of what ``SourcePlace.read`` gave."""
    if source.descriptor is not None:
        os.close(source.descriptor)


def open_place(place: PlaceUrl) -> SourcePlace:
    """A place to read from. Raises ``BulkError``."""
    return FolderSource(Path(place.url)) if place.is_folder else BucketSource(place)


class FolderSource:
    """Files of a folder and all folders below. Links to folders are not followed, pipes and devices not read.

    The version of a file is the time of its last change.
    """

    base = ""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise BulkError(f"{folder} is no folder")
        self._folder = folder

    async def pages(self) -> AsyncIterator[list[Listed]]:
        """All files, some at a time, in the order of the file system."""
        files = _files(str(self._folder), "")
        while True:
            try:
                page = await asyncio.to_thread(lambda: list(islice(files, PAGE)))
            except OSError as error:
                raise BulkError(f"{error.filename} cannot be listed: {error.strerror}") from error
            if not page:
                return
            yield page

    async def look_up(self, key: str) -> Listed | None:
        """One file; None if there is none."""
        try:
            found = (self._folder / key).stat()
        except (OSError, ValueError):
            return None
        return Listed(key, found.st_size, str(found.st_mtime_ns))

    async def read(self, item: Item) -> Source:
        """An open file."""
        try:
            # A pipe in the place of the file would be waited for.
            descriptor = os.open(self._folder / item.key, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            told = error.strerror if isinstance(error, OSError) else error
            raise ObjectFailed(Reason.SOURCE, f"it cannot be read: {told}") from error
        found = os.fstat(descriptor)
        if (found.st_size, str(found.st_mtime_ns)) != (item.size, item.version):
            os.close(descriptor)
            raise ObjectFailed(Reason.CHANGED, "it was changed since it was listed")
        return Source(descriptor=descriptor, name=item.key)


def _files(folder: str, base: str) -> Iterator[Listed]:
    """One folder is open at each depth; none is read as a whole."""
    with os.scandir(folder) as entries:
        for entry in entries:
            key = base + entry.name
            if entry.is_dir(follow_symlinks=False):
                if key != STATE_FOLDER:
                    yield from _files(entry.path, f"{key}/")
            elif _is_file(entry):
                with suppress(FileNotFoundError):  # gone meanwhile
                    found = entry.stat()
                    yield Listed(key, found.st_size, str(found.st_mtime_ns))


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether there is a file; a link that leads nowhere, or to itself, is none."""
    try:
        return entry.is_file()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


class BucketSource:
    """A bucket, or a part of one. The version of an object is its ETag, or else the time of its last change."""

    def __init__(self, place: PlaceUrl) -> None:
        self._store = open_bucket(place)
        prefix = prefix_of(place)
        self.base = prefix[: prefix.rfind("/") + 1]
        self._listing = SourceStore(self._store, prefix, place.url)
        self._name = place.url

    async def pages(self) -> AsyncIterator[list[Listed]]:
        """All objects, some at a time, in the order of the store."""
        page: list[Listed] = []
        try:
            async for found in self._listing.list():
                if found.key.endswith("/") and not found.size:
                    continue  # the mark of a folder
                page.append(Listed(found.key, found.size, found.etag or found.modified.isoformat()))
                if len(page) == PAGE:
                    yield page
                    page = []
        except SourceError as error:
            raise BulkError(scrubbed(str(error), secrets_at_hand())) from error
        if page:
            yield page

    async def look_up(self, key: str) -> Listed | None:
        """One object, by a request of its own."""
        import obstore

        try:
            meta = await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return None
        except Exception as error:  # whatever a store's client raises
            told = scrubbed(str(error), secrets_at_hand())
            raise BulkError(f"{self._name}: {key} cannot be looked up: {told}") from error
        etag = _plain(meta["e_tag"])
        return Listed(key, int(meta["size"]), etag or meta["last_modified"].isoformat())

    async def read(self, item: Item) -> Source:
        """Its bytes."""
        import obstore

        try:
            result = await obstore.get_async(self._store, item.key)
            meta = result.meta
            version = _plain(meta["e_tag"]) or meta["last_modified"].isoformat()
            if (int(meta["size"]), version) != (item.size, item.version):
                raise ObjectFailed(Reason.CHANGED, "it was changed since it was listed")
            data = bytes(await result.bytes_async())
        except ObjectFailed:
            raise
        except FileNotFoundError as error:
            raise ObjectFailed(Reason.SOURCE, "it is not there any more") from error
        except Exception as error:  # whatever a store's client raises
            told = scrubbed(str(error), secrets_at_hand())
            raise ObjectFailed(Reason.SOURCE, f"it cannot be read: {told}", transient=True) from error
        if len(data) != item.size:
            raise ObjectFailed(Reason.SOURCE, f"{len(data)} bytes came of {item.size}", transient=True)
        return Source(data=data, name=item.key)


def _plain(etag: str | None) -> str:
    return (etag or "").removeprefix("W/").strip('"')
