"""Refuse by their headers files that were made to cost, whatever limits their sizes keep to."""

from __future__ import annotations

from typing import BinaryIO

from openmogr.image.errors import input_resolution

__all__ = ["check_items", "check_plausible", "check_scans"]

# Flat pictures compress well, but from this size on nobody's picture has so few bytes. The most that deflate makes of
# a byte is about 8,000 pixels of one bit; AV1 and VP8L need a few dozen bytes for any flat area.
_LARGE = 16_000_000
_MOST_PIXELS_PER_BYTE = 100_000

# Progressive encoders write 10 to 20; every scan costs a pass over the whole picture.
_MOST_SCANS = 200
_START_OF_SCAN = b"\xff\xda"
# Frames by their kind, and what is looked at of a segment: marker, length, and up to the number of components.
_SEQUENTIAL = {0xC0, 0xC1, 0xC9}
_OTHER_FRAMES = {*range(0xC0, 0xD0)} - _SEQUENTIAL - {0xC4, 0xC8, 0xCC}
_SEGMENT = 10
# An ICC profile of 16 MB takes 256.
_MOST_SEGMENTS = 1000

# Phones write grids of up to about 200 tiles. Each is a decoder's start and end.
_MOST_ITEMS = 4096
_ITEM_SEARCH = 1 << 16

# Short enough for memory that is not new each time.
_CHUNK = 1 << 16


def check_plausible(size: tuple[int, int], length: int) -> None:
    """Look at the size of the picture and of its file in bytes.

    Raises:
        ImageResolutionExceed: in words.
    """
    pixels = size[0] * size[1]
    if pixels > _LARGE and pixels > _MOST_PIXELS_PER_BYTE * length:
        raise input_resolution(
            f"{length} bytes for {size[0]}x{size[1]} pixels: this is no picture, but made to take memory"
        )


def check_scans(stream: BinaryIO) -> None:
    """Look at the scans of a JPEG.

    Raises:
        ImageResolutionExceed: in words.
    """
    if _is_one_scan(stream):
        return
    stream.seek(0)
    if (scans := _scans(stream)) > _MOST_SCANS:
        raise input_resolution(f"the image has {scans} scans, more than {_MOST_SCANS}")


def check_items(stream: BinaryIO) -> None:
    """Look at the parts of a HEIF.

    Raises:
        ImageResolutionExceed: in words.
    """
    stream.seek(0)
    if (items := _items(stream)) > _MOST_ITEMS:
        raise input_resolution(f"the image is made of {items} parts, more than {_MOST_ITEMS}")


def _is_one_scan(stream: BinaryIO) -> bool:
    """Whether the first scan of a file that is not progressive holds all components; decoders expect its end then."""
    position, components = 2, 0
    for _ in range(_MOST_SEGMENTS):
        stream.seek(position)
        header = stream.read(_SEGMENT)
        if len(header) < _SEGMENT or header[0] != 0xFF:
            return False
        kind = header[1]
        if kind in _SEQUENTIAL:
            components = header[9]
        elif kind in _OTHER_FRAMES:
            return False
        elif kind == _START_OF_SCAN[1]:
            return header[4] == components
        position += 2 + int.from_bytes(header[2:4], "big")
    raise input_resolution(f"the image has more than {_MOST_SEGMENTS} segments in front of its pixels")


def _scans(stream: BinaryIO) -> int:
    # Coded data never hold the marker; a thumbnail in the EXIF may, a few times.
    count, last = 0, b""
    while chunk := stream.read(_CHUNK):
        count += (last + chunk).count(_START_OF_SCAN)
        last = chunk[-1:]
    return count


def _items(stream: BinaryIO) -> int:
    """The entries of the box ``iinf`` (ISO/IEC 14496-12 section 8.11.6); 0 where there is none near the start."""
    head = stream.read(_ITEM_SEARCH)
    place = head.find(b"iinf")
    if place < 0 or place + 12 > len(head):
        return 0
    width = 2 if head[place + 4] == 0 else 4
    return int.from_bytes(head[place + 8 : place + 8 + width], "big")
