"""The chunks of a PNG (PNG specification, third edition), walked in the whole file before Pillow sees it.

Pillow refuses an image for what stands in an ancillary chunk. Such chunks are not needed to show it, so those that are
damaged or too long are left out here.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

__all__ = ["SIGNATURE", "Chunk", "PngLayout", "chunk", "has_animation_control", "read_layout"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"

# What Pillow inflates of a text or profile at most.
_MAX_INFLATED = 1 << 20
# Longer ancillary chunks are left out, and so are texts beyond this number.
_MAX_LENGTH = 8 << 20
_MAX_TEXTS = 32

# Lengths that ancillary chunks may have.
_LENGTHS = {
    b"tRNS": range(1, 257),
    b"gAMA": range(4, 5),
    b"cHRM": range(32, 33),
    b"sRGB": range(1, 2),
    b"cICP": range(4, 5),
    b"pHYs": range(9, 10),
    b"acTL": range(8, 9),
}
_COLOURS = {b"cICP", b"gAMA", b"cHRM", b"sRGB"}
_TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
_NAME = re.compile(rb"[A-Za-z]{4}")
_KNOWN = re.compile(
    rb"IDAT|IEND|PLTE|tRNS|acTL|fcTL|fdAT|iCCP|gAMA|cHRM|sRGB|cICP|pHYs|eXIf|tEXt|zTXt|iTXt|bKGD|tIME|sBIT|hIST|oFFs"
)
_MAX_ATTEMPTS = 64
# An image of the most bytes in the shortest pieces that encoders write has fewer; what is behind is not looked at.
_MAX_CHUNKS = 200_000
_WINDOW = 1 << 16


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk in the file: its name, where its content begins, how long that is, and whether it can be that long."""

    kind: bytes
    position: int
    length: int
    whole: bool = True


@dataclass(slots=True)
class PngLayout:
    """What a walk over the chunks found.

    Attributes:
        kept: chunks for the decoder, in order.
        dropped: whether there were others.
        animated: an ``acTL`` before the samples announces frames.
        frames: as ``acTL`` announces.
        loop_count: as ``acTL`` announces, 0 for endlessly.
        bit_depth: of a sample.
        color_type: of ``IHDR``.
        cicp: primaries and transfer characteristics by H.273, and whether samples have the full range.
        gamma: of ``gAMA``, in parts of 100,000; 0 where there is none.
        chromaticities: x and y of white, red, green and blue by ``cHRM``, likewise; or empty.
        srgb: there is an ``sRGB``.
        key: content of ``tRNS``.
        keywords: of texts.
        texts_behind: there are some behind the samples.
        exif: content of ``eXIf``, which may lie behind the samples.
        problem: what is wrong with a critical chunk, in words; empty if nothing is.
    """

    kept: list[Chunk] = field(default_factory=list)
    dropped: bool = False
    animated: bool = False
    frames: int = 0
    loop_count: int = 0
    bit_depth: int = 8
    color_type: int = 2
    cicp: tuple[int, int, bool] | None = None
    gamma: int = 0
    chromaticities: tuple[int, ...] = ()
    srgb: bool = False
    key: bytes = b""
    keywords: list[str] = field(default_factory=list)
    texts_behind: bool = False
    exif: bytes = b""
    problem: str = ""

    def cleaned(self, stream: BinaryIO) -> BinaryIO:
        """The file without what was left out; the stream itself if that is nothing."""
        if not self.dropped:
            return stream
        out = io.BytesIO()
        out.write(SIGNATURE)
        for part in self.kept:
            stream.seek(part.position - 8)
            out.write(stream.read(part.length + 12))
        out.seek(0)
        return out


def chunk(kind: bytes, *data: bytes) -> bytes:
    """A whole chunk."""
    body = b"".join((kind, *data))
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def has_animation_control(stream: BinaryIO) -> bool:
    """Whether the PNG announces an animation before its samples, however far that is into the file."""
    for part in _walk(stream):
        if part.kind == b"IDAT":
            return False
        if part.kind == b"acTL":
            content = _usable(stream, part)
            if content is not None:
                return any(content[:4])
    return False


def read_layout(stream: BinaryIO) -> PngLayout:
    """Walk over all chunks of a PNG."""
    layout = PngLayout()
    samples = False
    texts = 0
    for part in _walk(stream):
        samples = samples or part.kind == b"IDAT"
        if not part.kind[0] & 32:
            _critical(stream, part, layout)
            layout.kept.append(part)
            continue
        content = _usable(stream, part)
        texts += part.kind in _TEXTS
        if content is None or texts > _MAX_TEXTS or not _noted(part, content, layout, behind=samples):
            layout.dropped = True
        else:
            layout.kept.append(part)
    if not samples and not layout.problem:
        layout.problem = "the PNG holds no IDAT chunk"
    return layout


def _critical(stream: BinaryIO, part: Chunk, layout: PngLayout) -> None:
    """Take note of a chunk without which there is no image."""
    if part.kind == b"IDAT":
        return
    content = _sound(stream, part)
    name = part.kind.decode("ascii")
    if content is None:
        layout.problem = layout.problem or f"the CRC of the PNG's {name} chunk is wrong"
    elif part.kind == b"IHDR" and len(content) >= 10:
        layout.bit_depth, layout.color_type = content[8], content[9]
        if content[8] not in (1, 2, 4, 8, 16) or content[9] not in (0, 2, 3, 4, 6):
            layout.problem = f"the PNG has {content[8]} bits a sample in colour type {content[9]}"
    elif part.kind not in {b"IHDR", b"PLTE", b"IEND"} and not layout.problem:
        layout.problem = f"the PNG's critical chunk {name} is unknown"


