"""POST Object: uploads by HTML forms (``docs/spec/api/object-api.md#2.5``)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode, urlsplit

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from openmogr.api.access import check_write_at
from openmogr.api.attributes import check_key, content_md5, forbids_overwrite, request_attributes
from openmogr.api.body import traffic_limit
from openmogr.api.coverage import check_fields
from openmogr.api.errors import (
    IncorrectNumberOfFilesInPostRequest,
    MalformedPOSTRequest,
)
from openmogr.api.grants import check_form
from openmogr.api.persistent import checked_operations, store_and_process
from openmogr.api.request import Request
from openmogr.api.response import Header, Response, xml_response
from openmogr.api.s3.form import cos_fields, note_dialect
from openmogr.api.services import Services
from openmogr.api.verdict import check_policy_at
from openmogr.api.xml import Node, quoted
from openmogr.auth.policy import SizeRange, verify_form
from openmogr.errors import AccessDenied, InvalidArgument
from openmogr.storage.errors import BadDigest, EntityTooLarge, EntityTooSmall
from openmogr.storage.interface import Digest, Staged, Write

__all__ = ["post_object"]

# Form fields that act like the headers of PUT Object.
_HEADER_FIELDS = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-type",
        "content-md5",
        "content-language",
        "expires",
        "pic-operations",
    }
)

_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass
class _Part:
    """One part of the form: the text of a field, or the file."""

    name: str
    filename: str | None
    data: bytearray = field(default_factory=bytearray)


class _FormReader:
    """Pulls parts out of the parser's callbacks: fields whole, the file in pieces."""

    def __init__(self, request: Request, limit: int) -> None:
        kind, options = parse_options_header(request.headers.get(b"content-type", b""))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise MalformedPOSTRequest("The Content-Type must be multipart/form-data with a boundary.")
        self._chunks = request.body()
        self._limit = limit
        self._events: list[tuple[str, bytes]] = []
        self._name = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._size = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": lambda: self._events.append(("part", self._disposition())),
                "on_part_data": lambda data, start, end: self._events.append(("data", data[start:end])),
                "on_part_end": lambda: self._events.append(("end", b"")),
                "on_end": lambda: self._events.append(("done", b"")),
            },
        )

    def _header_end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _disposition(self) -> bytes:
        return self._headers.get(b"content-disposition", b"")

    async def _read(self) -> AsyncIterator[tuple[str, bytes]]:
        async for chunk in self._chunks:
            try:
                self._parser.write(chunk)
            except FormParserError:
                raise MalformedPOSTRequest() from None
            if len(self._name) + len(self._value) > self._limit:
                raise MalformedPOSTRequest("The headers of a form part are too long.")
            events, self._events = self._events, []
            for event in events:
                yield event
        yield "cut", b""

    async def fields(self) -> tuple[dict[str, str], str, AsyncIterator[bytes]]:
        """The fields before the file, the file's name, and its bytes."""
        events = self._read()
        fields: dict[str, str] = {}
        part: _Part | None = None
        async for kind, data in events:
            if kind == "part":
                part = _part(data)
                if part.name == "file":
                    return fields, part.filename or "", self._file(events)
            elif kind == "data" and part is not None:
                self._size += len(data)
                if self._size > self._limit:
                    raise MalformedPOSTRequest(f"The fields of the form exceed {self._limit} bytes.")
                part.data += data
            elif kind == "end" and part is not None:
                fields[part.name.lower()] = _text(bytes(part.data))
        raise IncorrectNumberOfFilesInPostRequest()

    async def _file(self, events: AsyncIterator[tuple[str, bytes]]) -> AsyncIterator[bytes]:
        inside = True
        async for kind, data in events:
            if kind == "data" and inside:
                yield data
            elif kind == "end":
                inside = False
            elif kind == "part":
                if _part(data).name == "file":
                    raise IncorrectNumberOfFilesInPostRequest()
            elif kind == "done":
                return
        raise MalformedPOSTRequest("The form ends early.")


def _part(disposition: bytes) -> _Part:
    _, options = parse_options_header(disposition)
    name = options.get(b"name")
    if name is None:
        raise MalformedPOSTRequest("A part of the form has no name.")
    filename = options.get(b"filename")
    return _Part(_text(name), None if filename is None else _text(filename))


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedPOSTRequest("A field of the form is not UTF-8.") from None


async def post_object(services: Services, request: Request) -> Response:
    """POST ``/`` with ``multipart/form-data``."""
    await services.storage.head_bucket(request.bucket)
    form = _FormReader(request, services.settings.max_form_field_bytes)
    fields, filename, chunks = await form.fields()
    key = fields.get("key", "").replace("${filename}", filename.replace("\\", "/").rpartition("/")[2])
    key = key.removeprefix("/")
    if not key:
        raise InvalidArgument("The form has no field key before its file.")
    check_key(key)
    fields["key"] = key
    note_dialect(request, fields)
    request = _signed_by_field(services, request, fields)
    sizes = verify_form(fields, request.bucket, services.verifier)
    if sizes is not None:
        request = replace(request, grant=sizes.grant)
    check_form(request, key)
    sender = request if sizes is None else replace(request, is_owner=True)
    await check_policy_at(services, sender, "PostObject", request.bucket, key)
    await check_write_at(services, sender, "PostObject", request.bucket, key)
    as_put = _as_put(request, cos_fields(request, fields), key)
    if sizes is None:
        check_fields(request, as_put.headers)
    as_put = _with_operations(request, as_put, by_policy=sizes is not None)
    attributes = request_attributes(as_put)
    operations = None
    if as_put.header("pic-operations") is not None:
        operations = await checked_operations(services, as_put)
    document: Node | None = None
    notes: list[Header] = []
    async with services.storage.stage() as staged:
        digest = await _receive(as_put, staged, chunks, sizes or SizeRange())
        if operations is not None:
            document, notes = await store_and_process(
                services, as_put, operations, attributes, (staged, digest)
            )
        else:
            forbid = forbids_overwrite(as_put)
            await services.storage.commit(
                [Write(request.bucket, key, staged, attributes, forbid_overwrite=forbid)]
            )
    response = _answer(request, fields, key, digest)
    response.headers += notes
    return response if document is None else _with_document(response, document)


