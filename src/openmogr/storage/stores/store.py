"""One bucket of a store, read by ``obstore``: objects looked up and opened, and pages of listings."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from openmogr.errors import CosError, NoSuchKey, NotImplementedHere
from openmogr.storage.embedded.keys import encode_text
from openmogr.storage.errors import StoreUnavailable
from openmogr.storage.interface import ObjectAttributes, ObjectInfo, ObjectList
from openmogr.storage.stores.errors import as_answer
from openmogr.storage.stores.listing import Entry, OutOfOrder, Page, list_page, sorted_scan
from openmogr.storage.stores.metadata import headers_of, split_attributes
from openmogr.storage.stores.names import check_readable, nameable
from openmogr.storage.stores.opening import CannotOpen, open_store, secrets_at_hand
from openmogr.storage.stores.reader import StoreReader
from openmogr.storage.stores.settings import GatewaySettings, StoreBucket

if TYPE_CHECKING:
    from obstore.store import ObjectStore

__all__ = ["Limits", "Store"]

T = TypeVar("T")
_log = logging.getLogger("openmogr.storage")

_ETAG = re.compile(r"[!#-~]{1,128}")
# Most entries that are sorted here for a store that does not list in order.
_MAX_SORTED = 1_000_000
_PAGE = 1000
_MAX_RETRIES = 2


@dataclass(frozen=True)
class Limits:
    """What requests to all stores may take together.

    Attributes:
        timeout: of one request, in seconds.
        places: as many requests as may run at a time.
        chunk_bytes: of what is read in one request.
        counts: of requests by what became of them.
    """

    timeout: float
    places: asyncio.Semaphore
    chunk_bytes: int
    counts: Counter[str] = field(default_factory=lambda: Counter(answered=0, missing=0, failed=0))

    @classmethod
    def of(cls, settings: GatewaySettings, chunk_bytes: int) -> Limits:
        """Those of the settings."""
        return cls(settings.timeout, asyncio.Semaphore(settings.max_requests), chunk_bytes)


class Store:
    """The place where the objects of a bucket lie; opened at once, asked later.

    Args:
        name: of the bucket here.
        place: where it is.
        limits: shared by all.

    Raises:
        CannotOpen: saying why.
    """

    def __init__(self, name: str, place: StoreBucket, limits: Limits) -> None:
        self._name = name
        self._place = place
        self._limits = limits
        self._secrets = secrets_at_hand()
        parts = urlsplit(place.url)
        # A folder of the file system is the root itself, whose parts of paths its client checks besides.
        self._root = Path(unquote(parts.path)).resolve() if parts.scheme == "file" else None
        folder = "" if self._root is not None else unquote(parts.path).strip("/")
        self._base = f"{folder}/" if folder else ""
        if nameable(folder) != folder:
            raise CannotOpen(f"the folder {folder!r} has an empty part, or one that leads elsewhere")
        # Folders are listed as the file system has them.
        self._is_ordered = self._root is None
        timeout = timedelta(seconds=limits.timeout)
        self._store: ObjectStore = open_store(
            place.url,
            endpoint=place.endpoint,
            region=place.region,
            anonymous=place.anonymous,
            options={}
            if self._root is not None
            else {
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
            },
        )

    async def open(self, key: str) -> StoreReader:
        """An object as it is now. Raises ``NoSuchKey``, ``StoreUnavailable``."""
        info, meta = await self._look_up(key)
        etag = meta["e_tag"]

        async def fetch(start: int, stop: int) -> bytes:
            options: dict[str, Any] = {"range": (start, stop)}
            # A weak one never matches.
            if etag and not etag.startswith("W/"):
                options["if_match"] = etag
            return await self._ask(lambda: self._piece(key, options, meta))

        return StoreReader(info, fetch, self._limits.chunk_bytes)

    async def head(self, key: str) -> ObjectInfo:
        """The same without the bytes."""
        return (await self._look_up(key))[0]

    async def list_page(self, prefix: str, delimiter: str, marker: str, max_keys: int) -> ObjectList:
        """A page of a listing, as of ``Storage.list_objects``; early at its end where the store is slow."""
        for name, text in (("prefix", prefix), ("delimiter", delimiter), ("marker", marker)):
            encode_text(name, text)
        page = Page(prefix, delimiter, max_keys)
        if self._is_ordered:
            try:
                await list_page(self._scan_of(prefix), self._exists, page, marker, self._limits.timeout)
            except OutOfOrder:
                _log.warning(
                    "%s: the store does not list in order: every page reads its whole folder", self._name
                )
                self._is_ordered = False
                page = Page(prefix, delimiter, max_keys)
        if not self._is_ordered and max_keys:
            scan = sorted_scan(await self._all_of(prefix))
            await list_page(scan, self._exists, page, marker, self._limits.timeout)
        objects = [self._listed(entry) for entry in page.items]
        return ObjectList(objects, page.prefixes, page.truncated, page.last if page.truncated else None)

    # The store's client

    async def _ask(self, request: Callable[[], Awaitable[T]]) -> T:
        """What a request gives, in time. Raises ``CosError`` and nothing else."""
        try:
            async with asyncio.timeout(self._limits.timeout), self._limits.places:
                answer = await request()
        except Exception as error:  # whatever a store's client raises
            told = as_answer(error, self._secrets, anonymous=self._place.anonymous)
            self._limits.counts["missing" if isinstance(told, NoSuchKey) else "failed"] += 1
            raise told from error
        self._limits.counts["answered"] += 1
        return answer

    async def _look_up(self, key: str) -> tuple[ObjectInfo, Any]:
        check_readable(key, urlsplit(self._place.url).scheme)
        if self._root is not None and not await asyncio.to_thread(_is_inside, self._root, key):
            raise NoSuchKey
        result = await self._ask(lambda: self._get(key, {"head": True}))
        meta = result.meta
        headers = headers_of(key, *split_attributes(result.attributes))
        origin = self._origin(key, meta)
        info = ObjectInfo(
            bucket=self._name,
            key=key,
            size=meta["size"],
            etag=_shown(meta["e_tag"], origin),
            crc64=0,
            last_modified=_milliseconds(meta["last_modified"]),
            attributes=ObjectAttributes(headers),
            origin=origin,
        )
        return info, meta

    async def _get(self, key: str, options: Any) -> Any:
        import obstore

        return await obstore.get_async(self._store, self._base + key, options=options)

    async def _piece(self, key: str, options: dict[str, Any], meta: Any) -> bytes:
        result = await self._get(key, options)
        names = ("size", "e_tag", "last_modified")
        if any(result.meta[name] != meta[name] for name in names):
            raise StoreUnavailable("The object was changed while it was read. Please try again.")
        data = bytes(await result.bytes_async())
        start, stop = options["range"]
        if len(data) != stop - start:
            raise StoreUnavailable(detail=f"{len(data)} bytes came of {stop - start}")
        return data

    async def _exists(self, key: str) -> bool:
        try:
            await self._look_up(key)
        except CosError as error:
            if isinstance(error, NoSuchKey):
                return False
            raise
        return True

    # Listings

    def _scan_of(self, prefix: str) -> Callable[[str], AsyncGenerator[Sequence[Entry]]]:
        def scan(after: str) -> AsyncGenerator[Sequence[Entry]]:
            return self._pages(prefix, nameable(self._base + after) if after else "")

        return scan

    async def _pages(self, prefix: str, offset: str) -> AsyncGenerator[Sequence[Entry]]:
        import obstore

        # The client takes folders for prefixes, and nothing else.
        folder = nameable((self._base + prefix).rpartition("/")[0])
        stream = obstore.list(self._store, folder or None, offset=offset or None, chunk_size=_PAGE)
        while True:
            try:
                items = await self._ask(lambda: anext(stream, None))
            except NoSuchKey as error:
                if self._root is None:
                    raise StoreUnavailable("The store of this bucket has no such bucket.") from error
                return
            if items is None:
                return
            yield [entry for item in items if (entry := self._entry(item)) is not None]

    def _entry(self, item: Any) -> Entry | None:
        path = str(item["path"])
        if not path.startswith(self._base):
            return None
        return Entry(path[len(self._base) :], int(item["size"]), item["e_tag"], item["last_modified"])

    async def _all_of(self, prefix: str) -> list[Entry]:
        found: list[Entry] = []
        async for entries in self._pages(prefix, ""):
            found += entries
            if len(found) > _MAX_SORTED:
                raise NotImplementedHere(
                    f"The folder has more than {_MAX_SORTED} objects, too many to be listed."
                )
        return found

    def _listed(self, entry: Entry) -> ObjectInfo:
        modified = _milliseconds(entry.modified)
        origin = f"{entry.etag} {entry.size} {modified}"
        return ObjectInfo(
            bucket=self._name,
            key=entry.key,
            size=entry.size,
            etag=_shown(entry.etag, origin),
            crc64=0,
            last_modified=modified,
            attributes=ObjectAttributes(),
            origin=origin,
        )

    def _origin(self, key: str, meta: Any) -> str:
        """What tells this content from all others, of this store and of those that the bucket had before."""
        modified: datetime = meta["last_modified"]
        parts = (
            *(self._place.url, self._place.endpoint, self._place.region, key),
            *(str(meta["e_tag"]), str(meta["version"]), str(meta["size"]), modified.isoformat()),
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _is_inside(root: Path, key: str) -> bool:
    """Whether a key is a file of the folder, and not one that a link leads to outside; never a pipe or a device."""
    try:
        place = (root / key).resolve(strict=True)
        return place.is_relative_to(root) and place.is_file()
    except (OSError, ValueError, RuntimeError):
        return False


def _shown(etag: str | None, origin: str) -> str:
    """The ETag without quotes; where the store has none of use, one of what is known."""
    plain = (etag or "").removeprefix("W/").strip('"')
    return plain if _ETAG.fullmatch(plain) else hashlib.sha256(origin.encode()).hexdigest()[:32]


def _milliseconds(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
