"""Keys as the store's client takes them: paths of parts, none of which is empty or leads elsewhere."""

from __future__ import annotations

from openmogr.errors import NoSuchKey
from openmogr.storage.embedded.keys import encode_key

__all__ = ["LAST", "check_readable", "just_before", "nameable"]

# Behind a prefix, a text that no key in use comes after: a private character at the end of Unicode.
LAST = "\U0010fffd"


def nameable(text: str) -> str:
    """The beginning of a key, as far as it is a path; the client refuses or changes what follows."""
    parts = text.split("/")
    for number, part in enumerate(parts):
        if part in ("", ".", "..") or any(ord(char) < 0x20 or ord(char) == 0x7F for char in part):
            return "/".join(parts[:number])
    return text


def check_readable(key: str) -> None:
    """Refuse keys under which the client would read another object, or one outside.

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


def just_before(text: str) -> str:
    """A text that comes before all that begin with a given one, with hardly a key between; empty for none."""
    if not text:
        return ""
    code = ord(text[-1]) - 1
    if 0xD800 <= code <= 0xDFFF:
        code = 0xD7FF
    return text[:-1] if code <= 0x20 else text[:-1] + chr(code) + LAST
