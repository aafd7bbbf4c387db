"""Temporary key pairs whose token says what they may do, so that nobody has to remember them.

The token is a JSON document with a signature made by the owner's secret; the SecretKey is derived from both. So whoever
has another token has another key, and what the token says cannot be changed.
"""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from openmogr.auth.credentials import Credential
from openmogr.auth.grants import Grant

__all__ = ["issue", "recognise"]

_VERSION = 1
_PREFIX = "omt1."
_MAX_TOKEN = 8192


def issue(owner: Credential, grant: Grant, expires: int) -> Credential:
    """A new temporary key pair.

    Args:
        owner: whose secret signs it.
        grant: what it may do.
        expires: the end of its validity, in Unix seconds.
    """
    identity = "AKID" + secrets.token_urlsafe(24).replace("-", "0").replace("_", "1")
    document = {
        "version": _VERSION,
        "id": identity,
        "expires": expires,
        "read_only": grant.read_only,
        "actions": grant.actions,
        "resources": grant.resources,
    }
    payload = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    token = f"{_PREFIX}{_text(payload)}.{_text(_sign(owner, b'token', payload))}"
    return Credential(identity, _secret_key(owner, payload), token, expires, grant)


def recognise(owner: Credential, secret_id: str, token: str) -> Credential | None:
    """The key pair of a token that was issued with the owner's secret; None for any other text."""
    if not token.startswith(_PREFIX) or len(token) > _MAX_TOKEN or not token.isascii():
        return None
    body, _, signature = token.removeprefix(_PREFIX).partition(".")
    try:
        payload, given = _bytes(body), _bytes(signature)
    except (Base64Error, ValueError):
        return None
    if not hmac.compare_digest(_sign(owner, b"token", payload), given):
        return None
    document = json.loads(payload)
    if document["version"] != _VERSION or document["id"] != secret_id:
        return None
    grant = Grant(document["read_only"], tuple(document["actions"]), tuple(document["resources"]))
    return Credential(secret_id, _secret_key(owner, payload), token, document["expires"], grant)


def _secret_key(owner: Credential, payload: bytes) -> str:
    return _text(_sign(owner, b"key", payload))


def _sign(owner: Credential, purpose: bytes, payload: bytes) -> bytes:
    return hmac.digest(owner.secret_key.encode(), b"openmogr " + purpose + b"\n" + payload, "sha256")


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
