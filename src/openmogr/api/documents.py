"""XML bodies of requests."""

from __future__ import annotations

import asyncio
import hashlib
from xml.etree.ElementTree import Element

from openmogr.api.attributes import content_md5
from openmogr.api.request import Request
from openmogr.api.services import Services
from openmogr.api.xml import parse
from openmogr.storage.errors import BadDigest

__all__ = ["AT_ONCE", "read_bytes", "read_document", "read_raw_document"]

# Longer documents are parsed off the event loop, which they would hold up for milliseconds to seconds.
AT_ONCE = 4096


async def read_bytes(request: Request, limit: int) -> bytes:
    """The body, which is a document of at most so many bytes; raises as :func:`read_raw_document`."""
    expected = content_md5(request)
    document = await request.document(limit)
    if expected is not None and expected != hashlib.md5(document, usedforsecurity=False).digest():
        raise BadDigest()
    return document


async def read_raw_document(services: Services, request: Request, root: str) -> tuple[bytes, Element]:
    """The body as received, and its root element.

    Raises:
        MissingRequestBody, XMLSizeLimit, MalformedXML, InvalidDigest, BadDigest: what they say.
    """
    document = await read_bytes(request, services.settings.max_xml_bytes)
    if len(document) <= AT_ONCE:
        return document, parse(document, root)
    return document, await asyncio.to_thread(parse, document, root)


async def read_document(services: Services, request: Request, root: str) -> Element:
    """The root element of the body; raises as :func:`read_raw_document`."""
    return (await read_raw_document(services, request, root))[1]
