"""A request as the handlers see it: taken apart once; of ASGI only the source of the body is left."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from openmogr.api.errors import IncompleteBody, InvalidRequest, InvalidURI, MissingRequestBody, XMLSizeLimit
from openmogr.api.hosts import Host, HostTable, Style
from openmogr.api.s3.state import S3
from openmogr.asgi import Receive, Scope
from openmogr.auth import Coverage, Grant, SignedRequest
from openmogr.errors import InvalidArgument
from openmogr.image import Query, find_operation

__all__ = ["Request", "read_request"]

_NO_QUERY = Query(None, ())
# Signatures do not cover the case of names, so none may depend on it; these have capitals.
_SPELLINGS = {name.lower(): name for name in ("uploadId", "partNumber", "versionId")}


@dataclass
class Request:
    """One request.

    Attributes:
        method: upper case.
        host: the resolved host that names the bucket.
        host_text: that host as the client wrote it, with its port; it stands in locations and resources.
        path: decoded, beginning with a slash.
        bucket: empty for requests to the service.
        key: empty for requests to the bucket.
        image_operation: the text of an image operation in the query, or None.
        params: the other query parameters, decoded, by name in COS's spelling whatever the case in which they
            came; of a repeated one the first. No value reads as empty.
        headers: raw values by lower-case name; repeated ones joined by a comma.
        is_owner: the owner signed it. Set once the signature has been checked.
        coverage: what of it the signature covers; None without a signature in headers or query.
        grant: what the key pair may do that authorises it; None: everything, or nothing authorises it.
        s3: that it speaks the dialect of S3; None for that of COS.
        client: the address that it comes from; None: the server itself makes it, whom no policy rules.
        operation: what it turned out to be, one of few names; for logs and metrics.
        is_own: it is for the server itself, below ``/-/``.
    """

    method: str
    host: Host
    host_text: str
    path: str
    bucket: str
    key: str
    image_operation: str | None
    params: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    raw_path: bytes
    raw_query: str
    hosts: tuple[bytes, ...]
    receive: Receive
    is_owner: bool = False
    coverage: Coverage | None = None
    operation: str = "none"
    s3: S3 | None = None
    grant: Grant | None = None
    is_own: bool = False
    client: str | None = None

    @property
    def resource(self) -> str:
        """``host/path``, as errors show it."""
        return self.host_text + self.path

    @property
    def signature_input(self) -> SignedRequest:
        """What a signature covers."""
        in_path = self.bucket and not self.is_own and self.host.style is not Style.VIRTUAL
        key = self.key if in_path else None
        return SignedRequest(self.method, self.raw_path, self.query_items, self.headers, self.hosts, key)

    @property
    def query_items(self) -> list[str]:
        """The query taken apart, undecoded."""
        return [item for item in self.raw_query.split("&") if item]

    @property
    def has_body(self) -> bool:
        """Whether a body of at least one byte, or of unknown length, is announced."""
        return b"transfer-encoding" in self.headers or (self.header("content-length") or "0") != "0"

    def header(self, name: str) -> str | None:
        """A header's text; None when absent or empty. UTF-8, or Latin-1 where it is not valid UTF-8."""
        raw = self.headers.get(name.encode("ascii"))
        if not raw or not (raw := raw.strip()):
            return None
        return _decode(raw)

    def location(self, bucket: str, key: str) -> str:
        """Where an object is reached in the way this request came: host and path without scheme."""
        if self.host.style is Style.VIRTUAL:
            if bucket == self.host.bucket:
                return f"{self.host_text}/{key}"
            _, dot, rest = self.host_text.partition(".")
            if self.host_text.lower().startswith(self.host.bucket + "."):
                return f"{bucket}{dot}{rest}/{key}"
        return f"{self.host_text}/{bucket}/{key}"

    async def body(self) -> AsyncGenerator[bytes]:
        """The body in pieces. Raises ``IncompleteBody`` when the client goes away before its end."""
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise IncompleteBody()
            chunk: bytes = message.get("body", b"")
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                return

    async def document(self, limit: int) -> bytes:
        """The whole body, which is XML. Raises ``XMLSizeLimit``, ``MissingRequestBody``."""
        pieces: list[bytes] = []
        size = 0
        async for chunk in self.body():
            size += len(chunk)
            if size > limit:
                raise XMLSizeLimit(f"The XML you provided is larger than {limit} bytes.")
            pieces.append(chunk)
        if not size:
            raise MissingRequestBody()
        return b"".join(pieces)

    def integer(self, name: str, default: int, minimum: int, maximum: int) -> int:
        """A query parameter as an integer; values above ``maximum`` are taken as ``maximum``.

        Raises:
            InvalidArgument: not a number, or below ``minimum``.
        """
        text = self.params.get(name, "")
        if not text:
            return default
        if not (text.isascii() and text.isdigit()) or len(text) > 18 or int(text) < minimum:
            raise InvalidArgument(f"{name} must be an integer from {minimum} to {maximum}.")
        return min(int(text), maximum)


def read_request(scope: Scope, receive: Receive, table: HostTable) -> Request:
    """Take an ASGI scope apart.

    Raises:
        InvalidRequest: there is not exactly one host.
        InvalidURI: the path does not decode to UTF-8.
    """
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in headers:
            if name == b"host":
                raise InvalidRequest("The request has more than one Host header.")
            value = headers[name] + b", " + value
        headers[name] = value
    authority: bytes = scope.get("extensions", {}).get("openmogr.authority", b"")
    host_header = headers.get(b"host", b"").strip()
    host_bytes = authority or host_header
    if not host_bytes and scope["http_version"] != "1.0":
        raise InvalidRequest("The request has no Host header.")
    host = table.resolve(host_bytes.decode("latin-1"))
    if authority and host_header and not host.known:
        # A client behind a proxy setting may put an address into the target and the bucket into the header.
        other = table.resolve(host_header.decode("latin-1"))
        if other.known:
            host, host_bytes = other, host_header
    raw_path: bytes = scope["raw_path"]
    raw_query = scope["query_string"].decode("ascii", "replace")
    query = find_operation(raw_query) if raw_query else _NO_QUERY
    params: dict[str, str] = {}
    for name, value in query.params:
        folded = name.lower()
        params.setdefault(_SPELLINGS.get(folded, folded), value or "")
    try:
        path = unquote_to_bytes(raw_path).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidURI("The path is not percent-encoded UTF-8.") from None
    bucket, key = host.bucket, path.removeprefix("/")
    if host.style is not Style.VIRTUAL:
        bucket, _, key = key.partition("/")
    return Request(
        method=scope["method"],
        host=host,
        host_text=host_bytes.decode("latin-1"),
        path=path if path.startswith("/") else "/" + path,
        bucket=bucket,
        key=key,
        image_operation=query.image_operation,
        params=params,
        headers=headers,
        raw_path=raw_path,
        raw_query=raw_query,
        hosts=_signed_hosts(host_header, authority),
        receive=receive,
    )


def _signed_hosts(*candidates: bytes) -> tuple[bytes, ...]:
    """Every host a client may have signed: as sent, and without the port."""
    hosts: dict[bytes, None] = {}
    for candidate in candidates:
        if candidate:
            hosts[candidate] = None
            name, colon, port = candidate.rpartition(b":")
            if colon and port.isdigit():
                hosts[name] = None
    return tuple(hosts)


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
