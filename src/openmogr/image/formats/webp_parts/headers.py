"""Read what Pillow would only tell after allocating or decoding: size and quantiser."""

from __future__ import annotations

from typing import BinaryIO

__all__ = ["declared_size", "leaves_canvas_open", "vp8_quantiser"]


def declared_size(stream: BinaryIO) -> tuple[int, int]:
    """Width and height by the header alone.

    Raises:
        ValueError: the header is damaged.
    """
    stream.seek(0)
    header = stream.read(30)
    kind, data = header[12:16], header[20:]
    if len(data) < 10:
        raise ValueError("the WebP header is cut off")
    if kind == b"VP8X":
        # Canvas width and height minus one, 24 bits each (WebP container specification).
        return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    if kind == b"VP8 ":
        # RFC 6386 section 9.1: start code, then 14 bits each.
        if data[3:6] != b"\x9d\x01\x2a":
            raise ValueError("the VP8 key frame has no start code")
        return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
    if kind == b"VP8L":
        if data[0] != 0x2F:
            raise ValueError("the VP8L stream has no signature")
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise ValueError("the WebP file starts with an unknown chunk")


def vp8_quantiser(stream: BinaryIO) -> int | None:
    """The base quantiser index, 0-127, of the first lossy frame of a WebP; None for a lossless one."""
    stream.seek(12)
    # Chunks of the file, and inside an animation frame's 16 bytes of header, chunks again.
    while len(header := stream.read(8)) == 8:
        kind, length = header[:4], int.from_bytes(header[4:], "little")
        if kind == b"VP8 ":
            return _Vp8Header(stream.read(min(length, 64))).quantiser()
        if kind == b"VP8L":
            return None
        skip = 16 if kind == b"ANMF" else length + (length & 1)
        stream.seek(skip, 1)
    return None


def leaves_canvas_open(stream: BinaryIO) -> bool:
    """Whether frames of an animation leave a part of the canvas uncovered, which is transparent.

    That is so whatever the alpha flag says: libwebp cuts transparent borders off frames, and where every frame is then
    opaque it leaves the flag out. Browsers show the canvas through, too.
    """
    width, height = declared_size(stream)
    stream.seek(12)
    # Before the first frame, all of the canvas is clear.
    cleared = True
    while len(header := stream.read(8)) == 8:
        kind, length = header[:4], int.from_bytes(header[4:], "little")
        skip = length + (length & 1)
        if kind == b"ANMF" and len(frame := stream.read(16)) == 16:
            # Place in units of two pixels, sides minus one, duration, flags (WebP container specification).
            place = [int.from_bytes(frame[start : start + 3], "little") for start in (0, 3, 6, 9)]
            if cleared and place != [0, 0, width - 1, height - 1]:
                return True
            cleared = bool(frame[15] & 1)
            skip -= 16
        stream.seek(max(skip, 0), 1)
    return False


class _Vp8Header:
    """The Boolean decoder of RFC 6386 section 7, as far as the frame header's quantiser (section 9.6)."""

    def __init__(self, frame: bytes) -> None:
        self._data = frame[10:]
        self._position = 2
        self._value = int.from_bytes(self._data[:2].ljust(2, b"\x00"), "big")
        self._range = 255
        self._bit_count = 0

    def _bit(self, probability: int = 128) -> int:
        split = 1 + (((self._range - 1) * probability) >> 8)
        if self._value >= split << 8:
            bit, self._range, self._value = 1, self._range - split, self._value - (split << 8)
        else:
            bit, self._range = 0, split
        while self._range < 128:
            self._value <<= 1
            self._range <<= 1
            self._bit_count += 1
            if self._bit_count == 8:
                self._bit_count = 0
                self._value |= self._data[self._position] if self._position < len(self._data) else 0
                self._position += 1
        return bit

    def _number(self, bits: int) -> int:
        value = 0
        for _ in range(bits):
            value = value << 1 | self._bit()
        return value

    def _optional(self, bits: int) -> int | None:
        """A flagged number with sign."""
        if not self._bit():
            return None
        value = self._number(bits)
        return -value if self._bit() else value

    def quantiser(self) -> int:
        self._number(2)  # colour space, clamping type
        segments: list[int] = []
        absolute = False
        if self._bit():
            update_map, update_data = self._bit(), self._bit()
            if update_data:
                absolute = bool(self._bit())
                segments = [self._optional(7) or 0 for _ in range(4)]
                for _ in range(4):
                    self._optional(6)
            if update_map:
                for _ in range(3):
                    if self._bit():
                        self._number(8)
        self._number(1 + 6 + 3)  # filter type, level, sharpness
        if self._bit() and self._bit():  # loop filter deltas: enabled, updated
            for _ in range(8):
                self._optional(6)
        self._number(2)  # partitions
        base = self._number(7)
        if not segments:
            return base
        return min(max(round(sum(segments) / 4) + (0 if absolute else base), 0), 127)
