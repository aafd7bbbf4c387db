"""Copies on the server: whole objects and parts (``docs/spec/api/object-api.md#2.3``)."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import parse_qsl, unquote

from openmogr.api.access import open_readable
from openmogr.api.attributes import forbids_overwrite, header_tags, request_attributes
from openmogr.api.conditions import check_preconditions
from openmogr.api.errors import InvalidCopySource, InvalidRange, InvalidRequest
from openmogr.api.grants import check_place
from openmogr.api.hosts import HostTable, Style
from openmogr.api.persistent import process_copy
from openmogr.api.protection import check_original
from openmogr.api.request import Request
from openmogr.api.response import Header, Response, xml_response
from openmogr.api.s3.integrity import checksum_nodes, copied, copied_part
from openmogr.api.services import Services
from openmogr.api.xml import Node, iso_seconds, quoted
from openmogr.errors import InvalidArgument
from openmogr.storage.interface import ObjectAttributes, ObjectReader, Upload, Write

__all__ = ["copy_object", "copy_part", "parse_copy_source"]

_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]*")
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{1,18})")


def parse_copy_source(text: str, table: HostTable, own_host: str) -> tuple[str, str]:
    """Bucket and key of ``<host>/<key>``, ``<path-style host>/<bucket>/<key>`` or ``[/]<bucket>/<key>``.

    Raises:
        InvalidCopySource: it names no bucket or no key, or has a query that is more than a version.
        InvalidArgument: it asks for a version, and there are none.
    """
    raw, _, query = re.sub(r"^https?://", "", text.strip(), flags=re.IGNORECASE).partition("?")
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.lower() != "versionid":
            # Left out, it would be another object, or not what was asked for, that is copied.
            raise InvalidCopySource("Of a query a copy source takes versionId alone; a ? of a key is %3F.")
        if value not in ("", "null"):
            raise InvalidArgument("The source's bucket is not versioned: versionId must be null.")
    first, _, rest = unquote(raw).removeprefix("/").partition("/")
    host = table.resolve(first)
    if host.style is Style.VIRTUAL:
        bucket, key = host.bucket, rest
    elif host.known or first.lower() == own_host.lower() or not _BUCKET.fullmatch(first):
        bucket, _, key = rest.partition("/")
    else:
        bucket, key = first, rest
    if not bucket or not key:
        raise InvalidCopySource()
    return bucket, key


async def _open_source(services: Services, request: Request) -> ObjectReader:
    text = request.header("x-cos-copy-source") or ""
    bucket, key = parse_copy_source(text, services.hosts, request.host_text)
    check_place(request, "GetObject", bucket, key)
    as_get = replace(request, bucket=bucket, key=key)
    reader = await open_readable(services, as_get)
    try:
        await check_original(services, as_get, reader.info.attributes.headers.content_type)
        check_preconditions(request, reader.info.etag, reader.info.last_modified, "x-cos-copy-source-")
    except BaseException:
        await reader.aclose()
        raise
    return reader


async def copy_object(services: Services, request: Request) -> Response:
    """PUT Object - Copy, with ``Pic-Operations`` or without."""
    replaced = _directive(request, "x-cos-metadata-directive")
    tags_replaced = _directive(request, "x-cos-tagging-directive")
    given = request_attributes(request)
    await services.storage.head_bucket(request.bucket)
    async with await _open_source(services, request) as source:
        if (source.info.bucket, source.info.key) == (request.bucket, request.key) and not replaced:
            raise InvalidRequest("x-cos-metadata-directive must be Replaced when the source is the target.")
        old = source.info.attributes
        attributes = ObjectAttributes(
            headers=given.headers if replaced else old.headers,
            acl=given.acl,
            storage_class=given.storage_class,
            tags=header_tags(request) if tags_replaced else old.tags,
            checksum=await copied(request, source, old.checksum),
        )
        results: list[Node] = []
        notes: list[Header] = []
        if request.header("pic-operations") is not None:
            info, results, notes = await process_copy(services, request, source, attributes)
        else:
            forbid = forbids_overwrite(request)
            write = Write(request.bucket, request.key, source, attributes, forbid_overwrite=forbid)
            (info,) = await services.storage.commit([write])
    etag = quoted(info.etag)
    return xml_response(
        (
            "CopyObjectResult",
            [
                ("ETag", etag),
                ("CRC64", info.crc64),
                ("LastModified", iso_seconds(info.last_modified)),
                *checksum_nodes(request, info.attributes.checksum),
                *results,
            ],
        ),
        (b"etag", etag.encode()),
        (b"x-cos-hash-crc64ecma", b"%d" % info.crc64),
        *notes,
    )


async def copy_part(services: Services, request: Request, upload: Upload, number: int) -> Response:
    """Upload Part - Copy, of a range or of the whole source."""
    async with await _open_source(services, request) as source:
        start, stop = _range(request.header("x-cos-copy-source-range"), source.info.size)
        checksum = await copied_part(source, upload, start, stop)
        part = await services.storage.copy_part(
            request.bucket, request.key, upload.upload_id, number, source, start, stop, checksum
        )
    return xml_response(
        (
            "CopyPartResult",
            [
                ("ETag", quoted(part.etag)),
                ("CRC64", part.crc64),
                ("LastModified", iso_seconds(part.last_modified)),
                *checksum_nodes(request, part.checksum, kind=False),
            ],
        ),
        (b"x-cos-hash-crc64ecma", b"%d" % part.crc64),
    )


def _directive(request: Request, name: str) -> bool:
    """Whether a directive says ``Replaced`` (S3 clients: ``REPLACE``) and not ``Copy``."""
    text = (request.header(name) or "copy").lower()
    if text not in ("copy", "replaced", "replace"):
        raise InvalidArgument(f"{name} must be Copy or Replaced.")
    return text != "copy"


def _range(text: str | None, size: int) -> tuple[int, int]:
    if text is None:
        return 0, size
    match = _RANGE.fullmatch(text.strip())
    if match is None or int(match[2]) < int(match[1]):
        raise InvalidArgument("x-cos-copy-source-range must be bytes=first-last.")
    if int(match[1]) >= size:
        raise InvalidRange()
    return int(match[1]), min(int(match[2]) + 1, size)
