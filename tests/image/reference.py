"""Animations composed pixel by pixel by the rules of GIF89a and of the PNG specification, for comparison."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .conftest import Pixels


@dataclass
class Drawing:
    """A rectangle of RGBA samples, and how it is drawn: disposal 0 keep, 1 clear, 2 restore."""

    samples: Pixels
    left: int
    top: int
    over: bool
    disposal: int


def compose(size: tuple[int, int], drawings: list[Drawing]) -> list[Image.Image]:
    """What is shown after each drawing, on a canvas that begins transparent."""
    canvas = np.zeros((size[1], size[0], 4), np.float64)
    shown = []
    for drawing in drawings:
        before = canvas.copy()
        rows = slice(drawing.top, drawing.top + drawing.samples.shape[0])
        columns = slice(drawing.left, drawing.left + drawing.samples.shape[1])
        source = drawing.samples.astype(np.float64)
        if drawing.over:
            below = canvas[rows, columns]
            alpha = source[..., 3:] / 255
            under = below[..., 3:] / 255 * (1 - alpha)
            total = alpha + under
            colour = (source[..., :3] * alpha + below[..., :3] * under) / np.maximum(total, 1e-9)
            canvas[rows, columns] = np.concatenate([np.where(total > 0, colour, 0), total * 255], axis=-1)
        else:
            canvas[rows, columns] = source
        shown.append(Image.fromarray(canvas.round().astype(np.uint8)))
        if drawing.disposal == 1:
            canvas[rows, columns] = 0
        elif drawing.disposal == 2:
            canvas = before
    return shown


def reference_frames(data: bytes) -> list[Image.Image]:
    """The frames of a GIF as browsers show them: uncovered and cleared parts are transparent."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13
    table = b""
    if flags & 0x80:
        table = data[position : position + (3 << ((flags & 7) + 1))]
        position += len(table)
    control = bytes(4)
    drawings = []
    while data[position] != 0x3B:
        if data[position] == 0x21:
            if data[position + 1] == 0xF9:
                control = data[position + 3 : position + 7]
            position = _behind_blocks(data, position + 2)
            continue
        left, top, across, down, own = struct.unpack_from("<4HB", data, position + 1)
        start = position + 10
        colours = 3 << ((own & 7) + 1) if own & 0x80 else 0
        position = _behind_blocks(data, start + colours + 1)
        still = b"GIF87a" + struct.pack("<HHBBB", across, down, own & 7 if colours else flags, 0, 0)
        still = still[:10] + bytes([0x80 | (own & 7 if colours else flags & 7), 0, 0])
        still += data[start : start + colours] if colours else table
        still += b"\x2c" + struct.pack("<4HB", 0, 0, across, down, own & 0x40)
        still += data[start + colours : position] + b"\x3b"
        with Image.open(io.BytesIO(still)) as image:
            indexes = np.asarray(image)
            samples = np.asarray(image.convert("RGBA")).copy()
        if control[0] & 1:
            samples[indexes == control[3]] = 0
        disposal = {2: 1, 3: 2}.get(control[0] >> 2 & 7, 0)
        drawings.append(Drawing(samples, left, top, True, disposal))
        control = bytes(4)
    return compose((width, height), drawings)


def _behind_blocks(data: bytes, position: int) -> int:
    while data[position]:
        position += 1 + data[position]
    return position + 1


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_file(*chunks: tuple[bytes, bytes]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in chunks)


def png_header(width: int, height: int, depth: int, color_type: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)


def png_samples(rows: list[bytes]) -> bytes:
    """Rows of packed samples, compressed without filters."""
    return zlib.compress(b"".join(b"\x00" + row for row in rows))
