"""A request as bytes, and an answer taken apart into what must be equal and what may differ."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from openmogr.auth import Credential, sign_request

BUCKET = "compare-1250000000"
HOST = f"{BUCKET}.cos.ap-shanghai.myqcloud.com"

# Headers whose values are of the moment; that they are there, and where, is compared all the same.
_MOMENTARY = frozenset({"date", "last-modified", "x-cos-request-id", "x-cos-trace-id", "x-openmogr-age"})
_MOMENTARY_LINES = re.compile(
    rb"(?im)^(%s): [^\r]*" % b"|".join(name.encode() for name in sorted(_MOMENTARY))
)
_DOCUMENT_PARTS = re.compile(
    rb"<(RequestId|TraceId|LastModified|Initiated|CreationDate|UploadId|ServerTime)>[^<]*</\1>"
)


@dataclass(frozen=True)
class Exchange:
    """One request of the list.

    Attributes:
        name: says what it is for.
        method, target, headers, body, host: as they go over the wire. A body of None sends no length.
        signed: with the owner's signature.
        keep: names for what the answer holds, by a pattern with one group; later requests write ``{name}``.
        raw: these bytes instead of all the above.
    """

    name: str
    method: str = "GET"
    target: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    host: str = HOST
    signed: bool = True
    keep: Mapping[str, bytes] = field(default_factory=dict)
    raw: bytes | None = None


@dataclass(frozen=True)
class Seen:
    """An answer without what is of the moment."""

    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def send(port: int, exchange: Exchange, credential: Credential, start: int, known: dict[str, str]) -> Seen:
    """Send one request over a connection of its own, and note in ``known`` what is to be kept of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(_request(exchange, credential, start, known))
        if exchange.raw is not None:
            connection.shutdown(socket.SHUT_WR)
        pieces = []
        while chunk := connection.recv(1 << 16):
            pieces.append(chunk)
    answer = b"".join(pieces)
    for name, pattern in exchange.keep.items():
        found = re.search(pattern, answer)
        known[name] = found[1].decode() if found else f"no-{name}"
    return take_apart(answer, several=exchange.raw is not None)


def _request(exchange: Exchange, credential: Credential, start: int, known: Mapping[str, str]) -> bytes:
    if exchange.raw is not None:
        return exchange.raw
    target = _filled(exchange.target, known)
    body = exchange.body
    if body is not None and known and b"{" in body:
        body = _filled(body.decode("latin-1"), known).encode("latin-1")
    lines = [f"{exchange.method} {target} HTTP/1.1", f"Host: {exchange.host}"]
    names = {name.lower() for name, _ in exchange.headers}
    if exchange.signed and "authorization" not in names:
        signature = sign_request(credential, exchange.method, target, {"host": exchange.host}, start=start)
        lines.append(f"Authorization: {signature}")
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {_filled(value, known)}" for name, value in exchange.headers]
    lines += ["Connection: close", "", ""]
    return "\r\n".join(lines).encode() + (body or b"")


def _filled(text: str, known: Mapping[str, str]) -> str:
    for name, value in known.items():
        text = text.replace("{" + name + "}", value)
    return text


def take_apart(answer: bytes, several: bool = False) -> Seen:
    """Status line, headers in their order and the body; of several answers in a row the others are its body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    kind = {name.lower(): value for name, value in pairs}
    if kind.get("transfer-encoding", "").lower() == "chunked":
        body = _unchunked(body)
    if "xml" in kind.get("content-type", "") or "json" in kind.get("content-type", ""):
        body = _DOCUMENT_PARTS.sub(rb"<\1>*</\1>", body)
    if several:
        body = _MOMENTARY_LINES.sub(rb"\1: *", body)
    return Seen(status, tuple((name, _timeless(name, value)) for name, value in pairs), body)


def _timeless(name: str, value: str) -> str:
    return "*" if name.lower() in _MOMENTARY else value


def _unchunked(body: bytes) -> bytes:
    pieces = []
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if not length:
            break
        pieces.append(body[:length])
        body = body[length + 2 :]
    return b"".join(pieces)
