"""Decide who sent a request (``api/signature.md`` section 3)."""

from __future__ import annotations

import hmac
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus, unquote_to_bytes

from openmogr.auth.authorization import Authorization, from_request, parse_time
from openmogr.auth.credentials import Credential, Credentials
from openmogr.auth.errors import (
    ExpiredToken,
    InvalidAccessKeyId,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
)
from openmogr.auth.signature import encode, http_string, join_pairs, sign
from openmogr.dates import parse_http_date
from openmogr.errors import AccessDenied

__all__ = ["SignedRequest", "Verifier"]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What of a request a signature covers.

    Attributes:
        path: as sent, percent-encoded.
        query: raw items between ``&``.
        headers: raw values by lower-case name.
        hosts: what the client may have meant by ``host``, most likely first.
    """

    method: str
    path: bytes
    query: Sequence[str]
    headers: Mapping[bytes, bytes]
    hosts: Sequence[bytes]


class Verifier:
    """Checks signatures against the key pairs that the server knows."""

    def __init__(
        self, credentials: Credentials, *, clock_skew: int = 900, clock: Callable[[], float] = time.time
    ) -> None:
        self._credentials = credentials
        self._clock_skew = clock_skew
        self._clock = clock

    def verify(self, request: SignedRequest) -> bool:
        """True for the owner, False for an anonymous request.

        Raises:
            AccessDenied: a field is missing, or the time of the signature has passed.
            InvalidAccessKeyId, ExpiredToken, RequestTimeTooSkewed, SignatureDoesNotMatch: what they say.
        """
        header = request.headers.get(b"authorization")
        authorization = from_request(None if header is None else header.decode("latin-1"), request.query)
        if authorization is None:
            return False
        credential = self.credential(authorization.secret_id, lambda: _token(request))
        self.check_times(authorization.key_time, authorization.sign_time)
        if not authorization.in_query:
            self._check_date(request.headers.get(b"date"))
        for text in _http_strings(request, authorization):
            expected = sign(credential.secret_key, authorization.key_time, authorization.sign_time, text)
            if hmac.compare_digest(expected.encode(), authorization.signature.lower().encode()):
                return True
        raise SignatureDoesNotMatch()

    def credential(self, secret_id: str, token: Callable[[], str | None]) -> Credential:
        """The key pair of a SecretId, after its token was checked where it needs one."""
        credential = self._credentials.find(secret_id)
        if credential is None:
            raise InvalidAccessKeyId()
        if credential.token is not None:
            given = token() or ""
            if not hmac.compare_digest(credential.token.encode(), given.encode("utf-8", "surrogateescape")):
                raise AccessDenied("The security token does not belong to the access key id.")
            if credential.expires is not None and self._clock() > credential.expires:
                raise ExpiredToken()
        return credential

    def check_times(self, *times: str) -> None:
        """Check ``<start>;<end>`` texts against the clock; a start may lie a little in the future."""
        now = self._clock()
        for text in dict.fromkeys(times):
            start, end = parse_time(text)
            if now > end or end < start:
                raise AccessDenied("Request has expired")
            if start > now + self._clock_skew:
                raise RequestTimeTooSkewed()

    def _check_date(self, value: bytes | None) -> None:
        if not value:
            return
        date = parse_http_date(value.decode("latin-1"))
        if date is None:
            return
        if abs(date.timestamp() - self._clock()) > self._clock_skew:
            raise RequestTimeTooSkewed()


def _token(request: SignedRequest) -> str | None:
    for name in (b"x-cos-security-token", b"x-ci-security-token"):
        if value := request.headers.get(name):
            return value.decode("latin-1").strip()
    for item in request.query:
        key, _, text = item.partition("=")
        if key.lower() in ("x-cos-security-token", "x-ci-security-token"):
            return unquote_plus(text)
    return None


def _http_strings(request: SignedRequest, authorization: Authorization) -> Iterator[bytes]:
    """Every text the client may have signed, the likeliest first; few more than one in all."""
    path = unquote_to_bytes(request.path)
    parameters = list(_parameter_strings(request.query, authorization.parameter_list))
    headers = list(_header_strings(request, authorization.header_list))
    for header_text, parameter_text in itertools.product(headers, parameters):
        yield http_string(request.method, path, parameter_text, header_text)


def _header_strings(request: SignedRequest, names: tuple[str, ...]) -> Iterator[str]:
    values: dict[str, list[str]] = {}
    for name in names:
        if name == "host":
            values[name] = [encode(host) for host in request.hosts]
            continue
        raw = request.headers.get(unquote(name).encode("utf-8"))
        if raw is None:
            return
        raw = raw.strip()
        values[name] = [encode(raw)]
        if not raw.isascii():
            # A client that signs UTF-8 may still send Latin-1: http.client does.
            values[name].append(encode(raw.decode("latin-1").encode()))
    order = sorted(names)
    for chosen in itertools.islice(itertools.product(*(values[name] for name in order)), 16):
        yield join_pairs(zip(order, chosen, strict=True))


def _parameter_strings(items: Sequence[str], names: tuple[str, ...]) -> Iterator[str]:
    if not names:
        yield ""
        return
    for present in (_whole_items(items), _split_items(items)):
        pairs = _pick(present, names)
        if pairs is not None:
            yield join_pairs(sorted(pairs))


def _pick(present: Mapping[str, list[str]], names: tuple[str, ...]) -> list[tuple[str, str]] | None:
    """The listed parameters with their values, or None when one is not in the request."""
    pairs = []
    for name in dict.fromkeys(names):
        key = name
        for _ in range(2):  # Node encodes the list up to twice more than others
            if key in present or "%25" not in key:
                break
            key = unquote(key).lower()
        values = present.get(key)
        if values is None:
            return None
        # Go signs every value of a repeated parameter, Python the one that its dict kept.
        wanted = values if names.count(name) > 1 else values[-1:]
        pairs += [(key, value) for value in wanted]
    return pairs


def _split_items(items: Sequence[str]) -> Mapping[str, list[str]]:
    """Ordinary parameters: key and value part at the first ``=``, and ``+`` is a space."""
    present: defaultdict[str, list[str]] = defaultdict(list)
    for item in items:
        key, _, value = item.partition("=")
        present[_encode_text(unquote_plus(key)).lower()].append(_encode_text(unquote_plus(value)))
    return present


def _whole_items(items: Sequence[str]) -> Mapping[str, list[str]]:
    """The same, with items that have a slash also as keys without value: operations (section 3, rule 5)."""
    present = dict(_split_items(items))
    for item in items:
        text = unquote(item.removesuffix("="))
        if "/" in text:
            present[_encode_text(text).lower()] = [""]
    return present


def _encode_text(text: str) -> str:
    return encode(text.encode("utf-8", "surrogateescape"))
