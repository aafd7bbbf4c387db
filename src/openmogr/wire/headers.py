"""Header names in the case that clients expect on the wire (``docs/spec/api/clients.md#line-11``)."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["usual_case", "write_head"]

_IRREGULAR = {
    name.lower().encode(): name.encode()
    for name in ("ETag", "Content-MD5", "WWW-Authenticate", "X-ErrNo", "X-Slimflag", "X-GuetzliState", "TE")
}
_known: dict[bytes, bytes] = dict(_IRREGULAR)
# Only a program error could send ever new names; the bound keeps that from becoming a leak.
_MAX_KNOWN = 4096


def usual_case(name: bytes) -> bytes:
    """``content-length`` as ``Content-Length``, ``etag`` as ``ETag``; COS's names (``x-…``) in lower case."""
    known = _known.get(name)
    if known is not None:
        return known
    if b"\n" in name or b"\r" in name or b"\0" in name or b":" in name:
        raise ValueError(f"header {name!r} holds what would end it")
    lower = name.lower()
    if lower in _IRREGULAR:
        cased = _IRREGULAR[lower]
    elif lower.startswith(b"x-"):
        cased = lower
    else:
        cased = b"-".join(word.capitalize() for word in lower.split(b"-"))
    if len(_known) < _MAX_KNOWN:
        _known[name] = cased
    return cased


def write_head(status_line: bytes, headers: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """The pieces of a response head, without the empty line.

    Raises:
        ValueError: a name or a value would break out of its line.
    """
    lines = [status_line]
    known = _known
    for name, value in headers:
        lines.append(b"%b: %b\r\n" % (known.get(name) or usual_case(name), value))
    head = b"".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
        raise ValueError(f"a header of {[name for name, _ in headers]!r} holds a line break or NUL")
    return [head]
