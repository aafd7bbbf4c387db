"""Write animated GIFs frame by frame: Pillow codes the pictures, the file around them is put together here."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace

from PIL import Image, ImageChops

from openmogr.image.formats.base import Frame
from openmogr.image.formats.delays import Delays
from openmogr.image.formats.gif_parts.palette import quantised, transparent_part
from openmogr.image.source.colour import has_alpha

__all__ = ["MAX_DELAY", "file_header", "frame_header", "write_gif"]

# Delays have 16 bits for hundredths of a second.
MAX_DELAY = 65_535

_KEEP, _CLEAR = 1, 2

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Picture:
    """A frame with its own colours.

    Attributes:
        coloured: mode P, with the index of the transparent colour in ``info``.
        shown: the same as RGBA.
        cleared: the part that is opaque here and transparent in the frame after it, if any. Only disposal makes
            pixels transparent again.
        delay: in hundredths of a second.
    """

    coloured: Image.Image
    shown: Image.Image
    cleared: Box | None
    delay: int


def write_gif(frames: Iterator[Frame], loop_count: int) -> bytes:
    """The file; a few frames are in memory at a time.

    A frame that equals the one before lengthens its delay. Of each other one the rectangle that changed is written.

    Args:
        frames: at least one, all of one size, at most 65535 x 65535 pixels.
        loop_count: 0 for endlessly, else at most 65,536.
    """
    parts: list[bytes] = []
    base: Image.Image | None = None
    colours = b""
    for picture in _merged(_pictures(frames)):
        shown = picture.shown
        table = _color_table(picture.coloured)
        if base is None:
            box: Box = (0, 0, *shown.size)
            colours = table
            parts += file_header(shown.size, table, loop_count)
        else:
            # Two frames in a row are only equal where the delays would not fit into one.
            box = _united(_difference(base, shown), picture.cleared) or (0, 0, 1, 1)
        parts += _frame(picture, box, b"" if table == colours else table, first=base is None)
        base = shown
        if picture.cleared is not None:
            base = shown.copy()
            base.paste((0, 0, 0, 0), box)
    return b"".join([*parts, b";"])


def _pictures(frames: Iterator[Frame]) -> Iterator[_Picture]:
    delays = Delays(MAX_DELAY)
    frame = next(frames)
    first = clear = transparent_part(frame.image)
    while True:
        following = next(frames, None)
        # Viewers that do not start over with an empty canvas need the last frame to make room for the first one.
        clear_next = transparent_part(following.image) if following is not None else first
        cleared = _newly_clear(clear, clear_next)
        image = frame.image.convert("RGBA" if has_alpha(frame.image) else "RGB")
        # Readers clear to the transparent colour of the frame, so there has to be one.
        coloured = quantised(image, transparent=cleared is not None)
        yield _Picture(coloured, coloured.convert("RGBA"), cleared, delays.next(frame.duration))
        if following is None:
            return
        frame, clear = following, clear_next


def _newly_clear(before: Image.Image | None, after: Image.Image | None) -> Box | None:
    if after is None:
        return None
    return (after if before is None else ImageChops.subtract(after, before)).getbbox()


def _merged(pictures: Iterator[_Picture]) -> Iterator[_Picture]:
    before = next(pictures)
    for picture in pictures:
        delay = before.delay + picture.delay
        if delay <= MAX_DELAY and _difference(before.shown, picture.shown) is None:
            before = replace(picture, delay=delay)
            continue
        yield before
        before = picture
    yield before


def _difference(before: Image.Image, after: Image.Image) -> Box | None:
    return ImageChops.difference(before, after).getbbox(alpha_only=False)


def _united(first: Box | None, second: Box | None) -> Box | None:
    if first is None or second is None:
        return first or second
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )


def _color_table(coloured: Image.Image) -> bytes:
    """The colours, filled up to a power of two."""
    colours = bytes(coloured.getpalette() or [])
    return colours.ljust(3 << _table_bits(colours), b"\x00")


def _table_bits(colours: bytes) -> int:
    return max((len(colours) // 3 - 1).bit_length(), 1)


def file_header(size: tuple[int, int], table: bytes, loop_count: int) -> list[bytes]:
    """What stands before the frames.

    Args:
        size: of the canvas.
        table: the colours of all frames without their own, a power of two of them.
        loop_count: 0 for endlessly.
    """
    parts = [b"GIF89a", _words(*size), bytes([0x80 | (_table_bits(table) - 1), 0, 0]), table]
    if loop_count != 1:
        # Repetitions are counted; without this block there is none.
        parts.append(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + _words(max(loop_count - 1, 0)) + b"\x00")
    return parts


def _frame(picture: _Picture, box: Box, table: bytes, *, first: bool) -> list[bytes]:
    index = picture.coloured.info.get("transparency")
    clears = picture.cleared is not None
    header = frame_header(box, table, index, picture.delay, clears=clears, first=first)
    return [*header, _coded(picture.coloured.crop(box))]


def frame_header(
    box: Box, table: bytes, index: int | None, delay: int, *, clears: bool, first: bool
) -> list[bytes]:
    """What stands before the samples of a frame.

    Args:
        box: left, top, right and bottom on the canvas.
        table: its colours, a power of two of them; empty for those of the file.
        index: of the transparent colour.
        delay: in hundredths of a second.
        clears: make ``box`` transparent when it is over.
        first: of the file. Pillow and ImageMagick dispose of a later one without a control block as of the one before.
    """
    flags = (_CLEAR if clears else _KEEP) << 2 | (index is not None)
    control = b""
    if delay or flags != _KEEP << 2 or not first:
        control = bytes([0x21, 0xF9, 4, flags]) + _words(delay) + bytes([index or 0, 0])
    left, top, right, bottom = box
    descriptor = b"," + _words(left, top, right - left, bottom - top)
    flags = 0x80 | (_table_bits(table) - 1) if table else 0
    return [control, descriptor, bytes([flags]), table]


def _coded(coloured: Image.Image) -> bytes:
    """The LZW data of a picture, with the code size before and the end of the sub-blocks behind them."""
    out = io.BytesIO()
    # As grey: with transparency Pillow's palette has turned into one of RGBA, which its writer counts wrongly.
    indices = Image.frombytes("L", coloured.size, coloured.tobytes())
    indices.save(out, "GIF", optimize=False, interlace=0)
    data = out.getvalue()
    position = 13 + (3 << (data[10] & 7) + 1)
    while data[position] == 0x21:
        position += 2
        while data[position]:
            position += 1 + data[position]
        position += 1
    # Behind the descriptor, which has no colour table of its own, and before the trailer.
    return data[position + 10 : -1]


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "little") for value in values)
