"""Conditional requests and ranges (RFC 9110 sections 13, 14; ``docs/spec/api/object-api.md#2.2``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from openmogr.api.errors import InvalidRange, PreconditionFailed
from openmogr.api.parameters import SUBRESOURCES
from openmogr.api.request import Request
from openmogr.dates import parse_http_date
from openmogr.errors import CosError, NotSupported
from openmogr.storage.errors import ObjectAlreadyExists

__all__ = [
    "ByteRange",
    "as_condition",
    "check_preconditions",
    "check_write_conditions",
    "is_not_modified",
    "parse_range",
    "requested_range",
    "required_etag",
    "stays_if_there",
]

_RANGE = re.compile(r"bytes\s*=\s*([0-9]*)\s*-\s*([0-9]*)\s*", re.IGNORECASE)
# Of conditions on what is replaced; ``If-Modified-Since`` is for reading only (RFC 9110, section 13.1.3).
_CONDITIONS = (b"if-match", b"if-none-match", b"if-unmodified-since")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes ``start`` to ``stop`` (exclusive) of ``total``."""

    start: int
    stop: int
    total: int

    @property
    def content_range(self) -> bytes:
        """The value of ``Content-Range``."""
        return b"bytes %d-%d/%d" % (self.start, self.stop - 1, self.total)


def parse_range(text: str, size: int) -> ByteRange | None:
    """A ``Range`` header over ``size`` bytes; None where it is to be ignored, as several ranges are.

    Raises:
        InvalidRange: it asks for nothing that is there.
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if match[1]:
        start, last = _position(match[1]), _position(match[2]) if match[2] else size - 1
        if last < start and match[2]:
            return None
    else:
        length, last = _position(match[2]), size - 1
        start = max(size - length, 0) if length else size
    if start >= size:
        raise InvalidRange(headers={"Content-Range": f"bytes */{size}"})
    return ByteRange(start, min(last, size - 1) + 1, size)


def _position(digits: str) -> int:
    """A number of a range; beyond eighteen digits there is no object, so that they need not all be read."""
    return int(digits.lstrip("0")[:19] or "0")


def requested_range(request: Request, size: int, etag: str, modified: datetime) -> ByteRange | None:
    """The range to answer, with ``If-Range`` taken into account."""
    text = request.header("range")
    if text is None:
        return None
    condition = request.header("if-range")
    if condition is not None:
        date = _date(condition)
        if not (_tags_match(condition, etag) if date is None else date == modified.replace(microsecond=0)):
            return None
    return parse_range(text, size)


def check_preconditions(request: Request, etag: str, modified: datetime, prefix: str = "") -> None:
    """``If-Match`` and ``If-Unmodified-Since``; with the prefix of copies, all four conditions.

    Raises:
        PreconditionFailed: 412.
    """
    match = request.header(f"{prefix}if-match")
    if match is not None:
        if not _tags_match(match, etag):
            raise PreconditionFailed()
    else:
        since = _date(request.header(f"{prefix}if-unmodified-since"))
        if since is not None and modified.replace(microsecond=0) > since:
            raise PreconditionFailed()
    if prefix and is_not_modified(request, etag, modified, prefix):
        raise PreconditionFailed()


def is_not_modified(request: Request, etag: str, modified: datetime, prefix: str = "") -> bool:
    """``If-None-Match`` and, without it, ``If-Modified-Since``: whether 304 is the answer to GET and HEAD."""
    match = request.header(f"{prefix}if-none-match")
    if match is not None:
        return _tags_match(match, etag)
    since = _date(request.header(f"{prefix}if-modified-since"))
    return since is not None and modified.replace(microsecond=0) <= since


def check_write_conditions(request: Request) -> None:
    """Refuse conditions that a request which writes could not be held to.

    Raises:
        NotSupported: naming the condition.
    """
    if request.method not in ("PUT", "POST", "DELETE") or not any(map(request.headers.get, _CONDITIONS)):
        return
    given = {name: value.strip() for name in _CONDITIONS if (value := request.headers.get(name, b""))}
    whole = _replaces_an_object(request)
    if (none_match := given.get(b"if-none-match")) and (none_match != b"*" or not whole):
        raise NotSupported("If-None-Match of a request that writes must be *, and with an upload or a copy.")
    plain = not any(name in request.headers for name in (b"x-cos-copy-source", b"pic-operations"))
    if (match := given.get(b"if-match")) and (not whole or not plain or match == b"*" or b"," in match):
        raise NotSupported("If-Match is supported for plain uploads only, with one ETag.")
    if given.get(b"if-unmodified-since"):
        raise NotSupported("If-Unmodified-Since of a request that writes is not supported; If-Match is.")


def _replaces_an_object(request: Request) -> bool:
    """Whether it puts a whole object into the place of what is there: an upload, a copy or the end of one in parts."""
    subresources = SUBRESOURCES.intersection(request.params)
    if request.method == "PUT":
        return bool(request.key) and not subresources
    return request.method == "POST" and bool(request.key) and subresources == {"uploadId"}


def stays_if_there(headers: Mapping[bytes, bytes]) -> bool:
    """``If-None-Match: *`` of a request that writes: an object that is there stays."""
    return headers.get(b"if-none-match", b"").strip() == b"*"


def required_etag(request: Request) -> str | None:
    """``If-Match`` of a request that writes: the ETag that the object must have which it replaces."""
    text = request.header("if-match")
    return None if text is None else text.strip('"')


def as_condition(request: Request, error: CosError) -> CosError:
    """The same error, or 412 where it was a condition of HTTP that forbade to overwrite."""
    if isinstance(error, ObjectAlreadyExists) and stays_if_there(request.headers):
        return PreconditionFailed()
    return error


def _tags_match(text: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in text.split(",")]
    return "*" in tags or etag in tags


def _date(text: str | None) -> datetime | None:
    """An HTTP date; None for anything else, which RFC 9110 has us ignore."""
    return None if text is None else parse_http_date(text)
