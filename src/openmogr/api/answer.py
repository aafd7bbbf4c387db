"""One answer to GET and HEAD of bytes: conditions, ranges and ``response-*``, whatever the bytes are."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from openmogr.api.conditions import check_preconditions, is_not_modified, requested_range
from openmogr.api.request import Request
from openmogr.api.response import Header, Response
from openmogr.errors import AccessDenied

__all__ = ["Body", "Described", "answer", "overrides_of"]

_OVERRIDES = {
    f"response-{name}": name.encode()
    for name in (
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
    )
}
# What browsers take for a document that may hold scripts, besides all that ends in +xml.
_DOCUMENTS = frozenset(
    {b"text/html", b"text/xml", b"text/xsl", b"application/xml", b"multipart/x-mixed-replace"}
)
_SANDBOX: Header = (
    b"content-security-policy",
    b"sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:",
)
_NOT_WITH_304 = (b"content-type", b"content-encoding", b"x-cos-hash-crc64ecma")


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of a representation before there is any byte of it.

    Attributes:
        headers: without those that only its body can tell.
    """

    etag: str
    modified: datetime
    headers: Sequence[Header]


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a representation.

    Attributes:
        size: of the whole.
        content: all of them; or how bytes from one position to another (exclusive) are read.
        headers: what only the body can tell, before those that were known.
        close: called when no byte is needed any more.
        prepare: called before bytes from one position to another are read, while a failure can still be told.
    """

    size: int
    content: bytes | Callable[[int, int], AsyncGenerator[bytes]]
    headers: Sequence[Header] = ()
    close: Callable[[], Awaitable[None]] | None = None
    prepare: Callable[[int, int], Awaitable[None]] | None = None


async def answer(
    request: Request,
    described: Described,
    produce: Callable[[], Awaitable[Body]],
    overrides: Sequence[Header] = (),
) -> Response:
    """The answer with or without a body, whole or in part.

    Args:
        request: GET or HEAD.
        described: what conditions are checked against.
        produce: gives the body; not called where none is needed.
        overrides: by :func:`overrides_of`.

    Raises:
        PreconditionFailed, InvalidRange: as the request asks for.
    """
    etag, modified = described.etag, described.modified
    check_preconditions(request, etag, modified)
    if is_not_modified(request, etag, modified):
        headers = _override(described.headers, overrides)
        return Response(304, [header for header in headers if header[0] not in _NOT_WITH_304])
    body = await produce()
    try:
        headers = _override([*body.headers, *described.headers], overrides)
        part = requested_range(request, body.size, etag, modified)
        start, stop, status = 0, body.size, 200
        if part is not None:
            headers.append((b"content-range", part.content_range))
            start, stop, status = part.start, part.stop, 206
        if request.host.sandboxed and _is_document(headers):
            headers.append(_SANDBOX)
        response = Response(status, headers, length=stop - start, close=body.close)
        if request.method != "HEAD" and stop > start:
            if not isinstance(body.content, bytes):
                if body.prepare is not None:
                    await body.prepare(start, stop)
                response.stream = body.content(start, stop)
            else:
                response.body = body.content if part is None else body.content[start:stop]
        return response
    except BaseException:
        if body.close is not None:
            await body.close()
        raise


def overrides_of(request: Request) -> list[Header]:
    """``response-*`` parameters that say something. Raises ``AccessDenied``: only signed requests may use them."""
    found = [
        (header, request.params[name].encode("utf-8", "replace"))
        for name, header in _OVERRIDES.items()
        if name in request.params
    ]
    if found and not request.is_owner:
        raise AccessDenied("Request specific response headers cannot be used for anonymous GET requests.")
    return [(name, value.translate(None, b"\r\n\0")) for name, value in found if value]


def _is_document(headers: Sequence[Header]) -> bool:
    """Whether a browser would show the body as a document of its own, in which scripts may run."""
    for name, value in headers:
        if name == b"content-disposition" and value.lower().lstrip().startswith(b"attachment"):
            return False
    # Browsers take the last of several types that they understand.
    types = {
        item.partition(b";")[0].strip().lower()
        for name, value in headers
        if name == b"content-type"
        for item in value.split(b",")
    }
    return not types or any(item in _DOCUMENTS or item.endswith(b"xml") for item in types)


def _override(headers: Sequence[Header], overrides: Sequence[Header]) -> list[Header]:
    replaced = {name for name, _ in overrides}
    return [*(header for header in headers if header[0] not in replaced), *overrides]
