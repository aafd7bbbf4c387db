"""Read the frames of an APNG: each is a PNG of its own, decoded by Pillow and drawn on a canvas."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from PIL import Image

from openmogr.image.formats.png_parts.layout import SIGNATURE, Chunk, PngLayout, chunk
from openmogr.image.source.compose import Canvas, Disposal, Part

__all__ = ["apng_frames"]

Convert = Callable[[bytes], Image.Image]

# What a frame shares with the file.
_SHARED = {b"PLTE", b"tRNS"}


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame's control chunk and where its samples are: content without the number."""

    control: bytes
    samples: list[tuple[int, int]] = field(default_factory=list)


def apng_frames(stream: BinaryIO, layout: PngLayout, convert: Convert) -> Iterator[tuple[Image.Image, int]]:
    """The composed frames, each with its duration in milliseconds.

    Args:
        stream: the file.
        layout: of the file.
        convert: decodes a PNG to sRGB; frames are composed after it.

    Raises:
        ValueError, OSError: damage.
    """
    header, shared, frames = _collected(stream, layout)
    size = struct.unpack(">II", header[:8])
    canvas = Canvas(size)
    for number in range(layout.frames):
        if number >= len(frames) or not frames[number].samples:
            raise ValueError(f"frame {number + 1} has no image data")
        yield _drawn(canvas, _own_file(stream, header, shared, frames[number]), frames[number], convert)


def _collected(stream: BinaryIO, layout: PngLayout) -> tuple[bytes, bytes, list[_Frame]]:
    """The content of IHDR, the chunks that every frame shares, and the frames."""
    header, shared = b"", []
    frames: list[_Frame] = []
    expected = 0
    for part in layout.kept:
        if part.kind == b"IHDR":
            header = _content(stream, part)
        elif part.kind in _SHARED and not frames:
            shared.append(chunk(part.kind, _content(stream, part)))
        elif part.kind == b"IDAT":
            # Without a control chunk in front it is a picture for viewers that know no animation.
            if frames:
                frames[-1].samples.append((part.position, part.length))
        elif part.kind in {b"fcTL", b"fdAT"}:
            content = _content(stream, part, 4 if part.kind == b"fdAT" else part.length)
            if len(content) < 4 or int.from_bytes(content[:4], "big") != expected:
                raise ValueError(f"the sequence number {expected} of the APNG is missing")
            expected += 1
            if part.kind == b"fcTL":
                frames.append(_Frame(content))
            elif frames:
                frames[-1].samples.append((part.position + 4, part.length - 4))
    return header, b"".join(shared), frames


def _content(stream: BinaryIO, part: Chunk, length: int | None = None) -> bytes:
    stream.seek(part.position)
    return stream.read(part.length if length is None else length)


def _own_file(stream: BinaryIO, header: bytes, shared: bytes, frame: _Frame) -> bytes:
    """A PNG that holds nothing but the frame."""
    if len(frame.control) != 26:
        raise ValueError("a frame's control chunk has another length")
    width, height, left, top = struct.unpack(">4I", frame.control[4:20])
    across, down = struct.unpack(">II", header[:8])
    if not width or not height or left + width > across or top + height > down:
        raise ValueError(f"a frame of {width}x{height} pixels reaches beyond the canvas")
    samples = []
    for position, length in frame.samples:
        stream.seek(position)
        samples.append(stream.read(length))
    own = struct.pack(">II", width, height) + header[8:]
    return SIGNATURE + chunk(b"IHDR", own) + shared + chunk(b"IDAT", *samples) + chunk(b"IEND")


def _drawn(canvas: Canvas, data: bytes, frame: _Frame, convert: Convert) -> tuple[Image.Image, int]:
    left, top = struct.unpack(">II", frame.control[12:20])
    numerator, denominator, disposal, blend = struct.unpack(">2H2B", frame.control[20:26])
    if disposal > 2 or blend > 1:
        raise ValueError("a frame's disposal or blending is unknown")
    picture = convert(data)
    duration = round(1000 * numerator / (denominator or 100))
    return canvas.draw(Part(picture, left, top, blend == 1, Disposal(disposal))), duration
