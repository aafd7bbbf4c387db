"""Decide who sent a request that is signed for S3, by AWS signature version 4."""

from __future__ import annotations

import hmac
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from openmogr.auth.credentials import Credential
from openmogr.auth.errors import (
    AuthorizationHeaderMalformed,
    MissingSecurityHeader,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
)
from openmogr.auth.signed import Coverage, SignedRequest
from openmogr.auth.sigv4 import (
    STREAMING_SIGNED,
    STREAMING_SIGNED_TRAILER,
    STREAMING_UNSIGNED_TRAILER,
    UNSIGNED,
    PayloadSignature,
    canonical_request,
    encode_name,
    encode_path,
    sign_text,
    string_to_sign,
)
from openmogr.auth.sigv4_fields import V4Fields, amz_query, from_header, from_query, parse_amz_date
from openmogr.dates import parse_http_date
from openmogr.errors import AccessDenied, InvalidArgument

__all__ = ["V4Verifier"]

_CONTENT_SHA256 = re.compile(r"[0-9a-f]{64}")
_PAYLOADS = frozenset({UNSIGNED, STREAMING_SIGNED, STREAMING_SIGNED_TRAILER, STREAMING_UNSIGNED_TRAILER})
# Says only which program sent the request; some add it behind the signer's back.
_NEED_NOT_BE_SIGNED = frozenset({b"x-amz-user-agent"})
# What the processing API says of a signature that has expired (docs/spec/api/errors.md#5).
_EXPIRED = -46619
_SPACES = re.compile(rb" {2,}")


@dataclass(frozen=True, slots=True)
class V4Verifier:
    """Checks signatures of AWS version 4.

    Attributes:
        credential: the key pair of a SecretId, given what tells the security token.
        regions: those that a signature may be for; empty: any, as with COS.
        strict: see :class:`openmogr.auth.Verifier`.
    """

    credential: Callable[[str, Callable[[], str | None]], Credential]
    clock: Callable[[], float]
    clock_skew: int
    regions: Sequence[str] = ()
    strict: bool = False

    def verify(self, request: SignedRequest, header: str) -> Coverage:
        """What the owner signed of a request that has a signature of S3.

        Raises:
            AuthorizationHeaderMalformed, AuthorizationQueryParametersError: a field is missing or makes no sense.
            AccessDenied: a presigned URL is too old, or a header that counts is not signed.
            InvalidArgument: it is signed twice, or ``x-amz-content-sha256`` makes no sense.
            MissingSecurityHeader, InvalidAccessKeyId, ExpiredToken, RequestTimeTooSkewed, SignatureDoesNotMatch:
                what they say.
        """
        parameters = amz_query(request.query)
        in_query = not header.strip()
        if in_query:
            fields = from_query(parameters)
        else:
            if any(f"x-amz-{name}" in parameters for name in ("signature", "credential", "algorithm")):
                raise InvalidArgument("Only one of the Authorization header and X-Amz-Signature is allowed.")
            fields = from_header(header)
        self.check_region(fields)
        credential = self.credential(fields.secret_id, lambda: _token(request, parameters))
        time = self._checked_time(request, fields)
        content_sha256 = _content_sha256(request, parameters, in_query=in_query)
        _check_signed_headers(request, fields.signed_headers)
        key = fields.scope.key(credential.secret_key)
        for text in _canonical_requests(request, fields, content_sha256):
            expected = sign_text(key, string_to_sign(time, str(fields.scope), text))
            if hmac.compare_digest(expected.encode(), fields.signature.encode()):
                break
        else:
            raise SignatureDoesNotMatch()
        return Coverage(
            in_query=in_query,
            strict=self.strict,
            headers=frozenset(fields.signed_headers),
            parameters=frozenset(),
            secret_id=credential.secret_id,
            grant=credential.grant,
            payload=PayloadSignature(content_sha256, fields.signature, time, str(fields.scope), key),
        )

    def check_region(self, fields: V4Fields) -> None:
        """Raises ``AuthorizationHeaderMalformed`` where the settings name regions and this is none of them."""
        if self.regions and fields.scope.region not in self.regions:
            raise AuthorizationHeaderMalformed(
                f"The region {fields.scope.region!r} is wrong; expecting {self.regions[0]!r}.",
                headers={"x-amz-bucket-region": self.regions[0]},
            )

    def check_time(self, time: str) -> None:
        """Raises ``RequestTimeTooSkewed`` for a time, which is one, too far from now."""
        moment = parse_amz_date(time)
        assert moment is not None
        if abs(moment.timestamp() - self.clock()) > self.clock_skew:
            raise RequestTimeTooSkewed()

    def _checked_time(self, request: SignedRequest, fields: V4Fields) -> str:
        """The time of the signature as it stands in the text that is signed."""
        if fields.expires is None:
            time = _header_time(request.headers)
            if not time.startswith(fields.scope.date):
                raise AuthorizationHeaderMalformed("The date of Credential is not that of x-amz-date.")
            self.check_time(time)
            return time
        moment = parse_amz_date(fields.time)
        assert moment is not None
        now = self.clock()
        if moment.timestamp() > now + self.clock_skew:
            raise AccessDenied("Request is not yet valid")
        if now > moment.timestamp() + fields.expires:
            raise AccessDenied("Request has expired", number=_EXPIRED)
        return fields.time


