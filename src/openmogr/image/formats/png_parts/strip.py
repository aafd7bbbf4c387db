"""Take metadata out of a PNG without coding its pixels anew."""

from __future__ import annotations

__all__ = ["stripped_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# What says how pixels look; everything else that may be left out is metadata, or unknown.
_SHOWN = {b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI", b"sBIT", b"bKGD", b"pHYs"}
_ANIMATION = {b"acTL", b"fcTL", b"fdAT"}


def stripped_png(data: bytes) -> bytes | None:
    """The same PNG without text, EXIF, time, unknown chunks and what follows its end; None if it breaks off."""
    if not data.startswith(_SIGNATURE):
        return None
    kept = [_SIGNATURE]
    position = len(_SIGNATURE)
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        if end > len(data):
            return None
        # An upper-case first letter: images cannot be shown without it.
        if kind[:1].isupper() or kind in _SHOWN or kind in _ANIMATION:
            kept.append(data[position:end])
        if kind == b"IEND":
            return b"".join(kept)
        position = end
    return None
