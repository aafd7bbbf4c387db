"""Stores that objects are taken from: folders, and whatever ``obstore`` opens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from openmogr.storage.stores.metadata import split_attributes
from openmogr.storage.stores.names import nameable
from openmogr.storage.stores.opening import CannotOpen, open_store
from openmogr.transfer.details import Details, DetailsSource
from openmogr.transfer.signing import bucket_of

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
        details: ACL and tags.
    """

    chunks: AsyncIterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    user: Mapping[str, str] = field(default_factory=dict)
    details: Details = field(default_factory=Details)


class SourceStore:
    """A bucket, a folder, or a part of one.

    Args:
        store: opened.
        prefix: keys begin with it, and it stays part of them.
        name: for messages.
        details: asked for ACL and tags of each object; None: they are not taken.
        bucket: asked for the styles of the bucket; None: it has none, or they are not taken.
    """

    def __init__(
        self,
        store: ObjectStore,
        prefix: str,
        name: str,
        details: DetailsSource | None = None,
        bucket: DetailsSource | None = None,
    ) -> None:
        self._details = details
        self._bucket = bucket
        self._store = store
        self._prefix = prefix
        self.name = name

    async def list(self) -> AsyncIterator[Found]:
        """All objects, page by page. Raises ``SourceError``."""
        import obstore

        try:
            # The client takes folders for prefixes, and nothing else.
            folder = nameable(self._prefix.rpartition("/")[0])
            async for page in obstore.list(self._store, folder or None, chunk_size=1000):
                for item in page:
                    key = str(item["path"])
                    if key.startswith(self._prefix):
                        etag = str(item["e_tag"] or "").removeprefix("W/").strip('"')
                        yield Found(key, int(item["size"]), etag, item["last_modified"])
        except Exception as error:  # whatever a store's client raises
            told = " ".join(str(error).split())[:300]
            raise SourceError(f"{self.name} cannot be listed: {told}") from error

    async def styles(self) -> Mapping[str, str]:
        """Operation texts by the names of the bucket's styles. Raises what ``DetailsSource`` raises."""
        return {} if self._bucket is None else await self._bucket.styles()

    async def open(self, found: Found) -> Contents:
        """Read an object. Raises what ``obstore`` and ``DetailsSource`` raise."""
        import obstore

        details = Details() if self._details is None else await self._details.of(found.key)
        result = await obstore.get_async(self._store, found.key)
        headers, user = split_attributes(result.attributes)
        return Contents(_chunks(result.stream(min_chunk_size=_CHUNK)), headers, user, details)


async def _chunks(stream: AsyncIterator[object]) -> AsyncIterator[bytes]:
    async for chunk in stream:
        yield bytes(chunk)  # type: ignore[call-overload]  # obstore calls its buffers objects


def open_source(url: str, *, endpoint: str = "", region: str = "", details: bool = False) -> SourceStore:
    """The store of a URL or folder.

    Keys of ``s3://`` come from where AWS tools take them; those of ``cos://`` from ``COS_SECRET_ID`` and
    ``COS_SECRET_KEY`` or ``TENCENTCLOUD_…``.

    Args:
        url: ``s3://bucket/prefix``, ``cos://bucket-appid/prefix``, another URL that ``obstore`` knows (``gs://``,
            ``az://``, ``https://``), or a folder.
        endpoint: of a store that is not at its provider's place.
        region: of the bucket.
        details: ask for ACL and tags of each object, which only ``s3://`` and ``cos://`` tell.

    Raises:
        SourceError: it cannot be opened, or the package is missing.
    """
    parts = urlsplit(url)
    if details and parts.scheme not in ("s3", "cos"):
        raise SourceError(f"{url} tells no ACLs and tags: that is for s3:// and cos://")
    if parts.scheme == "cos" and not (region or endpoint):
        raise SourceError("cos:// needs --region, like ap-shanghai")
    try:
        if "://" not in url:
            folder = Path(url)
            if not folder.is_dir():
                raise SourceError(f"{url} is no folder")
            return SourceStore(open_store(folder.absolute().as_uri()), "", url)
        store = open_store(url, endpoint=endpoint, region=region)
        if parts.scheme == "file":
            return SourceStore(store, "", url)
        told = DetailsSource(*bucket_of(url, endpoint, region)) if details else None
        has_styles = details and parts.scheme == "cos"
        bucket = DetailsSource(*bucket_of(url, endpoint, region, service="pic")) if has_styles else None
        return SourceStore(store, parts.path.lstrip("/"), url, told, bucket)
    except CannotOpen as error:
        raise SourceError(str(error)) from error
