"""COS signature v5: the arithmetic of ``docs/spec/api/signature.md#1``."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

__all__ = ["encode", "http_string", "join_pairs", "sign", "sign_policy"]


def encode(value: bytes) -> str:
    """Percent-encode all but ``A-Z a-z 0-9 - _ . ~``, with upper-case hex."""
    return quote(value, safe="")


def join_pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """``k=v&k=v`` of pairs already encoded."""
    return "&".join(f"{key}={value}" for key, value in pairs)


def http_string(method: str, path: bytes, parameters: str, headers: str) -> bytes:
    """What is hashed of a request; ``path`` is decoded and begins with a slash."""
    return b"\n".join(
        (method.lower().encode("ascii"), path, parameters.encode("ascii"), headers.encode("ascii"), b"")
    )


def sign(secret_key: str, key_time: str, sign_time: str, request: bytes) -> str:
    """The signature of an :func:`http_string`, 40 lower-case hex digits."""
    digest = hashlib.sha1(request, usedforsecurity=False).hexdigest()
    return _hmac(_sign_key(secret_key, key_time), f"sha1\n{sign_time}\n{digest}\n".encode())


def sign_policy(secret_key: str, key_time: str, policy: bytes) -> str:
    """The signature of the policy of a form upload, the text before Base64 (``docs/spec/api/signature.md#6``)."""
    digest = hashlib.sha1(policy, usedforsecurity=False).hexdigest()
    return _hmac(_sign_key(secret_key, key_time), digest.encode())


# A client signs many requests with one time; presigned URLs come again and again.
@lru_cache(maxsize=1024)
def _sign_key(secret_key: str, key_time: str) -> str:
    return _hmac(secret_key, key_time.encode())


def _hmac(key: str, message: bytes) -> str:
    return hmac.digest(key.encode(), message, "sha1").hex()