def _usable(stream: BinaryIO, part: Chunk) -> bytes | None:
    """The content of an ancillary chunk; None if it is left out. Of frames' samples only the number."""
    if not part.whole:
        return None
    if part.kind == b"fdAT":
        stream.seek(part.position)
        return stream.read(4)
    if part.length > _MAX_LENGTH or part.length not in _LENGTHS.get(part.kind, range(_MAX_LENGTH + 1)):
        return None
    return _sound(stream, part)


def _inflates(kind: bytes, content: bytes) -> bool:
    """Whether Pillow can take a text or a profile, which may be compressed."""
    _, _, rest = content.partition(b"\x00")
    if kind == b"tEXt":
        return True
    if kind == b"iTXt":
        if not rest[:1].strip(b"\x00"):
            return len(rest) > 1
        rest = rest[2:].partition(b"\x00")[2].partition(b"\x00")[2]
    elif rest[:1] != b"\x00":
        return False
    else:
        rest = rest[1:]
    try:
        return len(zlib.decompressobj().decompress(rest, _MAX_INFLATED + 1)) <= _MAX_INFLATED
    except zlib.error:
        return False


def _noted(part: Chunk, content: bytes, layout: PngLayout, *, behind: bool) -> bool:
    """Take note of an ancillary chunk; whether the decoder shall see it."""
    if part.kind == b"acTL":
        frames, loop_count = struct.unpack(">II", content)
        if behind or layout.animated or not 0 < frames <= 0x80000000:
            return False
        layout.animated, layout.frames, layout.loop_count = True, frames, loop_count
    elif part.kind in _COLOURS:
        # Behind the samples they are not valid.
        if not behind:
            _noted_colours(part.kind, content, layout)
    elif part.kind == b"iCCP":
        return _inflates(part.kind, content)
    elif part.kind in _TEXTS:
        if not _inflates(part.kind, content):
            return False
        layout.keywords.append(content.partition(b"\x00")[0].decode("latin-1"))
        layout.texts_behind = layout.texts_behind or behind
    elif part.kind == b"tRNS":
        if len(content) < {0: 2, 2: 6, 3: 1}.get(layout.color_type, 257):
            return False
        layout.key = content
    elif part.kind == b"eXIf":
        layout.exif = content
    return True


def _noted_colours(kind: bytes, content: bytes, layout: PngLayout) -> None:
    """Take note of what the colours are."""
    if kind == b"cICP":
        primaries, transfer, matrix, full = content
        # Samples of a PNG are RGB; with any other matrix the chunk is not valid.
        if matrix == 0:
            layout.cicp = (primaries, transfer, bool(full))
    elif kind == b"gAMA":
        layout.gamma = int.from_bytes(content, "big")
    elif kind == b"cHRM":
        layout.chromaticities = struct.unpack(">8I", content)
    else:
        layout.srgb = True


def _sound(stream: BinaryIO, part: Chunk) -> bytes | None:
    """The content, if its check sum is right."""
    stream.seek(part.position)
    content = stream.read(part.length + 4)
    if len(content) < part.length + 4:
        return None
    check = int.from_bytes(content[-4:], "big")
    return content[:-4] if zlib.crc32(content[:-4], zlib.crc32(part.kind)) == check else None


def _walk(stream: BinaryIO) -> Iterator[Chunk]:
    """The chunks up to ``IEND`` or the end of the file. After a wrong length, what looks like the next one."""
    size = stream.seek(0, 2)
    position = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if position + 8 > size:
            return
        stream.seek(position)
        header = stream.read(8)
        length, kind = int.from_bytes(header[:4], "big"), header[4:]
        if not _NAME.fullmatch(kind):
            return
        following = position + 12 + length
        whole = not kind[0] & 32 or _is_start(stream, following, size)
        if not whole:
            following = _next_known(stream, position + 8, size)
        yield Chunk(kind, position + 8, length, whole)
        if kind == b"IEND":
            return
        position = following


def _is_start(stream: BinaryIO, position: int, size: int) -> bool:
    """Whether a chunk may begin here, or the file ends."""
    if position >= size:
        return position == size
    stream.seek(position)
    header = stream.read(8)
    return bool(_NAME.fullmatch(header[4:]))


def _next_known(stream: BinaryIO, position: int, size: int) -> int:
    """Where the next chunk of a known kind begins that is followed by another one; the end if there is none."""
    attempts = 0
    while position < size and attempts < _MAX_ATTEMPTS:
        stream.seek(position)
        window = stream.read(_WINDOW + 8)
        for match in _KNOWN.finditer(window):
            start = position + match.start() - 4
            attempts += 1
            if match.start() < 4 or attempts > _MAX_ATTEMPTS:
                continue
            length = int.from_bytes(window[match.start() - 4 : match.start()], "big")
            end = start + 12 + length
            if end == size or (end < size and _is_start(stream, end, size)):
                return start
        position += _WINDOW
    return size
