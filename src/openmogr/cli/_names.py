"""Names of files as terminals, logs and JSON can have them, whatever bytes they are of."""

from __future__ import annotations

import json
import re

__all__ = ["as_json", "printable"]

# Control characters move the cursor or begin another line; half surrogates stand for bytes that are no UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


def printable(text: str) -> str:
    """A text on one line, in which what cannot be shown is written as in Python: ``\\n``, ``\\x1b``, ``\\udcff``."""
    return _UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], text)


def as_json(told: object) -> str:
    """A line of JSON that is always UTF-8: bytes of names that are none are ``\\udc80`` to ``\\udcff``."""
    line = json.dumps(told, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(told)
    return line
