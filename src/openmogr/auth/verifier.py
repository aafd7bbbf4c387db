"""Decide who sent a request (``docs/spec/api/signature.md#3``); for signatures of S3 see ``sigv4_verifier``."""

from __future__ import annotations

import hmac
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
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
from openmogr.auth.signed import Coverage, SignedRequest
from openmogr.auth.sigv4_fields import is_aws
from openmogr.auth.sigv4_verifier import V4Verifier
from openmogr.auth.tokens import recognise
from openmogr.dates import parse_http_date
from openmogr.errors import AccessDenied, InvalidArgument

__all__ = ["Coverage", "SignedRequest", "Verifier"]


# What the processing API says of a signature that has expired (docs/spec/api/errors.md#5).
_EXPIRED = -46619


class Verifier:
    """Checks signatures against the key pairs that the server knows.

    Attributes:
        strict: for requests signed in their headers too, only what is signed counts.
        v4: checks signatures of S3.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        clock_skew: int = 900,
        clock: Callable[[], float] = time.time,
        strict: bool = False,
        regions: Sequence[str] = (),
    ) -> None:
        self.strict = strict
        self._credentials = credentials
        self._clock_skew = clock_skew
        self._clock = clock
        self.v4 = V4Verifier(self.credential, clock, clock_skew, regions, strict)

    def verify(self, request: SignedRequest) -> Coverage | None:
        """What the owner signed of a request; None for an anonymous one.

        Raises:
            AccessDenied: a field is missing, or the time of the signature has passed.
            InvalidArgument: a signed parameter is there more than once, so that it is open which one counts.
            SignatureVersionNotSupported: it is signed by a version of AWS that is not known here.
            InvalidAccessKeyId, ExpiredToken, RequestTimeTooSkewed, SignatureDoesNotMatch: what they say.
        """
        raw = request.headers.get(b"authorization")
        header = None if raw is None else raw.decode("latin-1")
        if _may_be_aws(request, header) and is_aws(
            header or "", (unquote_plus(item.partition("=")[0]) for item in request.query)
        ):
            _check_one_scheme(request.query, header or "")
            return self.v4.verify(request, header or "")
        authorization = from_request(header, request.query)
        if authorization is None:
            return None
        credential = self.credential(authorization.secret_id, lambda: _token(request))
        self.check_times(authorization.key_time, authorization.sign_time)
        if not authorization.in_query:
            self._check_date(request.headers.get(b"date"))
        _check_single(request.query, authorization.parameter_list)
        if not self._matches(request, request.path, credential, authorization):
            self._check_path_in_bucket(request, credential, authorization)
        headers, parameters = _covered(authorization.header_list, authorization.parameter_list)
        return Coverage(
            in_query=authorization.in_query,
            strict=self.strict,
            headers=headers,
            parameters=parameters,
            secret_id=credential.secret_id,
            grant=credential.grant,
        )

    def _check_path_in_bucket(
        self, request: SignedRequest, credential: Credential, authorization: Authorization
    ) -> None:
        """Accept the path without the bucket, unless others could move the signature to another bucket."""
        short = request.path_in_bucket
        if short is None or not self._matches(request, short, credential, authorization):
            raise SignatureDoesNotMatch()
        if authorization.in_query or self.strict:
            raise SignatureDoesNotMatch(
                "The signature is that of a path without the bucket, so that the URL would open every bucket. "
                "Sign the whole path, or name the bucket in the host."
            )

    @staticmethod
    def _matches(
        request: SignedRequest, path: bytes, credential: Credential, authorization: Authorization
    ) -> bool:
        for text in _http_strings(request, path, authorization):
            expected = sign(credential.secret_key, authorization.key_time, authorization.sign_time, text)
            if hmac.compare_digest(expected.encode(), authorization.signature.lower().encode()):
                return True
        return False

    def credential(self, secret_id: str, token: Callable[[], str | None]) -> Credential:
        """The key pair of a SecretId, after its token was checked where it needs one."""
        credential = self._credentials.find(secret_id)
        if credential is None and (text := token()):
            credential = recognise(self._credentials.owner, secret_id, text)
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
                raise AccessDenied("Request has expired", number=_EXPIRED)
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


# Clients sign the same few lists again and again.
@lru_cache(maxsize=1024)
def _covered(headers: tuple[str, ...], parameters: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """The names of two lists in all ways in which they are looked for."""
    return (
        frozenset(map(unquote, headers)),
        frozenset(itertools.chain.from_iterable(map(_spellings, parameters))),
    )


def _encoded_host(name: bytes) -> str:
    return _host(name) if len(name) < 256 else encode(name)


@lru_cache(maxsize=256)
def _host(name: bytes) -> str:
    """A host, encoded."""
    return encode(name)


def _may_be_aws(request: SignedRequest, header: str | None) -> bool:
    """Whether it is worth a look; most requests have no query, and say at once whose signature they carry."""
    return bool(request.query) or not (header is None or header.startswith("q-"))


def _check_one_scheme(query: Sequence[str], header: str) -> None:
    """Signatures of COS and S3 in one request would leave open whose rules hold."""
    others = any(item.startswith(("q-signature=", "q-ak=", "q-sign-algorithm=", "sign=")) for item in query)
    if others or (header.strip() and not header.strip().lower().startswith("aws4-")):
        raise InvalidArgument("The request is signed for COS and for S3; only one signature is allowed.")


def _token(request: SignedRequest) -> str | None:
    for name in (b"x-cos-security-token", b"x-ci-security-token"):
        if value := request.headers.get(name):
            return value.decode("latin-1").strip()
    for item in request.query:
        key, _, text = item.partition("=")
        if key.lower() in ("x-cos-security-token", "x-ci-security-token"):
            return unquote_plus(text)
    return None


def _http_strings(request: SignedRequest, raw_path: bytes, authorization: Authorization) -> Iterator[bytes]:
    """Every text the client may have signed, the likeliest first; few more than one in all."""
    path = unquote_to_bytes(raw_path)
    parameters = list(_parameter_strings(request.query, authorization.parameter_list))
    for header_text in _header_strings(request, authorization.header_list):
        for parameter_text in parameters:
            yield http_string(request.method, path, parameter_text, header_text)


def _header_strings(request: SignedRequest, names: tuple[str, ...]) -> Iterator[str]:
    if names == ("host",):  # what most clients sign
        for host in request.hosts:
            yield "host=" + _encoded_host(host)
        return
    values: dict[str, list[str]] = {}
    for name in names:
        if name == "host":
            values[name] = [_encoded_host(host) for host in request.hosts]
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


def _pick(present: Mapping[str, str], names: tuple[str, ...]) -> list[tuple[str, str]] | None:
    """The listed parameters with their values, or None when one is not in the request."""
    pairs = []
    for name in dict.fromkeys(names):
        key = next((key for key in _spellings(name) if key in present), None)
        if key is None:
            return None
        pairs.append((key, present[key]))
    return pairs


def _spellings(name: str) -> Iterator[str]:
    """A listed name as sent, and decoded: Node encodes the list up to twice more than others, and whoever puts the
    text of a signature into a URL as it is, once less.
    """
    yield name
    if "%" not in name and (encoded := _encode_text(name).lower()) != name:
        yield encoded
    for _ in range(2):
        if "%25" not in name:
            return
        name = unquote(name).lower()
        yield name


def _check_single(items: Sequence[str], names: tuple[str, ...]) -> None:
    """Go signs every value of a repeated parameter, Python the last one; handlers read one. So: one."""
    if not names:
        return
    counts: Counter[str] = Counter()
    for item in items:
        counts.update({_split_item(item)[0], *_whole_items_of(item)})
    for name in names:
        if any(counts[key] > 1 for key in _spellings(name)):
            raise InvalidArgument(
                f"The signed query parameter {unquote(name)[:100]!r} is given more than once."
            )


def _split_items(items: Sequence[str]) -> Mapping[str, str]:
    """Ordinary parameters: key and value part at the first ``=``, and ``+`` is a space."""
    return dict(map(_split_item, items))


def _whole_items(items: Sequence[str]) -> Mapping[str, str]:
    """The same, with items that have a slash also as keys without value: operations (``docs/spec/api/signature.md#3``,
    rule 5)."""
    whole = {key: "" for item in items for key in _whole_items_of(item) if "%2f" in key}
    return {**_split_items(items), **whole}


def _split_item(item: str) -> tuple[str, str]:
    key, _, value = item.partition("=")
    return _encode_text(unquote_plus(key)).lower(), _encode_text(unquote_plus(value))


def _whole_items_of(item: str) -> set[str]:
    """An item as a key without value: a last ``=`` may be an SDK's, or the padding of Base64."""
    return {_encode_text(unquote(text)).lower() for text in (item, item.removesuffix("="))}


def _encode_text(text: str) -> str:
    return encode(text.encode("utf-8", "surrogateescape"))
