"""Sign a request of one's own: what a client does, for the command line and for tests."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import unquote, unquote_plus, unquote_to_bytes

from openmogr.auth.credentials import Credential
from openmogr.auth.signature import encode, http_string, join_pairs, sign

__all__ = ["sign_request"]


def sign_request(
    credential: Credential,
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    *,
    validity: int = 3600,
    start: int | None = None,
) -> str:
    """The value of an ``Authorization`` header.

    Args:
        credential: the key pair.
        method: the HTTP method.
        target: path and query, percent-encoded, as they go over the wire. All query parameters are signed.
        headers: the headers to sign, by name in any case; none are needed.
        validity: seconds until the signature expires.
        start: first Unix second of validity; None: a minute ago, for clocks that are behind.
    """
    begin = int(time.time()) - 60 if start is None else start
    end = (int(time.time()) if start is None else start) + validity
    key_time = f"{begin};{end}"
    path, _, query = target.partition("?")
    parameters = sorted(_parameter(item) for item in query.split("&") if item)
    signed = sorted(
        (encode(name.encode()).lower(), encode(value.encode())) for name, value in (headers or {}).items()
    )
    request = http_string(method, unquote_to_bytes(path), join_pairs(parameters), join_pairs(signed))
    fields = {
        "q-sign-algorithm": "sha1",
        "q-ak": credential.secret_id,
        "q-sign-time": key_time,
        "q-key-time": key_time,
        "q-header-list": ";".join(name for name, _ in signed),
        "q-url-param-list": ";".join(name for name, _ in parameters),
        "q-signature": sign(credential.secret_key, key_time, key_time, request),
    }
    return join_pairs(fields.items())


def _parameter(item: str) -> tuple[str, str]:
    key, _, value = item.partition("=")
    whole = unquote(item.removesuffix("="))
    if "/" in whole and (not value or "/" in unquote(key)):  # an operation: all of it is the key
        return encode(whole.encode()).lower(), ""
    return encode(unquote_plus(key).encode()).lower(), encode(unquote_plus(value).encode())
