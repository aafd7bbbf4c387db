"""Request targets (RFC 9112 section 3.2), kept raw: no decoding, no normalisation."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Target", "escape_line", "split_target"]

_ABSOLUTE = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)
_NON_ASCII = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True, slots=True)
class Target:
    """A request target taken apart, undecoded; ``authority`` is empty except for the absolute form."""

    authority: bytes
    path: bytes
    query: bytes


def split_target(target: bytes) -> Target:
    """Split origin form, absolute form (what proxies are sent) and ``*``. A fragment is dropped."""
    authority = b""
    if not target.startswith(b"/"):
        match = _ABSOLUTE.match(target)
        if match is not None:
            authority = match[1].rpartition(b"@")[2]
            target = target[match.end() :]
    target = target.partition(b"#")[0]
    path, _, query = target.partition(b"?")
    return Target(authority, path or b"/", query)


def escape_line(data: bytes) -> bytes:
    """Percent-encode raw non-ASCII bytes of the first line: curl sends them, the parser refuses them."""
    end = data.find(b"\n")
    line = data if end < 0 else data[:end]
    if line.isascii():
        return data
    return _NON_ASCII.sub(lambda match: b"%%%02X" % match[0][0], line) + data[len(line) :]
