"""Conditional requests and ranges (RFC 9110 sections 13, 14; ``docs/spec/api/object-api.md#2.2``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from openmogr.api.errors import InvalidRange, PreconditionFailed
from openmogr.api.request import Request
from openmogr.dates import parse_http_date

__all__ = ["ByteRange", "check_preconditions", "is_not_modified", "parse_range", "requested_range"]

_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)
_MAX_DIGITS = 18


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
    if match is None or not (match[1] or match[2]) or max(map(len, match.groups())) > _MAX_DIGITS:
        return None
    if match[1]:
        start, last = int(match[1]), int(match[2]) if match[2] else size - 1
        if last < start and match[2]:
            return None
    else:
        start, last = max(size - int(match[2]), 0), size - 1
        if int(match[2]) == 0:
            start = size
    if start >= size:
        raise InvalidRange(headers={"Content-Range": f"bytes */{size}"})
    return ByteRange(start, min(last, size - 1) + 1, size)


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


def _tags_match(text: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in text.split(",")]
    return "*" in tags or etag in tags


def _date(text: str | None) -> datetime | None:
    """An HTTP date; None for anything else, which RFC 9110 has us ignore."""
    return None if text is None else parse_http_date(text)
