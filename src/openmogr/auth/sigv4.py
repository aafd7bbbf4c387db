"""AWS signature version 4: the arithmetic, of requests, of the chunks of a body, and of form policies.

Source: "Authenticating Requests (AWS Signature Version 4)" of the Amazon S3 API Reference. All hex is lower case.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

__all__ = [
    "ALGORITHM",
    "STREAMING_SIGNED",
    "STREAMING_SIGNED_TRAILER",
    "STREAMING_UNSIGNED_TRAILER",
    "UNSIGNED",
    "PayloadSignature",
    "Scope",
    "canonical_request",
    "encode_name",
    "encode_path",
    "sign_text",
    "string_to_sign",
]

ALGORITHM = "AWS4-HMAC-SHA256"
# What stands in x-amz-content-sha256 in place of a hash.
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

_EMPTY_HASH = hashlib.sha256().hexdigest()


@dataclass(frozen=True, slots=True)
class Scope:
    """Where and when a signing key holds.

    Attributes:
        date: of the signature, as YYYYMMDD.
    """

    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    def key(self, secret_key: str) -> bytes:
        """The signing key, 32 bytes."""
        return _signing_key(secret_key, self.date, self.region, self.service)


@dataclass(frozen=True, slots=True)
class PayloadSignature:
    """What a request says of its body, and how the chunks of a streamed one are signed.

    Attributes:
        content_sha256: the hash of the body, or one of the texts that stand in its place.
        seed: the signature of the request, with which the chain of chunks begins.
        time: of the signature, as YYYYMMDDTHHMMSSZ.
    """

    content_sha256: str
    seed: str = ""
    time: str = ""
    scope: str = ""
    key: bytes = field(default=b"", repr=False)

    def chunk(self, previous: str, data_sha256: str) -> str:
        """The signature of a chunk after ``previous``."""
        lines = (f"{ALGORITHM}-PAYLOAD", self.time, self.scope, previous, _EMPTY_HASH, data_sha256)
        return sign_text(self.key, "\n".join(lines))

    def trailer(self, previous: str, trailer: bytes) -> str:
        """The signature of trailers, given as lines ``name:value`` each ended by a line feed."""
        digest = hashlib.sha256(trailer).hexdigest()
        lines = (f"{ALGORITHM}-TRAILER", self.time, self.scope, previous, digest)
        return sign_text(self.key, "\n".join(lines))


# One holds for a day.
@lru_cache(maxsize=1024)
def _signing_key(secret_key: str, date: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret_key.encode()
    for text in (date, region, service, "aws4_request"):
        key = hmac.digest(key, text.encode(), "sha256")
    return key


def encode_name(value: bytes) -> str:
    """Percent-encode all but ``A-Z a-z 0-9 - _ . ~``, with upper-case hex."""
    return quote(value, safe="")


def encode_path(value: bytes) -> str:
    """The same, but slashes stay."""
    return quote(value, safe="/")


def canonical_request(
    method: str, path: str, query: str, headers: Iterable[tuple[str, bytes]], content_sha256: str
) -> bytes:
    """The text that is hashed of a request.

    Args:
        method: upper case.
        path: encoded.
        query: encoded and sorted.
        headers: the signed ones by lower-case name, sorted, with trimmed values.
        content_sha256: what ``x-amz-content-sha256`` says.
    """
    given = list(headers)
    lines = b"".join(name.encode() + b":" + value + b"\n" for name, value in given)
    names = ";".join(name for name, _ in given)
    head = f"{method}\n{path}\n{query}\n".encode("ascii", "surrogateescape")
    return head + lines + f"\n{names}\n{content_sha256}".encode()


def string_to_sign(time: str, scope: str, request: bytes) -> str:
    """The text that is signed of a :func:`canonical_request`."""
    return "\n".join((ALGORITHM, time, scope, hashlib.sha256(request).hexdigest()))


def sign_text(key: bytes, text: str) -> str:
    """The signature of a text, 64 hex digits."""
    return hmac.digest(key, text.encode(), "sha256").hex()
