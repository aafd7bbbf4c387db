"""EXIF and XMP as bytes that pass from a source to a result."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NO_METADATA", "Metadata", "upright"]

_ORIENTATION = 0x0112
_SHORT = 3

# A JPEG segment holds 65,533 bytes; what does not fit is left out rather than failing the picture.
MAX_SEGMENT = 65_000


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a result carries besides pixels; empty after ``strip``.

    Attributes:
        exif: a TIFF structure without the ``Exif`` prefix.
        xmp: the packet.
    """

    exif: bytes = b""
    xmp: bytes = b""

    def fitting(self) -> Metadata:
        """Only what fits into a JPEG segment."""
        return Metadata(*(part if len(part) <= MAX_SEGMENT else b"" for part in (self.exif, self.xmp)))


NO_METADATA = Metadata()


def upright(exif: bytes) -> bytes:
    """The same EXIF with Orientation 1; nothing else moves, so that maker notes stay readable.

    A structure in which the first directory cannot be followed is dropped, since its orientation is unknown.
    """
    order = {b"II": "little", b"MM": "big"}.get(exif[:2])
    if order is None or len(exif) < 10:
        return b""
    little = order == "little"

    def number(start: int, length: int) -> int:
        return int.from_bytes(exif[start : start + length], "little" if little else "big")

    directory = number(4, 4)
    count = number(directory, 2)
    if directory + 2 + 12 * count > len(exif):
        return b""
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        if number(entry, 2) == _ORIENTATION and number(entry + 2, 2) == _SHORT:
            value = b"\x01\x00" if little else b"\x00\x01"
            return exif[: entry + 8] + value + exif[entry + 10 :]
    return exif
