"""Folders and buckets by their texts: which they are, whether one lies in the other, and opening them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from openmogr.bulk.errors import BulkError
from openmogr.bulk.model import PlaceUrl
from openmogr.storage.stores.opening import CannotOpen, open_store

if TYPE_CHECKING:
    from obstore.store import ObjectStore

__all__ = ["STATE_FOLDER", "check_apart", "inner_prefix", "open_bucket", "place_of", "prefix_of", "shown"]

# In a folder of results: the ledger, and results on their way. No key of an object begins with it.
STATE_FOLDER = ".openmogr-bulk"


def place_of(text: str, *, endpoint: str = "", region: str = "") -> PlaceUrl:
    """The place that a text on the command line means. Raises ``BulkError``."""
    if "://" not in text:
        return PlaceUrl(str(Path(text).absolute()))
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise BulkError("a place is no URL") from error
    if "@" in parts.netloc or parts.query or parts.fragment:
        # Said without the text, which may hold a key.
        raise BulkError("a URL holds neither keys nor a query; keys come from the environment")
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise BulkError(f"{text} is no folder: that is file:///absolute/path")
        return PlaceUrl(unquote(parts.path))
    if not parts.netloc:
        raise BulkError(f"{text} names no bucket: {parts.scheme}://bucket/folder")
    return PlaceUrl(text, endpoint, region)


def prefix_of(place: PlaceUrl) -> str:
    """What keys of a bucket's place begin with; of a target it is a folder."""
    return "" if place.is_folder else unquote(urlsplit(place.url).path).lstrip("/")


def shown(place: PlaceUrl) -> str:
    """The place as one text, which the ledger knows it by."""
    if place.is_folder:
        return str(Path(place.url).resolve())
    return f"{place.url.rstrip('/')} {place.endpoint}".strip()


def open_bucket(place: PlaceUrl) -> ObjectStore:
    """The store of a bucket. Raises ``BulkError``."""
    try:
        return open_store(place.url, endpoint=place.endpoint, region=place.region)
    except CannotOpen as error:
        raise BulkError(str(error)) from error


def check_apart(source: PlaceUrl, target: PlaceUrl) -> None:
    """Raises ``BulkError`` where results would lie among the sources, which the next run would take for more."""
    if inner_prefix(source, target) == "":
        raise BulkError(
            "source and target are one place: results would be sources of the next run; name another folder"
        )


def inner_prefix(source: PlaceUrl, target: PlaceUrl) -> str | None:
    """What keys of the source begin with that lie in the target: empty for all, None for none."""
    if source.is_folder != target.is_folder:
        return None
    if source.is_folder:
        outer, inner = os.path.realpath(source.url), os.path.realpath(target.url)
        if inner == outer:
            return ""
        return os.path.relpath(inner, outer) + "/" if Path(inner).is_relative_to(outer) else None
    if _bucket(source) != _bucket(target):
        return None
    outer, inner = prefix_of(source), prefix_of(target).rstrip("/")
    inner = f"{inner}/" if inner else ""
    if outer.startswith(inner):
        return ""
    return inner if inner.startswith(outer) else None


def _bucket(place: PlaceUrl) -> tuple[str, str, str]:
    parts = urlsplit(place.url)
    return parts.scheme, parts.netloc, place.endpoint.rstrip("/")
