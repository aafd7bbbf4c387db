"""EXIF and XMP as bytes that pass from a source to a result."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from PIL import Image

__all__ = [
    "NO_METADATA",
    "Metadata",
    "copyright_only",
    "orientation",
    "oriented",
    "sound_exif",
    "upright",
    "upright_xmp",
]

_ORIENTATION = 0x0112
_ARTIST, _COPYRIGHT = 0x013B, 0x8298
# Integer types of TIFF 6.0, section 2, by their length. Writers differ, though Exif asks for SHORT.
_INTEGERS = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4}
_PREFIX = b"Exif\x00\x00"
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)[2-8]")

# A JPEG segment holds 65,533 bytes; what does not fit is left out rather than failing the image.
MAX_SEGMENT = 65_000


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a result carries besides pixels; empty after ``strip``.

    Attributes:
        exif: a TIFF structure without the ``Exif`` prefix.
        xmp: the packet.
        tag: the orientation, which a TIFF has as a tag of its own; 0 for none.
    """

    exif: bytes = b""
    xmp: bytes = b""
    tag: int = 0

    def fitting(self) -> Metadata:
        """Only what fits into a JPEG segment."""
        exif, xmp = (part if len(part) <= MAX_SEGMENT else b"" for part in (self.exif, self.xmp))
        return Metadata(exif, xmp)


NO_METADATA = Metadata()


def sound_exif(data: bytes) -> bytes:
    """The TIFF structure in EXIF data; empty where no first directory can be found in it.

    Prefixes, of which some writers set several, are taken off.
    """
    while data.startswith(_PREFIX):
        data = data[len(_PREFIX) :]
    order = _byte_order(data)
    if order is None or len(data) < 10 or _number(data, 2, 2, order) != 42:
        return b""
    directory = _number(data, 4, 4, order)
    entries = directory + 2 + 12 * _number(data, directory, 2, order)
    return data if 8 <= directory < entries <= len(data) else b""


def orientation(exif: bytes) -> int:
    """The orientation that a TIFF structure tells by whatever integer type, 1-8; 0 where it tells none."""
    found = 0
    for order, entry, length in _orientations(exif):
        found = _number(exif, entry + 8, length, order)
    return found if 1 <= found <= 8 else 0


def upright(exif: bytes) -> bytes:
    """The same EXIF with Orientation 1; nothing else moves, so that maker notes stay readable.

    A structure in which the first directory cannot be followed is dropped, since its orientation is unknown.
    """
    exif = sound_exif(exif)
    changed = bytearray(exif)
    for order, entry, length in _orientations(exif):
        changed[entry + 8 : entry + 8 + length] = (1).to_bytes(length, order)
    return bytes(changed)


def upright_xmp(xmp: bytes) -> bytes:
    """The packet with every ``tiff:Orientation`` 1."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def copyright_only(metadata: Metadata) -> Metadata:
    """Artist and Copyright of the EXIF, and its orientation; nothing else. Empty where the EXIF cannot be read."""
    found, kept = Image.Exif(), Image.Exif()
    try:
        found.load(metadata.exif)
        for tag in (_ORIENTATION, _ARTIST, _COPYRIGHT):
            if tag in found:
                kept[tag] = found[tag]
        exif = sound_exif(kept.tobytes()) if kept else b""
    except Exception:
        # Pillow has no error of its own for EXIF.
        exif = b""
    return Metadata(exif, tag=metadata.tag)


def oriented(value: int) -> bytes:
    """EXIF that tells an orientation and nothing else."""
    return b"II*\x00" + struct.pack("<IHHHIHHI", 8, 1, _ORIENTATION, 3, 1, value, 0, 0)


_Order = Literal["little", "big"]


def _byte_order(exif: bytes) -> _Order | None:
    if exif[:2] == b"II":
        return "little"
    return "big" if exif[:2] == b"MM" else None


def _number(data: bytes, start: int, length: int, order: _Order) -> int:
    return int.from_bytes(data[start : start + length], order)


def _orientations(exif: bytes) -> Iterator[tuple[_Order, int, int]]:
    """Byte order, place and value length of the orientations in the first directory."""
    order = _byte_order(exif)
    if order is None:
        return
    directory = _number(exif, 4, 4, order)
    count = _number(exif, directory, 2, order)
    for entry in range(directory + 2, min(directory + 2 + 12 * count, len(exif) - 11), 12):
        length = _INTEGERS.get(_number(exif, entry + 2, 2, order))
        if length is not None and _number(exif, entry, 2, order) == _ORIENTATION:
            yield order, entry, length
