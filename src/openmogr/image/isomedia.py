"""Find the coded primary picture of a HEIF or AVIF file (ISO/IEC 14496-12 and 23008-12), without decoding it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["CodedPicture", "primary_picture"]

# Metadata beyond this is not searched. Thousands of tiles take about 100 KiB.
_MAX_META = 1 << 20
# Headers stand at the start of a coded picture, after parameter sets and messages.
_MAX_DATA = 1 << 16
_MAX_EXTENTS = 64
# Derived pictures that are made of others: a grid of tiles, an overlay, a transformed picture.
_DERIVED = {b"grid", b"iovl", b"iden"}
_MAX_DERIVATIONS = 4


@dataclass(frozen=True, slots=True)
class CodedPicture:
    """A picture as its codec takes it; of a grid or an overlay the first part.

    Attributes:
        kind: item type, ``hvc1`` or ``av01``.
        configuration: content of the box ``hvcC`` or ``av1C``; empty if there is none.
        data: the first 64 KiB of the coded data.
    """

    kind: bytes
    configuration: bytes
    data: bytes


def primary_picture(stream: BinaryIO) -> CodedPicture | None:
    """The primary picture of a file; None where there is none that is coded by HEVC or AV1.

    Raises:
        EOFError, ValueError: damaged boxes.
    """
    meta = _meta_box(stream)
    if not meta:
        return None
    boxes = dict(_boxes(meta, 4))
    item = _primary_item(boxes[b"pitm"]) if b"pitm" in boxes else 0
    kinds = dict(_item_kinds(boxes.get(b"iinf", b"")))
    parts = dict(_derivations(boxes.get(b"iref", b"")))
    for _ in range(_MAX_DERIVATIONS):
        if kinds.get(item) not in _DERIVED:
            break
        item = parts.get(item, 0)
    kind = kinds.get(item, b"")
    if kind not in {b"hvc1", b"av01"}:
        return None
    configuration = _property(boxes.get(b"iprp", b""), item, b"hvcC" if kind == b"hvc1" else b"av1C")
    data = _item_data(stream, boxes.get(b"iloc", b""), boxes.get(b"idat", b""), item)
    return CodedPicture(kind, configuration, data)


def _meta_box(stream: BinaryIO) -> bytes:
    """The content of the file's ``meta`` box; empty if there is none."""
    size = stream.seek(0, 2)
    position = 0
    while position + 8 <= size:
        stream.seek(position)
        header = stream.read(16)
        length, name, content = int.from_bytes(header[:4], "big"), header[4:8], position + 8
        if length == 1:
            length, content = int.from_bytes(header[8:16], "big"), position + 16
        elif length == 0:
            length = size - position
        if length < content - position:
            raise ValueError("a box is shorter than its header")
        if name == b"meta":
            stream.seek(content)
            return stream.read(min(length - (content - position), _MAX_META))
        position += length
    return b""


def _boxes(data: bytes, position: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of the boxes within a box."""
    while position + 8 <= len(data):
        length, content = int.from_bytes(data[position : position + 4], "big"), position + 8
        if length == 1:
            length, content = int.from_bytes(data[position + 8 : position + 16], "big"), position + 16
        elif length == 0:
            length = len(data) - position
        if length < content - position:
            raise ValueError("a box is shorter than its header")
        yield data[position + 4 : position + 8], data[content : position + length]
        position += length


class _Fields:
    """Numbers one after another, big endian."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def __bool__(self) -> bool:
        return self._position < len(self._data)

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length), "big")

    def take(self, length: int) -> bytes:
        part = self._data[self._position : self._position + length]
        if len(part) < length:
            raise EOFError("a box is cut off")
        self._position += length
        return part


def _primary_item(data: bytes) -> int:
    fields = _Fields(data)
    version = fields.number(4) >> 24
    return fields.number(2 if version == 0 else 4)


def _item_kinds(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Identifier and type of the items of an ``iinf`` box."""
    if not data:
        return
    for name, entry in _boxes(data, 6 if data[0] == 0 else 8):
        fields = _Fields(entry)
        version = fields.number(4) >> 24
        if name == b"infe" and version >= 2:
            item = fields.number(2 if version == 2 else 4)
            fields.take(2)
            yield item, fields.take(4)


def _derivations(data: bytes) -> Iterator[tuple[int, int]]:
    """Derived items of an ``iref`` box, each with the first that it is made of."""
    width = 2 if data[:1] == b"\x00" else 4
    for name, entry in _boxes(data, 4):
        if name == b"dimg":
            fields = _Fields(entry)
            item, count = fields.number(width), fields.number(2)
            if count:
                yield item, fields.number(width)


def _property(data: bytes, item: int, name: bytes) -> bytes:
    """The property of this name that an ``iprp`` box gives an item; empty if there is none."""
    boxes = dict(_boxes(data))
    properties = list(_boxes(boxes.get(b"ipco", b"")))
    for box, associations in _boxes(data):
        if box != b"ipma":
            continue
        for index in _associated(associations, item):
            if 1 <= index <= len(properties) and properties[index - 1][0] == name:
                return properties[index - 1][1]
    return b""


def _associated(data: bytes, wanted: int) -> list[int]:
    """Numbers, from 1, of the properties of an item by an ``ipma`` box."""
    fields = _Fields(data)
    head = fields.number(4)
    item_width, index_width = (2 if head >> 24 == 0 else 4), (2 if head & 1 else 1)
    mask = (1 << (8 * index_width - 1)) - 1
    for _ in range(fields.number(4)):
        item, count = fields.number(item_width), fields.number(1)
        entries = _Fields(fields.take(count * index_width))
        if item == wanted:
            return [entries.number(index_width) & mask for _ in range(count)]
    return []


def _item_data(stream: BinaryIO, data: bytes, local: bytes, item: int) -> bytes:
    """The first bytes of an item by the ``iloc`` box; ``local`` is the content of ``idat``."""
    out = b""
    for place, offset, length in _extents(data, item):
        wanted = _MAX_DATA - len(out)
        if length:
            wanted = min(wanted, length)
        if place == 1:
            out += local[offset : offset + wanted]
        elif place == 0:
            stream.seek(offset)
            out += stream.read(wanted)
        if len(out) >= _MAX_DATA:
            break
    return out


def _extents(data: bytes, wanted: int) -> list[tuple[int, int, int]]:
    """Construction method, offset and length (0: to the end) of the pieces of an item."""
    fields = _Fields(data)
    version = fields.number(4) >> 24
    widths = fields.number(2)
    offset_width, length_width, base_width, index_width = (widths >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(fields.number(2 if version < 2 else 4)):
        item = fields.number(2 if version < 2 else 4)
        place = fields.number(2) & 15 if version else 0
        fields.take(2)
        base, count = fields.number(base_width), fields.number(2)
        width = (index_width if version else 0) + offset_width + length_width
        pieces = _Fields(fields.take(count * width))
        if item != wanted:
            continue
        extents = []
        for _ in range(min(count, _MAX_EXTENTS)):
            pieces.take(index_width if version else 0)
            extents.append((place, base + pieces.number(offset_width), pieces.number(length_width)))
        return extents
    return []
