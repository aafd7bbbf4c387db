"""A request as signatures cover it, and what one was found to cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from openmogr.auth.grants import Grant
from openmogr.auth.sigv4 import PayloadSignature

__all__ = ["Coverage", "SignedRequest"]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What of a request a signature covers.

    Attributes:
        path: as sent, percent-encoded.
        query: raw items between ``&``.
        headers: raw values by lower-case name.
        hosts: what the client may have meant by ``host``, most likely first.
        key: the decoded key where the path's first segment is the bucket; else None.
    """

    method: str
    path: bytes
    query: Sequence[str]
    headers: Mapping[bytes, bytes]
    hosts: Sequence[bytes]
    key: str | None = None

    @property
    def path_in_bucket(self) -> bytes | None:
        """The path without the bucket where that is its first segment; some clients sign it."""
        return None if self.key is None else b"/" + quote(self.key).encode("ascii")


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the signature of the owner covers.

    Attributes:
        in_query: it stands in the URL, which others may have been given.
        strict: nothing that is not covered counts, in headers signatures neither.
        headers: the listed headers, in lower case.
        parameters: the listed parameters, percent-encoded, then in lower case.
        secret_id: of the key pair.
        grant: what the key pair may do; None: everything.
        payload: what a signature of S3, which covers the whole query, says of the body; None with one of COS.
    """

    in_query: bool
    strict: bool
    headers: frozenset[str]
    parameters: frozenset[str]
    secret_id: str = ""
    payload: PayloadSignature | None = None
    grant: Grant | None = None

    def header(self, name: str) -> bool:
        """Whether it covers the header of that name, given in lower case."""
        return name in self.headers

    def parameter(self, name: str) -> bool:
        """Whether it covers the query parameter of that name, or that operation."""
        if self.payload is not None:
            return True
        return quote(name.encode("utf-8", "surrogateescape"), safe="").lower() in self.parameters
