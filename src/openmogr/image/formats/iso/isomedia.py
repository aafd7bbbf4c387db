"""Find the coded primary picture of a HEIF or AVIF file (ISO/IEC 14496-12 and 23008-12), without decoding it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

__all__ = [
    "CodedPicture",
    "primary_picture",
    "primary_properties",
    "primary_window",
    "whole_length",
]

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


def primary_properties(stream: BinaryIO, name: bytes) -> list[bytes]:
    """The contents of the properties of this name that the primary picture has; of broken boxes none."""
    try:
        return [content for kind, content in _primary(stream) if kind == name]
    except (EOFError, ValueError, LookupError):
        return []


def primary_window(stream: BinaryIO, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The clean aperture of the primary picture: left, top, right, bottom; None without one that lies within it.

    Args:
        stream: the file.
        size: of the coded picture. ISO/IEC 23000-22 section 7.3.6.7 has the aperture come before any rotation.
    """
    for content in primary_properties(stream, b"clap"):
        if len(content) >= 32:
            return _window(content, size)
    return None


def _window(content: bytes, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Where a clean aperture (ISO/IEC 14496-12 section 12.1.4) lies, in whole pixels."""
    numbers = [int.from_bytes(content[i : i + 4], "big", signed=i % 8 == 0) for i in range(0, 32, 4)]
    if not all(numbers[1::2]):
        return None
    across, down, right, below = (n / d for n, d in zip(numbers[::2], numbers[1::2], strict=True))
    width, height = int(across), int(down)
    left, top = (
        int((whole - part) / 2 + offset + 0.5)
        for whole, part, offset in ((size[0], width, right), (size[1], height, below))
    )
    inside = width > 0 and height > 0 and left >= 0 and top >= 0
    if not inside or left + width > size[0] or top + height > size[1]:
        return None
    return left, top, left + width, top + height


# Boxes that stand beside each other in a file.
_TOP_LEVEL = {
    b"ftyp",
    b"meta",
    b"mdat",
    b"moov",
    b"moof",
    b"mfra",
    b"free",
    b"skip",
    b"uuid",
    b"styp",
    b"sidx",
}
_TOP_LEVEL |= {b"wide", b"pdin", b"idat", b"mpvd", b"emsg", b"prft", b"ssix", b"meco"}


def whole_length(stream: BinaryIO) -> int:
    """How long the file is without what is behind its last box; phones append trailers of their own.

    Raises:
        ValueError: a box is longer than the file.
    """
    size = stream.seek(0, 2)
    position = 0
    while position + 8 <= size:
        stream.seek(position)
        header = stream.read(16)
        length, name = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0 and name in _TOP_LEVEL:
            return size
        if length < 8 or position + length > size:
            if name in _TOP_LEVEL:
                raise ValueError("the file is cut off")
            return position
        position += length
    return min(position, size)


def _primary(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The properties of the primary picture as its associations list them."""
    meta = _meta_box(stream)
    if not meta:
        return
    boxes = dict(_boxes(meta, 4))
    if b"pitm" not in boxes or b"iprp" not in boxes:
        return
    item = _primary_item(boxes[b"pitm"])
    containers = list(_boxes(boxes[b"iprp"]))
    properties = list(_boxes(dict(containers).get(b"ipco", b"")))
    for box, associations in containers:
        if box == b"ipma":
            for index in _associated(associations, item):
                if 1 <= index <= len(properties):
                    yield properties[index - 1]


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
