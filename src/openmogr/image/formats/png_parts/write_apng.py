"""Write APNGs frame by frame: Pillow codes each image as a PNG, whose data are put together here.

The chunks are those of the PNG specification, third edition, section 11.3.6.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from PIL import Image, ImageChops

from openmogr.image.formats.base import Frame

__all__ = ["write_apng"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_NUMBER = 65_535
_KEEP, _SOURCE = 0, 0

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Part:
    """A coded frame: where it lies, how long it is shown in milliseconds, and its compressed samples."""

    box: Box
    duration: int
    samples: bytes


def write_apng(frames: Iterator[Frame], loop_count: int, profile: bytes = b"") -> bytes:
    """The file; two frames are in memory at a time.

    A frame that equals the one before lengthens its duration. Of each other one the rectangle that changed is written.

    Args:
        frames: at least one, all of one size and mode, RGB or RGBA.
        loop_count: 0 for endlessly.
        profile: the ICC profile of all frames, or empty.
    """
    parts: list[_Part] = []
    before: Image.Image | None = None
    header = b""
    for frame in frames:
        image = frame.image
        box: Box | None = (0, 0, *image.size)
        if before is not None:
            box = ImageChops.difference(before, image).getbbox(alpha_only=False)
            if box is None and parts[-1].duration + frame.duration <= _MAX_NUMBER:
                parts[-1] = replace(parts[-1], duration=parts[-1].duration + frame.duration)
                continue
            box = box or (0, 0, 1, 1)
        assert box is not None
        head, samples = _coded(image.crop(box))
        header = header or head
        parts.append(_Part(box, frame.duration, samples))
        before = image
    return b"".join(_file(header, parts, loop_count, profile))


def _file(header: bytes, parts: list[_Part], loop_count: int, profile: bytes) -> Iterator[bytes]:
    yield _SIGNATURE + _chunk(b"IHDR", header)
    if profile:
        yield _chunk(b"iCCP", b"ICC Profile\0\0", zlib.compress(profile))
    if len(parts) > 1:
        yield _chunk(b"acTL", struct.pack(">II", len(parts), loop_count))
    number = 0
    for part in parts:
        if len(parts) > 1:
            yield _chunk(b"fcTL", _control(number, part))
            number += 1
        if part is parts[0]:
            yield _chunk(b"IDAT", part.samples)
        else:
            yield _chunk(b"fdAT", struct.pack(">I", number), part.samples)
            number += 1
    yield _chunk(b"IEND")


def _control(number: int, part: _Part) -> bytes:
    left, top, right, bottom = part.box
    place = (right - left, bottom - top, left, top)
    return struct.pack(">5I2H2B", number, *place, *_delay(part.duration), _KEEP, _SOURCE)


def _delay(duration: int) -> tuple[int, int]:
    """The duration as a fraction of a second, as fine as 16 bits allow."""
    for denominator in (1000, 100, 10):
        numerator = (duration * denominator + 500) // 1000
        if numerator <= _MAX_NUMBER:
            return numerator, denominator
    return min((duration + 500) // 1000, _MAX_NUMBER), 1


def _chunk(kind: bytes, *data: bytes) -> bytes:
    body = b"".join((kind, *data))
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _coded(image: Image.Image) -> tuple[bytes, bytes]:
    """Header and compressed samples of an image."""
    out = io.BytesIO()
    image.save(out, "PNG")
    data = out.getvalue()
    header, samples = b"", []
    position = len(_SIGNATURE)
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind, body = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        if kind == b"IHDR":
            header = body
        elif kind == b"IDAT":
            samples.append(body)
        position += 12 + length
    return header, b"".join(samples)
