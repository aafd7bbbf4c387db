"""Sizes of files, in words and from words."""

from __future__ import annotations

import re

__all__ = ["human_size", "size_in_bytes"]

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_MOST = 1 << 63
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def human_size(size: int) -> str:
    """A number of bytes with a unit, three digits."""
    value = float(size)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.2f} GiB"


def size_in_bytes(text: str) -> int:
    """The bytes that a text means: ``200k``, ``1.5M``, ``80000``, ``200 KiB``. Units are powers of 1024.

    Raises:
        ValueError: it means none.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size as 200k or 1.5m")
    size = float(match[1]) * _UNITS[match[2].lower()]
    if size >= _MOST:
        raise ValueError("that many bytes nothing has")
    return int(size)