def _signed_by_field(services: Services, request: Request, fields: dict[str, str]) -> Request:
    """The request as its field ``Signature`` signs it, which older pages and mini programs send without a policy."""
    if request.is_owner or fields.get("policy") or not (signature := fields.get("signature")):
        return request
    headers = {**request.headers, b"authorization": signature.encode()}
    if token := fields.get("x-cos-security-token"):
        headers[b"x-cos-security-token"] = token.encode()
    coverage = services.verifier.verify(replace(request.signature_input, headers=headers))
    grant = None if coverage is None else coverage.grant
    return replace(request, is_owner=coverage is not None, coverage=coverage, grant=grant)


def _as_put(request: Request, fields: dict[str, str], key: str) -> Request:
    """The request that a PUT of the same object would be. Raises ``InvalidArgument`` where there is none."""
    # The page that sends it, of which policies may speak.
    headers = {name: request.headers[name] for name in (b"referer",) if name in request.headers}
    for name, value in fields.items():
        if name in _HEADER_FIELDS or name.startswith("x-cos-") or name == "acl":
            # Pic-Operations is JSON, which may have lines.
            if not _TOKEN.fullmatch(name) or (name != "pic-operations" and _CONTROL.search(value)):
                raise InvalidArgument(f"The field {name[:64]!r} cannot be a header.")
            header = b"x-cos-acl" if name == "acl" else name.encode("ascii")
            if headers.setdefault(header, value.encode()) != value.encode():
                raise InvalidArgument("The fields acl and x-cos-acl say different things.")
    return replace(request, key=key, headers=headers)


def _with_operations(request: Request, as_put: Request, *, by_policy: bool) -> Request:
    """The same with ``Pic-Operations`` where it is a header of the form's request, as the WeChat SDK sends it.

    Raises:
        AccessDenied: a policy authorises the form, which cannot cover a header.
        InvalidArgument: there is a field too, and it says something else.
    """
    if by_policy:
        as_put = replace(as_put, is_owner=True)
    given = request.headers.get(b"pic-operations", b"").strip()
    if not given:
        return as_put
    if by_policy and not request.is_owner:
        raise AccessDenied(
            "The policy does not cover the header Pic-Operations: send it as a field with a condition."
        )
    field = as_put.headers.get(b"pic-operations", given)
    if field.strip() != given:
        raise InvalidArgument("The field and the header Pic-Operations say different things.")
    return replace(as_put, headers={**as_put.headers, b"pic-operations": given})


async def _receive(
    request: Request, staged: Staged, chunks: AsyncIterator[bytes], sizes: SizeRange
) -> Digest:
    expected = content_md5(request)
    traffic_limit(request)
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if sizes.max_bytes is not None and size > sizes.max_bytes:
            raise EntityTooLarge(f"The policy allows at most {sizes.max_bytes} bytes.")
        await staged.write(chunk)
    if size < sizes.min_bytes:
        raise EntityTooSmall(f"The policy asks for at least {sizes.min_bytes} bytes.")
    digest = await staged.finish()
    if expected is not None and expected != digest.md5:
        raise BadDigest()
    return digest


def _success_status(fields: dict[str, str]) -> int:
    text = fields.get("success_action_status", "")
    return int(text) if text in ("200", "201") else 204


def _with_document(response: Response, document: Node) -> Response:
    """The answer with the results of rules, which need a body; a redirection has none."""
    if response.status == 303:
        return response
    return xml_response(document, *_without_type(response), status=201 if response.status == 201 else 200)


def _without_type(response: Response) -> list[Header]:
    return [header for header in response.headers if header[0] != b"content-type"]


def _answer(request: Request, fields: dict[str, str], key: str, digest: Digest) -> Response:
    status = _success_status(fields)
    etag = quoted(digest.etag)
    location = f"http://{request.location(request.bucket, key)}"
    headers = [
        (b"etag", etag.encode()),
        (b"x-cos-hash-crc64ecma", b"%d" % digest.crc64),
    ]
    target = fields.get("success_action_redirect") or fields.get("redirect") or ""
    if urlsplit(target).scheme in ("http", "https") and not any(char in target for char in "\r\n\0"):
        query = urlencode({"bucket": request.bucket, "key": key, "etag": etag})
        joint = "&" if "?" in target else "?"
        return Response(303, [*headers, (b"location", f"{target}{joint}{query}".encode())])
    headers.append((b"location", quote(location, safe="/:").encode()))
    if status == 201:
        return xml_response(
            (
                "PostResponse",
                [("Bucket", request.bucket), ("Key", key), ("ETag", etag), ("Location", location)],
            ),
            *headers,
            status=201,
        )
    return Response(status, headers)
