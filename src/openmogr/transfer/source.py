"""Stores that objects are taken from: folders, and whatever ``obstore`` opens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from openmogr.storage.stores.metadata import split_attributes
from openmogr.storage.stores.opening import CannotOpen, open_store

if TYPE_CHECKING:
    from obstore.store import ObjectStore

__all__ = ["Contents", "Found", "SourceError", "SourceStore", "open_source"]

_CHUNK = 1024 * 1024


class SourceError(Exception):
    """A source that cannot be opened; the text says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object of a listing. ``etag`` is without quotes, and empty where the store has none."""

    key: str
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True)
class Contents:
    """An object that is read.

    Attributes:
        chunks: its bytes.
        headers: ``content_type`` and the others of ``ObjectHeaders``.
        user: user metadata by name.
    """

    chunks: AsyncIterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    user: Mapping[str, str] = field(default_factory=dict)


class SourceStore:
    """A bucket, a folder, or a part of one.

    Args:
        store: opened.
        prefix: keys begin with it, and it stays part of them.
        name: for messages.
    """

    def __init__(self, store: ObjectStore, prefix: str, name: str) -> None:
        self._store = store
        self._prefix = prefix
        self.name = name

    async def list(self) -> AsyncIterator[Found]:
        """All objects, page by page. Raises ``SourceError``."""
        import obstore

        try:
            async for page in obstore.list(self._store, chunk_size=1000):
                for item in page:
                    key = str(item["path"])
                    if key.startswith(self._prefix):
                        etag = str(item["e_tag"] or "").removeprefix("W/").strip('"')
                        yield Found(key, int(item["size"]), etag, item["last_modified"])
        except Exception as error:  # whatever a store's client raises
            told = " ".join(str(error).split())[:300]
            raise SourceError(f"{self.name} cannot be listed: {told}") from error

    async def open(self, found: Found) -> Contents:
        """Read an object. Raises what ``obstore`` raises."""
        import obstore

        result = await obstore.get_async(self._store, found.key)
        headers, user = split_attributes(result.attributes)
        return Contents(_chunks(result.stream(min_chunk_size=_CHUNK)), headers, user)


async def _chunks(stream: AsyncIterator[object]) -> AsyncIterator[bytes]:
    async for chunk in stream:
        yield bytes(chunk)  # type: ignore[call-overload]  # obstore calls its buffers objects


def open_source(url: str, *, endpoint: str = "", region: str = "") -> SourceStore:
    """The store of a URL or folder.

    Keys of ``s3://`` come from where AWS tools take them; those of ``cos://`` from ``COS_SECRET_ID`` and
    ``COS_SECRET_KEY`` or ``TENCENTCLOUD_…``.

    Args:
        url: ``s3://bucket/prefix``, ``cos://bucket-appid/prefix``, another URL that ``obstore`` knows (``gs://``,
            ``az://``, ``https://``), or a folder.
        endpoint: of a store that is not at its provider's place.
        region: of the bucket.

    Raises:
        SourceError: it cannot be opened, or the package is missing.
    """
    parts = urlsplit(url)
    if parts.scheme == "cos" and not (region or endpoint):
        raise SourceError("cos:// needs --region, like ap-shanghai")
    if "://" not in url:
        folder = Path(url)
        if not folder.is_dir():
            raise SourceError(f"{url} is no folder")
        return SourceStore(_open(folder.absolute().as_uri(), "", ""), "", url)
    prefix = "" if parts.scheme == "file" else parts.path.lstrip("/")
    return SourceStore(_open(url, endpoint, region), prefix, url)


def _open(url: str, endpoint: str, region: str) -> ObjectStore:
    try:
        return open_store(url, endpoint=endpoint, region=region)
    except CannotOpen as error:
        raise SourceError(str(error)) from error
