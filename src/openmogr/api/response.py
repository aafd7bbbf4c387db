"""An answer as the handlers make it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from openmogr.api.xml import Node, render

__all__ = ["Header", "Response", "http_date", "xml_response"]

Header = tuple[bytes, bytes]

_XML_TYPE = (b"content-type", b"application/xml")


@dataclass
class Response:
    """Status, headers and body.

    Attributes:
        headers: without ``Content-Length`` and ``x-cos-request-id``, which are added on the way out.
        body: the whole body, unless ``stream`` gives it.
        start: where in the object the body begins.
        length: of the body; needed with ``stream``, and for an answer to HEAD whose body is not made.
        close: called when the answer was sent, or could not be.
        document: what becomes the body, unless the request asks for a dialect of its own.
    """

    status: int = 200
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""
    stream: AsyncGenerator[bytes] | None = None
    start: int = 0
    length: int | None = None
    close: Callable[[], Awaitable[None]] | None = None
    document: Node | None = None

    def rendered(self) -> Response:
        """The same with the document as its body."""
        if self.document is not None:
            self.body, self.document = render(self.document), None
        return self


def xml_response(node: Node, *headers: Header, status: int = 200) -> Response:
    """An answer with an XML document."""
    return Response(status, [_XML_TYPE, *headers], document=node)


@lru_cache(maxsize=1024)
def http_date(moment: datetime) -> bytes:
    """RFC 9110 section 5.6.7."""
    return format_datetime(moment, usegmt=True).encode("ascii")
