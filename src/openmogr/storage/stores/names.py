"""Keys as the store's client takes them: paths of parts, none of which is empty or leads elsewhere."""

from __future__ import annotations

from openmogr.errors import NoSuchKey
from openmogr.storage.embedded.keys import encode_key

__all__ = ["LAST", "check_readable", "is_taken_for_another", "just_before", "nameable"]

# Behind a prefix, a text that no key in use comes after: a private character at the end of Unicode.
LAST = "\U0010fffd"
# Azure takes 254, of which some are the folder and the bucket.
_MOST_PARTS = 240


def nameable(text: str) -> str:
    """The beginning of a key, as far as it is a path; the client refuses or changes what follows."""
    parts = text.split("/")
    for number, part in enumerate(parts):
        if part in ("", ".", "..") or any(ord(char) < 0x20 or ord(char) == 0x7F for char in part):
            return "/".join(parts[:number])
    return text


def is_taken_for_another(scheme: str, key: str) -> bool:
    """Whether a kind of store takes a key for that of another object, or for none.

    Azure reads ``\\`` as ``/``, and advises against parts that end with dots, which it may drop, and against more than
    254 parts.

    Args:
        scheme: of the store's URL.
        key: the object's.
    """
    if scheme != "az":
        return False
    parts = key.split("/")
    return "\\" in key or len(parts) > _MOST_PARTS or any(part.endswith(".") for part in parts)


def check_readable(key: str, scheme: str) -> None:
    """Refuse keys under which the store would read another object, or one outside.

    Args:
        key: the object's.
        scheme: of the store's URL.

    Raises:
        NoSuchKey: no object of that name is ever served.
        InvalidObjectName, KeyTooLong: it can be no key at all.
    """
    encode_key(key)
    if nameable(key) != key:
        raise NoSuchKey(
            "The specified key does not exist: of a store, keys with empty parts, with . or .. as a part, or with"
            " control characters are not served."
        )
    if is_taken_for_another(scheme, key):
        raise NoSuchKey(
            "The specified key does not exist: of Azure, keys with a backslash or with parts that end with a dot are"
            " not served."
        )


def just_before(text: str) -> str:
    """A text that comes before all that begin with a given one, with hardly a key between; empty for none."""
    if not text:
        return ""
    code = ord(text[-1]) - 1
    if 0xD800 <= code <= 0xDFFF:
        code = 0xD7FF
    return text[:-1] if code <= 0x20 else text[:-1] + chr(code) + LAST
