"""Read the frames of a GIF: each is made a GIF of its own, decoded by Pillow and drawn on a canvas."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image

from openmogr.image.source.compose import Canvas, Disposal, Part

__all__ = ["GifLayout", "GifPart", "gif_frames", "gif_layout", "gif_parts"]

# Bytes between the blocks of a GIF that are passed over.
_MAX_STRAY = 65_536
# Pixels of a frame beyond those of the canvas, which nobody has counted on.
_MAX_BEYOND = 1 << 20
_GRAPHIC_CONTROL = b"\xf9"
# Disposal methods of GIF89a section 23; those that are not defined keep the picture.
_DISPOSALS = {2: Disposal.clear, 3: Disposal.restore}


@dataclass(frozen=True, slots=True)
class GifPart:
    """A coded frame.

    Attributes:
        control: content of the graphic control extension before it, or empty.
        descriptor: content of the image descriptor.
        position: where its colours, if any, and its compressed pixels begin.
        length: how long these are.
    """

    control: bytes
    descriptor: bytes
    position: int
    length: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width and height on the logical screen."""
        left, top, across, down = struct.unpack("<4H", self.descriptor[:8])
        return left, top, across, down

    @property
    def duration(self) -> int:
        """In milliseconds."""
        return 10 * int.from_bytes(self.control[1:3], "little")


@dataclass(frozen=True, slots=True)
class GifLayout:
    """How many images a GIF holds, and the smallest canvas that holds the logical screen and the first of them.

    Browsers enlarge the screen for that one, and cut others.
    """

    frames: int
    width: int
    height: int


def gif_layout(stream: BinaryIO, limit: int) -> GifLayout:
    """Walk over at most ``limit`` images of a GIF; a file that is cut off counts what is there."""
    stream.seek(0)
    header = stream.read(13)
    if len(header) < 13:
        return GifLayout(0, 0, 0)
    width, height = (int.from_bytes(header[i : i + 2], "little") for i in (6, 8))
    count = 0
    for part in gif_parts(stream):
        left, top, across, down = part.box
        if count == 0:
            width, height = max(width, left + across), max(height, top + down)
        count += 1
        if count == limit:
            break
    return GifLayout(count, width, height)


def gif_parts(stream: BinaryIO) -> Iterator[GifPart]:
    """The frames as they are coded; of a file that is cut off those that have begun."""
    stream.seek(0)
    header = stream.read(13)
    if len(header) < 13:
        return
    _skip_color_table(stream, header[10])
    stray = 0
    control = b""
    while stray < _MAX_STRAY:
        introducer = stream.read(1)
        if introducer == b"\x2c":
            descriptor = stream.read(9)
            if len(descriptor) < 9:
                return
            position = stream.tell()
            _skip_color_table(stream, descriptor[8])
            stream.seek(1, 1)
            _skip_sub_blocks(stream)
            following = stream.tell()
            yield GifPart(control, descriptor, position, following - position)
            stream.seek(following)
            control = b""
        elif introducer == b"\x21":
            label = stream.read(1)
            if label == _GRAPHIC_CONTROL:
                length = stream.read(1)
                control = stream.read(length[0]) if length else b""
                if not control:
                    continue
            _skip_sub_blocks(stream)
        elif introducer in {b"\x3b", b""}:
            return
        else:
            # Stray bytes between blocks are common; browsers and Pillow read on.
            stray += 1


def _skip_color_table(stream: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        stream.seek(3 << ((flags & 7) + 1), 1)


def _skip_sub_blocks(stream: BinaryIO) -> None:
    while (length := stream.read(1)) not in {b"", b"\x00"}:
        stream.seek(length[0], 1)


def gif_frames(stream: BinaryIO, size: tuple[int, int]) -> Iterator[tuple[Image.Image, int]]:
    """The composed frames, each with its duration in milliseconds.

    What no frame covers is transparent, and so is what is disposed of to the background, as browsers show it.

    Args:
        stream: the file.
        size: of the canvas.

    Raises:
        ValueError, OSError: damage.
    """
    stream.seek(0)
    header = stream.read(13)
    colours = stream.read(3 << ((header[10] & 7) + 1)) if header[10] & 0x80 else b""
    canvas = Canvas(size)
    for part in gif_parts(stream):
        left, top, across, down = part.box
        if across * down > size[0] * size[1] + _MAX_BEYOND:
            raise ValueError(f"a frame of {across}x{down} pixels reaches beyond the canvas")
        image = Image.new("LA", (1, 1)) if not across or not down else _decoded(stream, header, colours, part)
        flags = part.control[0] if part.control else 0
        disposal = _DISPOSALS.get(flags >> 2 & 7, Disposal.keep)
        yield canvas.draw(Part(image, left, top, over=True, disposal=disposal)), part.duration


def _decoded(stream: BinaryIO, header: bytes, colours: bytes, part: GifPart) -> Image.Image:
    """The pixels of one frame."""
    _, _, across, down = part.box
    stream.seek(part.position)
    control = part.control[:4].ljust(4, b"\x00")
    # Disposal and delay are not the decoder's.
    extension = b"\x21\xf9\x04" + bytes([control[0] & 1, 0, 0, control[3]]) + b"\x00"
    data = (
        b"GIF89a"
        + struct.pack("<2H", across, down)
        + header[10:13]
        + colours
        + extension
        + b"\x2c"
        + struct.pack("<4H", 0, 0, across, down)
        + part.descriptor[8:]
        + stream.read(part.length)
        + b"\x3b"
    )
    with Image.open(io.BytesIO(data), formats=["GIF"]) as image:
        image.load()
        if image.has_transparency_data:
            return image.convert("LA" if image.mode == "L" else "RGBA")
        return image.convert("L" if image.mode == "L" else "RGB")
