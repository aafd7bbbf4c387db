"""A request of S3 made into what the handlers of COS read, once its signature has been checked.

Headers ``x-amz-*`` become the ``x-cos-*`` of the same meaning, framing is taken off the body, and what its headers say
of the body is held against it. What has no meaning here is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from openmogr.api.errors import InvalidRequest, MissingContentLength
from openmogr.api.request import Request
from openmogr.api.s3.body import CheckedBody
from openmogr.api.s3.checksums import (
    ALGORITHMS,
    HEADER_PREFIX,
    Expected,
    algorithm_named,
    given_checksum,
)
from openmogr.api.s3.chunks import ChunkDecoder
from openmogr.auth import PayloadSignature
from openmogr.auth.sigv4 import (
    STREAMING_SIGNED,
    STREAMING_SIGNED_TRAILER,
    STREAMING_UNSIGNED_TRAILER,
    UNSIGNED,
)
from openmogr.errors import AccessDenied, InvalidArgument, NotSupported

__all__ = ["PRESETS", "is_s3", "prepare"]

_STREAMING = (STREAMING_SIGNED, STREAMING_SIGNED_TRAILER, STREAMING_UNSIGNED_TRAILER)

# Names behind ``x-amz-`` that mean the same behind ``x-cos-``.
_SAME = frozenset({
    "acl", "copy-source", "copy-source-range", "metadata-directive", "storage-class", "tagging", "tagging-directive",
    "copy-source-if-match", "copy-source-if-none-match", "copy-source-if-modified-since",
    "copy-source-if-unmodified-since", "grant-read", "grant-write", "grant-read-acp", "grant-write-acp",
    "grant-full-control", "server-side-encryption", "server-side-encryption-customer-algorithm",
    "forbid-overwrite", "traffic-limit",
})  # fmt: skip
# Those that this package reads itself, or that change nothing.
_READ_HERE = frozenset({
    "algorithm", "content-sha256", "credential", "date", "expires", "security-token", "signature", "signedheaders",
    "decoded-content-length", "trailer", "user-agent", "te", "request-payer",
    "checksum-algorithm", "checksum-type", "checksum-mode", "sdk-checksum-algorithm", "mp-object-size",
    "expected-bucket-owner", "source-expected-bucket-owner", "object-ownership", "bucket-object-lock-enabled",
    "object-attributes", "max-parts", "part-number-marker", "optional-object-attributes",
    "confirm-remove-self-bucket-access",
    *(item.header.removeprefix("x-amz-") for item in ALGORITHMS.values()),
})  # fmt: skip
_COS_SIGNATURE = frozenset({"q-signature", "q-ak", "q-sign-algorithm", "sign"})
# Presets of ACLs that come to the same where one account owns everything.
PRESETS = {"bucket-owner-read": "private", "bucket-owner-full-control": "private"}


def is_s3(request: Request) -> bool:
    """Whether a request speaks the dialect of S3: by its signature, or, without one, by what only S3 has."""
    authorization = request.headers.get(b"authorization", b"").strip().lower()
    if authorization:
        return authorization.startswith((b"aws4-", b"aws "))
    if not _COS_SIGNATURE.isdisjoint(request.params):
        return False
    return (
        request.params.get("list-type") == "2"
        or any(name.startswith("x-amz-") or name == "awsaccesskeyid" for name in request.params)
        or any(name.startswith((b"x-amz-", b"amz-sdk-")) for name in request.headers)
    )


def prepare(request: Request, owner_id: str) -> None:
    """Translate a request whose signature has been checked.

    Args:
        request: changed in place.
        owner_id: what ``x-amz-expected-bucket-owner`` must be.

    Raises:
        NotSupported, InvalidArgument, InvalidRequest, MissingContentLength, AccessDenied: naming the header.
    """
    assert request.s3 is not None
    given = _given(request)
    for name in ("expected-bucket-owner", "source-expected-bucket-owner"):
        if given.get(name, owner_id) != owner_id:
            raise AccessDenied(f"x-amz-{name} is not the owner of the bucket.")
    headers = _translated(request, given)
    request.s3.given = given
    body = _checked_body(request, given)
    if body is not None:
        request.receive = body
        if body.length is not None:
            headers[b"content-length"] = b"%d" % body.length
    if request.coverage is not None and request.coverage.payload is not None:
        names = frozenset(name.decode("latin-1") for name in headers if name.startswith(b"x-cos-"))
        unsigned = {name for name in names if name.encode() in request.headers}
        request.coverage = replace(request.coverage, headers=request.coverage.headers | (names - unsigned))
    request.headers = headers
    request.params = {
        name: value
        for name, value in request.params.items()
        if not name.startswith("x-amz-") and name != "x-id"
    }


def _given(request: Request) -> dict[str, str]:
    """All ``x-amz-*`` by the rest of their names; a presigned URL may carry headers as parameters.

    Raises:
        InvalidArgument: a header and a parameter of one name differ.
    """
    found = {
        name.removeprefix("x-amz-"): value
        for name, value in request.params.items()
        if name.startswith("x-amz-")
    }
    for raw in request.headers:
        if raw.startswith(b"x-amz-"):
            name = raw.decode("latin-1").removeprefix("x-amz-")
            value = request.header(f"x-amz-{name}") or ""
            if found.setdefault(name, value) != value:
                raise InvalidArgument(
                    f"The header and the parameter x-amz-{name[:100]} say different things."
                )
    return found


def _translated(request: Request, given: Mapping[str, str]) -> dict[bytes, bytes]:
    """The headers with ``x-cos-*`` in place of ``x-amz-*``.

    Raises:
        NotSupported: one has no meaning here, and the request writes; or it is about encryption.
        InvalidArgument: both are there, and differ.
    """
    headers = {name: value for name, value in request.headers.items() if not name.startswith(b"x-amz-")}
    reads = request.method in ("GET", "HEAD")
    for name, value in given.items():
        if name in _SAME or name.startswith("meta-"):
            if name == "acl":
                value = PRESETS.get(value, value)
            raw = f"x-cos-{name}".encode("latin-1")
            if headers.setdefault(raw, value.encode()) != value.encode():
                raise InvalidArgument(f"x-amz-{name[:100]} and x-cos-{name[:100]} say different things.")
        elif name not in _READ_HERE and (not reads or "server-side-encryption" in name):
            raise NotSupported(f"The header x-amz-{name[:100]} is not supported.")
    if given.get("bucket-object-lock-enabled", "false").lower() != "false":
        raise NotSupported("Object lock is not supported.")
    return headers


def _checked_body(request: Request, given: Mapping[str, str]) -> CheckedBody | None:
    """What stands between the body and its reader; None where nothing is said of the body."""
    assert request.s3 is not None
    content_sha256 = given.get("content-sha256", UNSIGNED)
    streamed = content_sha256 in _STREAMING
    codings = [part.strip() for part in (request.header("content-encoding") or "").lower().split(",")]
    if "aws-chunked" in codings and not streamed:
        raise InvalidRequest("Content-Encoding: aws-chunked needs x-amz-content-sha256: STREAMING-….")
    expected = _expected(request, given, trailers=content_sha256.endswith("-TRAILER"))
    decoder: ChunkDecoder | None = None
    if streamed:
        signature: PayloadSignature | None = None
        if content_sha256 != STREAMING_UNSIGNED_TRAILER:
            if request.coverage is None or request.coverage.payload is None:
                raise AccessDenied("The body is in signed chunks, but the request is not signed.")
            signature = request.coverage.payload
        decoder = ChunkDecoder(signature, has_trailer=content_sha256.endswith("-TRAILER"))
    elif content_sha256 == UNSIGNED and expected is None:
        return None
    body = CheckedBody(request.receive, request.s3, decoder)
    body.expected = expected
    if streamed:
        length = given.get("decoded-content-length", "")
        if not (length.isascii() and length.isdigit()) or len(length) > 18:
            raise MissingContentLength("A body in aws-chunked needs x-amz-decoded-content-length in bytes.")
        body.length = int(length)
    elif content_sha256 != UNSIGNED:
        body.sha256 = content_sha256
    return body


def _expected(request: Request, given: Mapping[str, str], *, trailers: bool) -> Expected | None:
    """The checksum that is announced of the body."""
    # With Complete it is that of the object, and a copy has no body.
    if ("uploadId" in request.params and request.method == "POST") or "copy-source" in given:
        return None
    expected = given_checksum(lambda name: given.get(name.removeprefix("x-amz-")) or None)
    announced = given.get("trailer", "").strip().lower()
    if announced:
        name = announced.removeprefix(HEADER_PREFIX).upper()
        if not trailers or not announced.startswith(HEADER_PREFIX) or name not in ALGORITHMS:
            raise InvalidRequest(
                "x-amz-trailer must name one checksum, x-amz-checksum-…, and needs x-amz-content-sha256: "
                "STREAMING-…-TRAILER."
            )
        if expected is not None:
            raise InvalidRequest("A checksum is given by a header or by a trailer, not by both.")
        return Expected(ALGORITHMS[name], trailer=True)
    algorithm = given.get("sdk-checksum-algorithm") or None
    if request.method == "PUT" and request.key:
        algorithm = algorithm or given.get("checksum-algorithm") or None
    if algorithm is not None:
        found = algorithm_named(algorithm)
        if expected is not None and expected.algorithm is not found:
            raise InvalidRequest(
                "The checksum is of another algorithm than x-amz-sdk-checksum-algorithm says."
            )
        return expected or Expected(found)
    return expected
