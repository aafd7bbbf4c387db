"""Decode a BMP of a palette or of bit fields, of which Pillow reads some kinds and refuses others."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from PIL import Image

from openmogr.image.formats.bmp_parts.header import FIELDS, RAW, RLE4, BmpHeader
from openmogr.image.source.arrays import np

if TYPE_CHECKING:
    import numpy.typing as npt

    _Bytes = npt.NDArray[np.uint8]

__all__ = ["BmpImage"]

_BAND = 1 << 20


class BmpImage(Image.Image):
    """A BMP in the shape of a file that Pillow opened: ``load`` decodes."""

    def __init__(self, stream: BinaryIO, header: BmpHeader) -> None:
        super().__init__()
        self._header = header
        self._stream = stream
        self._size = (header.width, header.height)
        self._mode = _mode(header)
        self.info = {"dpi": header.dpi} if header.dpi else {}
        self._decoded = False

    def load(self) -> None:
        """Decode, once.

        Raises:
            ValueError: damage.
        """
        if not self._decoded:
            self.im = self._picture().im
            self._decoded = True

    def _picture(self) -> Image.Image:
        header = self._header
        self._stream.seek(header.offset)
        target = Image.new(self._mode, self._size)
        band = max(_BAND // header.width, 1)
        rows = _unrolled(header, self._stream.read()) if header.compression not in {RAW, FIELDS} else None
        for top in range(0, header.height, band):
            count = min(band, header.height - top)
            if rows is not None:
                pixels = _coloured(header, self._mode, rows[top : top + count])
            else:
                pixels = _stored(header, self._mode, self._stream, count)
            place = top
            if not header.top_down:
                pixels, place = pixels[::-1], header.height - top - count
            target.paste(Image.fromarray(np.ascontiguousarray(pixels)), (0, place))
        if self._mode == "RGBA" and target.getchannel("A").getextrema() == (0, 0):
            # Programs that know no alpha leave it so; everybody shows such pictures.
            target.putalpha(255)
        return target


def _mode(header: BmpHeader) -> str:
    if header.compression == FIELDS:
        return "RGBA" if any(header.masks[3:]) else "RGB"
    return "L" if all(len(set(colour)) == 1 for colour in header.palette) else "RGB"


def _stored(header: BmpHeader, mode: str, stream: BinaryIO, count: int) -> _Bytes:
    """The next rows, which end at multiples of 32 bits."""
    length = (header.width * header.bits + 31) // 32 * 4
    data = stream.read(length * count)
    if len(data) < length * count:
        raise ValueError("not enough image data")
    rows = np.frombuffer(data, np.uint8).reshape(count, length)
    if header.compression == FIELDS:
        words = rows.view(f"<u{header.bits // 8}")[:, : header.width].astype(np.uint32)
        return np.stack([_field(words, mask) for mask in header.masks[: len(mode)]], axis=-1)
    if header.bits < 8:
        single = np.unpackbits(rows, axis=1).reshape(count, -1, header.bits)
        rows = np.asarray(np.packbits(single, axis=2)[..., 0] >> (8 - header.bits), np.uint8)
    return _coloured(header, mode, rows[:, : header.width])


def _field(words: npt.NDArray[np.uint32], mask: int) -> _Bytes:
    """A field of every pixel, scaled to 8 bit."""
    if not mask:
        return np.zeros(words.shape, np.uint8)
    shift = (mask & -mask).bit_length() - 1
    most = mask >> shift
    values = (words & np.uint32(mask)) >> np.uint32(shift)
    return np.asarray((values.astype(np.uint64) * 255 + most // 2) // most, np.uint8)


def _coloured(header: BmpHeader, mode: str, indexes: _Bytes) -> _Bytes:
    table = np.zeros((256, 3), np.uint8)
    table[: len(header.palette)] = header.palette
    return np.asarray((table[:, 0] if mode == "L" else table)[indexes])


def _unrolled(header: BmpHeader, data: bytes) -> _Bytes:
    """Indexes in stored order. What is skipped, or behind the end that the file marks, has the first colour."""
    width, height = header.width, header.height
    out = bytearray(width * height)
    position, column, row = 0, 0, 0
    while row < height:
        if position + 2 > len(data):
            if row == height - 1 and column >= width:
                break
            raise ValueError("not enough image data")
        count, value = data[position : position + 2]
        position += 2
        if count:
            run, used = _run(header, count, value), 0
        elif value == 0:
            row, column = row + 1, 0
            continue
        elif value == 1:
            break
        elif value == 2:
            column, row = column + data[position], row + data[position + 1]
            position += 2
            continue
        else:
            run, used = _literal(header, value, data[position : position + 256])
        position += used
        run = run[: max(width - column, 0)]
        out[row * width + column : row * width + column + len(run)] = run
        column += len(run)
    return np.frombuffer(out, np.uint8).reshape(height, width)


def _run(header: BmpHeader, count: int, value: int) -> bytes:
    if header.compression == RLE4:
        return (bytes([value >> 4, value & 15]) * (count // 2 + 1))[:count]
    return bytes([value]) * count


def _literal(header: BmpHeader, count: int, data: bytes) -> tuple[bytes, int]:
    """Indexes as they are, and how many bytes of the file they take, an even number."""
    length = (count + 1) // 2 if header.compression == RLE4 else count
    if len(data) < length:
        raise ValueError("not enough image data")
    used = data[:length]
    if header.compression == RLE4:
        used = bytes(part for byte in used for part in (byte >> 4, byte & 15))[:count]
    return used, length + length % 2
