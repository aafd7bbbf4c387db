"""Checks of names, and keys as the bytes by which they are stored and ordered."""

from __future__ import annotations

import re

from openmogr.errors import InvalidArgument
from openmogr.storage.errors import InvalidBucketName, InvalidObjectName, KeyTooLong

__all__ = ["MAX_KEY_BYTES", "check_bucket_name", "encode_key", "encode_text", "successor"]

MAX_KEY_BYTES = 850
_BUCKET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")


def check_bucket_name(name: str) -> None:
    """Lower-case letters, digits and inner hyphens, up to 60 characters (``docs/spec/api/object-api.md#5``)."""
    if not _BUCKET_NAME.fullmatch(name):
        raise InvalidBucketName


def encode_key(key: str) -> bytes:
    """The UTF-8 bytes of an object key."""
    try:
        data = key.encode()
    except UnicodeEncodeError:
        raise InvalidObjectName("The specified key cannot be written as UTF-8.") from None
    if not data:
        raise InvalidObjectName("The specified key is empty.")
    if len(data) > MAX_KEY_BYTES:
        raise KeyTooLong
    return data


def encode_text(name: str, text: str) -> bytes:
    """The UTF-8 bytes of a listing parameter."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(f"{name} cannot be written as UTF-8.") from None


def successor(prefix: bytes) -> bytes:
    """The smallest byte string above all that begin with a non-empty UTF-8 prefix. UTF-8 has no byte 0xFF."""
    return prefix[:-1] + bytes([prefix[-1] + 1])
