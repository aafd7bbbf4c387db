"""What a run goes through: the pictures of a listing, or the lines of a manifest; some at a time, never all at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urlsplit

from openmogr.bulk.errors import BulkError
from openmogr.bulk.model import PlaceUrl
from openmogr.bulk.places import place_of, prefix_of
from openmogr.bulk.sources import PAGE, Listed, SourcePlace
from openmogr.image.formats.registry import SUFFIXES

__all__ = ["Feed", "Listing", "Manifest"]

# Of a manifest, that are looked up at a time.
_LOOK_UPS = 32


class Feed(Protocol):
    """Gives objects, and may be gone through again."""

    def names(self) -> AsyncIterator[list[tuple[str, int]]]:
        """Keys and bytes of all, some at a time; 0 bytes where that is not known. Raises ``BulkError``."""

    def pages(self) -> AsyncIterator[list[Listed | str]]:
        """All objects, some at a time; a key alone is one that is not there. Raises ``BulkError``."""


class Listing:
    """The pictures of a place.

    Args:
        source: is listed.
        without: keys that begin with it are left out; None: no key is.
        suffixes: keys have to end like pictures.
    """

    def __init__(self, source: SourcePlace, without: str | None, *, suffixes: bool) -> None:
        self._source = source
        self._without = without
        self._suffixes = suffixes

    async def names(self) -> AsyncIterator[list[tuple[str, int]]]:
        """Keys and bytes of all."""
        async for page in self._source.pages():
            yield [(found.key, found.size) for found in page if self._is_meant(found.key)]

    async def pages(self) -> AsyncIterator[list[Listed | str]]:
        """All objects."""
        async for page in self._source.pages():
            yield [found for found in page if self._is_meant(found.key)]

    def _is_meant(self, key: str) -> bool:
        if self._without is not None and key.startswith(self._without):
            return False
        return not self._suffixes or PurePosixPath(key).suffix.lower() in SUFFIXES


class Manifest:
    """A file with an object on each line: its key, its URL, or JSON with ``key`` or ``url``.

    JSON may tell ``size`` and ``etag`` besides, of objects of a bucket; each other one is looked up by a request.

    Args:
        path: of the file.
        root: that keys lie in; None: there are only URLs, all of one bucket.

    Raises:
        BulkError: a line is not understood, or of another place than the others; before anything is done.
    """

    def __init__(self, path: Path, root: PlaceUrl | None) -> None:
        self._path = path
        self.place = root or self._first_place()
        self._base = prefix_of(self.place)
        self._base = self._base[: self._base.rfind("/") + 1]
        for number, line in self._lines():
            self._parsed(number, line)

    def opened(self, source: SourcePlace) -> Manifest:
        """With the place that objects are looked up in."""
        self._source = source
        return self

    async def names(self) -> AsyncIterator[list[tuple[str, int]]]:
        """Keys of all, and bytes that lines tell."""
        async for lines in self._some():
            yield [(key, size or 0) for key, size, _ in lines]

    async def pages(self) -> AsyncIterator[list[Listed | str]]:
        """All objects, in the order of the lines."""
        places = asyncio.Semaphore(_LOOK_UPS)

        async def found(key: str, size: int | None, etag: str | None) -> Listed | str:
            if size is not None and etag and not self.place.is_folder:
                return Listed(key, size, etag.removeprefix("W/").strip('"'))
            async with places:
                return await self._source.look_up(key) or key

        async for lines in self._some():
            yield list(await asyncio.gather(*(found(*line) for line in lines)))

    async def _some(self) -> AsyncIterator[list[tuple[str, int | None, str | None]]]:
        lines = self._lines()
        while page := await asyncio.to_thread(lambda: list(islice(lines, PAGE))):
            yield [self._parsed(number, line) for number, line in page]

    def _lines(self) -> Iterator[tuple[int, str]]:
        try:
            with self._path.open(encoding="utf-8") as stream:
                for number, line in enumerate(stream, start=1):
                    if text := line.strip("\r\n"):
                        yield number, text
        except (OSError, UnicodeDecodeError) as error:
            raise BulkError(f"{self._path} cannot be read: {error}") from error

    def _first_place(self) -> PlaceUrl:
        for number, line in self._lines():
            text = self._fields(number, line)[0]
            if "://" not in text:
                break
            parts = urlsplit(text)
            return place_of("file:///" if parts.scheme == "file" else f"{parts.scheme}://{parts.netloc}")
        raise BulkError(f"{self._path} holds keys and no URLs: say with --root where they lie")

    def _parsed(self, number: int, line: str) -> tuple[str, int | None, str | None]:
        text, size, etag = self._fields(number, line)
        if self.place.is_folder:
            return self._file_key(number, text), size, etag
        if "://" not in text:
            return self._base + text, size, etag
        parts, root = urlsplit(text), urlsplit(self.place.url)
        if (parts.scheme, parts.netloc) != (root.scheme, root.netloc):
            raise self._wrong(number, f"is not of {root.scheme}://{root.netloc}, as the others are")
        # As it is written: ? and # are parts of keys.
        return text.partition("://")[2].partition("/")[2], size, etag

    def _file_key(self, number: int, text: str) -> str:
        if text.startswith("file://"):
            text = unquote(urlsplit(text).path)
        path = Path(self.place.url) / text
        if ".." in path.parts or not path.is_relative_to(self.place.url):
            raise self._wrong(number, f"is not in {self.place.url}")
        return str(path.relative_to(self.place.url))

    def _fields(self, number: int, line: str) -> tuple[str, int | None, str | None]:
        if not line.startswith("{"):
            return line, None, None
        try:
            told = json.loads(line)
        except ValueError as error:
            raise self._wrong(number, "is no JSON") from error
        text, size, etag = told.get("url") or told.get("key"), told.get("size"), told.get("etag")
        if not isinstance(text, str) or not text:
            raise self._wrong(number, "has neither key nor url")
        if not isinstance(size, int | None) or not isinstance(etag, str | None):
            raise self._wrong(number, "has a size that is no number, or an etag that is no text")
        return text, size, etag

    def _wrong(self, number: int, what: str) -> BulkError:
        return BulkError(f"{self._path}: line {number} {what}")
