"""The fields of a signature of AWS version 4, in a header, a query or a form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import unquote_plus

from openmogr.auth.errors import (
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    SignatureVersionNotSupported,
)
from openmogr.auth.sigv4 import ALGORITHM, Scope
from openmogr.errors import CosError, InvalidArgument

__all__ = ["V4Fields", "amz_query", "from_form", "from_header", "from_query", "is_aws", "parse_amz_date"]

# The longest that a presigned URL may hold, in seconds.
MAX_EXPIRES = 604_800
_DATE = re.compile(r"\d{8}T\d{6}Z")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_REGION = re.compile(r"[A-Za-z0-9_.*-]{1,64}")
# Query parameters and form fields, in lower case, that say how something is signed.
_V4_NAMES = frozenset({"x-amz-signature", "x-amz-credential", "x-amz-algorithm"})
_V2_NAMES = frozenset({"awsaccesskeyid"})


@dataclass(frozen=True, slots=True)
class V4Fields:
    """A signature as sent.

    Attributes:
        signed_headers: names in lower case, in the order of the signature.
        expires: seconds after ``time`` until which it holds; None where it stands in a header or a form.
        time: as YYYYMMDDTHHMMSSZ; empty in a header's, where another header has it.
    """

    secret_id: str
    scope: Scope
    signed_headers: tuple[str, ...]
    signature: str
    time: str = ""
    expires: int | None = None


def is_aws(header: str, names: Iterable[str]) -> bool:
    """Whether the ``Authorization`` header, or one of the parameters or fields, is that of AWS.

    Raises:
        SignatureVersionNotSupported: of version 2, or of the asymmetric version 4.
    """
    scheme = header.strip().lower()
    lower = {name.lower() for name in names}
    if scheme.startswith("aws ") or lower & _V2_NAMES:
        raise SignatureVersionNotSupported()
    if scheme.startswith("aws4-") and not scheme.startswith("aws4-hmac-sha256"):
        raise SignatureVersionNotSupported(
            "Of the signatures of AWS this server knows AWS4-HMAC-SHA256 only, not the asymmetric ones."
        )
    return scheme.startswith("aws4-") or bool(lower & _V4_NAMES)


def amz_query(items: Iterable[str]) -> dict[str, str]:
    """The query parameters ``x-amz-*`` of raw items, decoded, by lower-case name.

    Raises:
        InvalidArgument: one is given twice.
    """
    found: dict[str, str] = {}
    for item in items:
        key, _, value = item.partition("=")
        name = unquote_plus(key).lower()
        if name.startswith("x-amz-"):
            if name in found:
                raise InvalidArgument(f"The query parameter {name[:100]} is given more than once.")
            found[name] = unquote_plus(value)
    return found


def from_header(text: str) -> V4Fields:
    """Of ``AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…``.

    Raises:
        AuthorizationHeaderMalformed: naming what is wrong.
    """
    error = AuthorizationHeaderMalformed
    scheme, _, rest = text.strip().partition(" ")
    if scheme.upper() != ALGORITHM:
        raise error(f"The algorithm must be {ALGORITHM}.")
    pairs = (item.strip().partition("=") for item in rest.split(","))
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    return _fields(fields, ("Credential", "SignedHeaders", "Signature"), error)


def from_query(fields: Mapping[str, str]) -> V4Fields:
    """Of the parameters of a presigned URL, as :func:`amz_query` gives them.

    Raises:
        AuthorizationQueryParametersError: naming what is wrong.
    """
    error = AuthorizationQueryParametersError
    _check_algorithm(fields, error)
    expires = fields.get("x-amz-expires", "")
    if not (expires.isascii() and expires.isdigit()) or len(expires) > 9:
        raise error("X-Amz-Expires must be a number of seconds.")
    if not 1 <= int(expires) <= MAX_EXPIRES:
        raise error(f"X-Amz-Expires must be from 1 to {MAX_EXPIRES} seconds (7 days).")
    found = _fields(fields, ("x-amz-credential", "x-amz-signedheaders", "x-amz-signature"), error)
    time = _time(fields, found.scope, error)
    return V4Fields(found.secret_id, found.scope, found.signed_headers, found.signature, time, int(expires))


def from_form(fields: Mapping[str, str]) -> V4Fields:
    """Of form fields by lower-case name; no header is signed.

    Raises:
        AuthorizationQueryParametersError: naming what is wrong.
    """
    error = AuthorizationQueryParametersError
    _check_algorithm(fields, error)
    found = _fields({**fields, "-": "host"}, ("x-amz-credential", "-", "x-amz-signature"), error)
    return V4Fields(found.secret_id, found.scope, (), found.signature, _time(fields, found.scope, error))


def parse_amz_date(text: str) -> datetime | None:
    """``YYYYMMDDTHHMMSSZ``; None for anything else."""
    return _amz_date(text) if _DATE.fullmatch(text) else None


# A client signs many requests with one time.
@lru_cache(maxsize=1024)
def _amz_date(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _check_algorithm(fields: Mapping[str, str], error: type[CosError]) -> None:
    if fields.get("x-amz-algorithm") != ALGORITHM:
        raise error(f"X-Amz-Algorithm must be {ALGORITHM}.")


def _time(fields: Mapping[str, str], scope: Scope, error: type[CosError]) -> str:
    time = fields.get("x-amz-date", "")
    if parse_amz_date(time) is None:
        raise error("X-Amz-Date must be a time as YYYYMMDDTHHMMSSZ.")
    if not time.startswith(scope.date):
        raise error("The date of X-Amz-Credential is not that of X-Amz-Date.")
    return time


def _fields(fields: Mapping[str, str], names: tuple[str, str, str], error: type[CosError]) -> V4Fields:
    for name in names:
        if not fields.get(name):
            raise error(f"The signature lacks {name}.")
    credential, listed, signature = (fields[name] for name in names)
    headers = tuple(listed.lower().split(";"))
    if not all(_NAME.fullmatch(name) for name in headers) or len(set(headers)) != len(headers):
        raise error(f"{names[1]} is a list of header names, each once, parted by semicolons.")
    if "host" not in headers:
        raise error(f"{names[1]} must hold host.")
    if not _SIGNATURE.fullmatch(signature.lower()):
        raise error(f"{names[2]} must be 64 hex digits.")
    secret_id, scope = _scope(credential, names[0], error)
    return V4Fields(secret_id, scope, headers, signature.lower())


def _scope(credential: str, name: str, error: type[CosError]) -> tuple[str, Scope]:
    # The SecretId may hold slashes; what follows it may not.
    parts = credential.rsplit("/", 4)
    if len(parts) != 5:
        raise error(f"{name} must be SECRETID/YYYYMMDD/REGION/s3/aws4_request.")
    secret_id, date, region, service, end = parts
    if service != "s3":
        raise error(f"{name} is for the service {service[:40]!r}; this one is 's3'.")
    if end != "aws4_request":
        raise error(f"{name} must end in aws4_request.")
    if not re.fullmatch(r"\d{8}", date):
        raise error(f"{name} must hold its date as YYYYMMDD.")
    if not _REGION.fullmatch(region):
        raise error(f"{name} holds no region.")
    return secret_id, Scope(date, region, service)
