"""Refuse JPEGs that were made to cost by their scans or segments."""

from __future__ import annotations

from typing import BinaryIO

from openmogr.image.errors import input_resolution
from openmogr.image.formats.jpeg_parts.damage import count_scans

__all__ = ["check_scans"]

# Progressive encoders write 10 to 20; every scan costs a pass over the whole image.
_MAX_SCANS = 200
# In front of the pixels; an ICC profile of 16 MB takes 256.
_MAX_SEGMENTS = 1000

_SCAN = 0xDA
_SEQUENTIAL = {0xC0, 0xC1, 0xC9}
_OTHER_FRAMES = {*range(0xC0, 0xD0)} - _SEQUENTIAL - {0xC4, 0xC8, 0xCC}
# What is looked at of a segment: marker, length, and up to the number of components.
_SEGMENT = 10


def check_scans(stream: BinaryIO) -> None:
    """Look at the whole file, where that may hold several scans.

    Raises:
        ImageResolutionExceed: too many scans or segments.
    """
    if _is_one_scan(stream):
        return
    stream.seek(0)
    if (scans := count_scans(stream)) > _MAX_SCANS:
        raise input_resolution(f"the image has {scans} scans, more than {_MAX_SCANS}")


def _is_one_scan(stream: BinaryIO) -> bool:
    """Whether the first scan of a file that is not progressive holds all components; decoders expect its end then."""
    position, components = 2, 0
    for _ in range(_MAX_SEGMENTS):
        stream.seek(position)
        header = stream.read(_SEGMENT)
        if len(header) < _SEGMENT or header[0] != 0xFF:
            return False
        kind = header[1]
        if kind in _SEQUENTIAL:
            components = header[9]
        elif kind in _OTHER_FRAMES:
            return False
        elif kind == _SCAN:
            return header[4] == components
        position += 2 + int.from_bytes(header[2:4], "big")
    raise input_resolution(f"the image has more than {_MAX_SEGMENTS} segments in front of its pixels")