def _header_time(headers: Mapping[bytes, bytes]) -> str:
    raw = headers.get(b"x-amz-date", b"").strip()
    if raw:
        time = raw.decode("latin-1")
        if parse_amz_date(time) is None:
            raise AccessDenied("x-amz-date must be a time as YYYYMMDDTHHMMSSZ.")
        return time
    date = parse_http_date(headers.get(b"date", b"").decode("latin-1"))
    if date is None:
        raise AccessDenied("A request signed for S3 requires a valid x-amz-date or Date header.")
    return date.strftime("%Y%m%dT%H%M%SZ")


def _content_sha256(request: SignedRequest, parameters: Mapping[str, str], *, in_query: bool) -> str:
    raw = request.headers.get(b"x-amz-content-sha256")
    text = parameters.get("x-amz-content-sha256") if raw is None else raw.decode("latin-1").strip()
    if not text:
        if in_query:
            return UNSIGNED
        raise MissingSecurityHeader("Missing required header for this request: x-amz-content-sha256.")
    if text not in _PAYLOADS and not _CONTENT_SHA256.fullmatch(text):
        raise InvalidArgument(
            "x-amz-content-sha256 must be the SHA-256 of the body as 64 hex digits in lower case, or one of "
            f"{', '.join(sorted(_PAYLOADS))}."
        )
    return text


def _check_signed_headers(request: SignedRequest, signed: Sequence[str]) -> None:
    """All ``x-amz-*`` headers must be signed, and all signed ones be there."""
    names = {name.encode() for name in signed}
    unsigned = [
        name.decode("latin-1")
        for name in request.headers
        if name.startswith(b"x-amz-") and name not in names and name not in _NEED_NOT_BE_SIGNED
    ]
    if unsigned:
        raise AccessDenied(
            "There were headers present in the request which were not signed: "
            f"{', '.join(name[:100] for name in unsigned)}."
        )
    missing = [name for name in signed if name != "host" and name.encode() not in request.headers]
    if missing:
        raise SignatureDoesNotMatch(f"The request does not have the signed header {missing[0][:100]}.")


def _token(request: SignedRequest, parameters: Mapping[str, str]) -> str | None:
    for name in (b"x-amz-security-token", b"x-cos-security-token"):
        if value := request.headers.get(name):
            return value.decode("latin-1").strip()
    return parameters.get("x-amz-security-token")


def _canonical_requests(request: SignedRequest, fields: V4Fields, content_sha256: str) -> Iterator[bytes]:
    """Every text the client may have signed, the likeliest first; all of them mean the same request."""
    items = [item for item in request.query if not item.lower().startswith("x-amz-signature=")]
    paths = dict.fromkeys(
        (encode_path(unquote_to_bytes(request.path)), request.path.decode("ascii", "surrogateescape"))
    )
    queries = dict.fromkeys((_canonical_query(map(_encoded, items)), _canonical_query(map(_as_sent, items))))
    for lines in _canonical_headers(request, fields.signed_headers):
        for path, query in itertools.product(paths, queries):
            yield canonical_request(request.method, path, query, lines, content_sha256)


def _canonical_query(pairs: Iterator[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _as_sent(item: str) -> tuple[str, str]:
    """Some clients sign what was put into the URL as it is, image operations above all."""
    name, _, value = item.partition("=")
    return name, value


def _encoded(item: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    # A plus is a space, but in image operations, which have no value.
    if equals and value:
        name, value = name.replace("+", "%20"), value.replace("+", "%20")
    return encode_name(unquote_to_bytes(name)), encode_name(unquote_to_bytes(value))


def _canonical_headers(request: SignedRequest, names: Sequence[str]) -> Iterator[list[tuple[str, bytes]]]:
    """The signed headers with trimmed values, for each host that may have been meant."""
    order = sorted(names)
    found: list[list[tuple[str, bytes]]] = []
    values = {name: _trimmed(request.headers.get(name.encode(), b"")) for name in order if name != "host"}
    for host in request.hosts or (b"",):
        for repair in _REPAIRS:
            lines = [(name, host if name == "host" else repair(values[name])) for name in order]
            if lines not in found:
                found.append(lines)
                yield lines


def _trimmed(value: bytes) -> bytes:
    value = value.strip()
    return _SPACES.sub(b" ", value) if b"  " in value else value


def _same(value: bytes) -> bytes:
    return value


def _unjoined(value: bytes) -> bytes:
    """Repeated headers are joined by a comma and a space here, and by a comma in what is signed."""
    return value.replace(b", ", b",")


def _utf8(value: bytes) -> bytes:
    """A client that signs UTF-8 may still send Latin-1."""
    return value if value.isascii() else value.decode("latin-1").encode()


_REPAIRS = (_same, _unjoined, _utf8)
