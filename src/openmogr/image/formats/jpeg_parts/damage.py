"""JPEGs without an end marker: told from those that are cut off, and completed.

Decoders read no further than the last block. So bytes behind a whole scan change no pixel, whatever they are, while
those behind a scan that is cut off are taken for its continuation.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image, ImageChops

__all__ = ["count_scans", "jpeg_kind", "with_end_marker"]

_END = b"\xff\xd9"
_SCAN, _RESTART_INTERVAL = 0xDA, 0xDD
# What stands in entropy-coded data: stuffed bytes, restart markers, fill bytes.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = {0xC2, 0xCA}
_LAST_COEFFICIENT = 63
# No 0xFF among them, so that all are coded data. They begin differently: each may be just what is missing.
_NOISES = [bytes((number * 167 + start) % 251 for number in range(1024)) for start in (13, 109, 182, 219)]


def with_end_marker(data: bytes) -> bytes | None:
    """The file with an end marker, if nothing but that is missing; None otherwise."""
    try:
        segments = list(_segments(data))
    except (IndexError, ValueError):
        return None
    if not segments or segments[-1][0] != _SCAN or not _all_coefficients(segments):
        return None
    body = data.rstrip(b"\xff")
    tails = list(_NOISES)
    if any(kind == _RESTART_INTERVAL and any(content[:2]) for kind, content, _ in segments):
        restarts = _RESTART.findall(body, segments[-1][2])
        following = (restarts[-1][1] - 0xD0 + 1) % 8 if restarts else 0
        tails += [bytes([0xFF, 0xD0 + following]) + noise for noise in _NOISES]
    whole = body + _END
    shown = _decoded(whole)
    for tail in tails:
        if ImageChops.difference(shown, _decoded(body + tail + _END)).getbbox() is not None:
            return None
    return whole


def jpeg_kind(data: bytes) -> str:
    """In words, why a JPEG's kind is not read; empty if it should be."""
    try:
        for kind, content, _ in _segments(data):
            if kind not in _FRAMES:
                continue
            if content[0] != 8:
                return f"a JPEG with {content[0]} bits a sample"
            if kind in {0xC3, 0xC7, 0xCB, 0xCF}:
                return "a lossless JPEG"
            return "a hierarchical JPEG" if kind in {0xC5, 0xC6, 0xCD, 0xCE} else ""
    except (IndexError, ValueError):
        return ""
    return ""


def _decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        image.load()
        return image.copy() if image.mode != "CMYK" else Image.merge("RGBA", image.split())


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, content and end of the segments up to the end marker or the end of the file."""
    position = 2
    while position < len(data) - 1:
        if data[position] != 0xFF:
            raise ValueError("a marker is missing")
        kind = data[position + 1]
        if kind == 0xFF:
            position += 1
            continue
        if kind == 0xD9:
            yield kind, b"", position + 2
            return
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        end = position + 2 + length
        if length < 2 or end > len(data):
            raise ValueError("a segment is cut off")
        yield kind, data[position + 4 : end], end
        position = end
        if kind == _SCAN:
            following = _MARKER.search(data, end)
            position = len(data) if following is None else following.start()


def _all_coefficients(segments: list[tuple[int, bytes, int]]) -> bool:
    """Whether the scans hold every component, in a progressive image every coefficient to its last bit."""
    progressive, components = False, set[int]()
    finished: dict[int, set[int]] = {}
    for kind, content, _ in segments:
        if kind in _FRAMES:
            progressive = kind in _PROGRESSIVE
            components = {content[6 + 3 * number] for number in range(content[5])}
        elif kind == _SCAN:
            count = content[0]
            first, last, bits = content[1 + 2 * count : 4 + 2 * count]
            for number in range(count):
                done = finished.setdefault(content[1 + 2 * number], set())
                if not progressive:
                    done.update(range(_LAST_COEFFICIENT + 1))
                elif not bits & 15:
                    done.update(range(first, last + 1))
    return bool(components) and all(
        len(finished.get(component, ())) == _LAST_COEFFICIENT + 1 for component in components
    )


_START_OF_SCAN = b"\xff\xda"
# Short enough for memory that is not new each time.
_CHUNK = 1 << 16


def count_scans(stream: BinaryIO) -> int:
    """How many scans a file has; a thumbnail in its EXIF counts too."""
    # Coded data never hold the marker.
    count, last = 0, b""
    while chunk := stream.read(_CHUNK):
        count += (last + chunk).count(_START_OF_SCAN)
        last = chunk[-1:]
    return count
