"""Names of files as terminals, logs and JSON can have them, whatever bytes they are of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

__all__ = ["as_json", "is_file", "is_folder", "is_link", "is_there", "printable"]

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


def is_file(path: Path) -> bool:
    """Whether it is one, which of a name too long or in a closed folder is not known, and found out by who opens it."""
    return _is(path.is_file)


def is_folder(path: Path) -> bool:
    """As :func:`is_file`."""
    return _is(path.is_dir)


def is_link(path: Path) -> bool:
    """As :func:`is_file`."""
    return _is(path.is_symlink)


def is_there(path: Path) -> bool:
    """As :func:`is_file`, of whatever kind."""
    return _is(path.exists)


def _is(ask: Callable[[], bool]) -> bool:
    try:
        return ask()
    except OSError:
        return False
