"""Convert the samples of a TIFF to 8 bit pixels, band by band. Only the decompression is libtiff's."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image

from openmogr.image.formats.tiff_parts.layout import COLOURS, TiffLayout
from openmogr.image.source.arrays import np

if TYPE_CHECKING:
    import numpy.typing as npt

    _Bytes = npt.NDArray[np.uint8]
    _Samples = npt.NDArray[np.unsignedinteger[npt.NBitBase]]

__all__ = ["TiffImage"]


_MODES = {0: "L", 1: "L", 2: "RGB", 3: "RGB", 5: "CMYK", 6: "YCbCr"}
_WHITE_IS_ZERO, _RGB, _PALETTE = 0, 2, 3
_PREMULTIPLIED = 1
# Corel Draw writes 999 for alpha.
_ALPHA = {1, 2, 999}

_BAND_BYTES = 1 << 22


class TiffImage(Image.Image):
    """A TIFF in the shape of a file that Pillow opened: ``load`` decodes.

    Attributes:
        layout: its kind.
        alpha: after ``load``, the transparency that the mode CMYK has no channel for; else None.
    """

    def __init__(self, stream: BinaryIO, layout: TiffLayout) -> None:
        super().__init__()
        self.layout = layout
        self.alpha: Image.Image | None = None
        self._stream = stream
        self._alpha_at = _alpha_sample(layout)
        self._size = (layout.width, layout.height)
        self._mode = _MODES[layout.photometric]
        if self._alpha_at is not None and self._mode in {"L", "RGB"}:
            self._mode += "A"
        self.info = _info(layout)
        self._decoded = False

    def load(self) -> None:
        """Decode, once.

        Raises:
            ValueError, OSError: damage.
        """
        if not self._decoded:
            self.im = self._picture().im
            self._decoded = True

    def getexif(self) -> Image.Exif:
        """The tags of the directory and of those it points to."""
        exif = Image.Exif()
        exif.bigtiff = self.layout.directory._bigtiff
        exif.endian = self.layout.directory._endian
        exif.load_from_fp(self._stream, self.layout.directory._offset)
        return exif

    def _picture(self) -> Image.Image:
        target = Image.new(self._mode, self._size)
        apart = self._alpha_at is not None and not self._mode.endswith("A")
        alpha = Image.new("L", self._size, 255) if apart else None
        for row, samples in _bands(self._stream, self.layout):
            pixels, opacity = _pixels(self.layout, samples, self._alpha_at)
            if opacity is not None and alpha is not None:
                alpha.paste(Image.fromarray(opacity), (0, row))
            elif opacity is not None:
                pixels = np.dstack([pixels, opacity])
            # Of two channels Pillow makes LA, of three RGB, of four RGBA; their bytes are what counts.
            piece = Image.frombytes(
                self._mode, (self.width, len(pixels)), np.ascontiguousarray(pixels).tobytes()
            )
            target.paste(piece, (0, row))
        self.alpha = alpha
        return target


def _info(layout: TiffLayout) -> dict[str | tuple[int, int], object]:
    """What Pillow's reader notes."""
    info: dict[str | tuple[int, int], object] = {}
    directory = layout.directory
    resolution, unit = (directory.get(282), directory.get(283)), directory.get(296, 2)
    if unit in (2, 3):
        factor = 1 if unit == 2 else 2.54
        info["dpi"] = tuple(float(value) * factor for value in resolution if value)
    for name, tag in (("icc_profile", 34675), ("xmp", 700)):
        value = directory.get(tag)
        if isinstance(value, tuple) and value and all(isinstance(n, int) and 0 <= n < 256 for n in value):
            value = bytes(value)
        if isinstance(value, bytes):
            info[name] = value
    return info


def _alpha_sample(layout: TiffLayout) -> int | None:
    """Which sample is alpha."""
    colours = COLOURS[layout.photometric]
    if layout.samples <= colours:
        return None
    # A fourth sample of RGB, and a second of grey, that nothing is said about is alpha in practice.
    extra = layout.extra or ((2,) if layout.samples == colours + 1 else ())
    for number, kind in enumerate(extra[: layout.samples - colours]):
        if kind in _ALPHA:
            return colours + number
    return None


def _bands(stream: BinaryIO, layout: TiffLayout) -> Iterator[tuple[int, _Samples]]:
    """The samples of some rows after another, rows x width x samples, and the number of the first row."""
    across, down = layout.block
    columns, blocks = -(-layout.width // across), -(-layout.height // down)
    planes, together = (layout.samples, 1) if layout.planar else (1, layout.samples)
    row_bytes = (across * together * layout.bits + 7) // 8
    # Strips are decoded several at once, a row of tiles at once.
    group = 1 if layout.tiled else max(_BAND_BYTES // (row_bytes * down), 1)
    step = max(_BAND_BYTES // (row_bytes * columns * planes * (8 if layout.bits % 8 else 1)), 1)
    for block in range(0, blocks, group):
        taken = min(group, blocks - block)
        rows = min(taken * down, layout.height - block * down)
        height = rows if not layout.tiled else down
        raw = []
        for plane in range(planes):
            first = (plane * blocks + block) * columns
            parts = layout.segments[first : first + taken * columns]
            data = _decompressed(stream, layout, parts, (row_bytes, height * columns), down)
            raw.append(data.reshape(columns, height, row_bytes))
        for row in range(0, rows, step):
            stop = min(row + step, rows)
            pieces = [_unpacked(layout, data[:, row:stop], across, together) for data in raw]
            samples = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=-1)
            yield block * down + row, samples[:, : layout.width]


def _decompressed(
    stream: BinaryIO, layout: TiffLayout, parts: list[tuple[int, int]], size: tuple[int, int], down: int
) -> _Bytes:
    """The bytes of tiles or strips one below the other; ``size`` is that of a row in bytes, and rows in all."""
    width, height = size
    coded = []
    for number, (offset, length) in enumerate(parts):
        expected = width * min(down, height - number * down)
        stream.seek(offset)
        data = stream.read(length if layout.compression != 1 else min(length, expected))
        if layout.compression == 1 and len(data) < expected:
            raise ValueError(f"a strip or tile has {len(data)} bytes instead of {expected}")
        coded.append(data)
    if layout.compression == 1:
        plain = np.frombuffer(b"".join(coded), np.uint8).reshape(height, width)
        return _reversed()[plain] if layout.reversed_bits else plain
    with Image.open(io.BytesIO(_grey_tiff(layout, coded, size, down)), formats=["TIFF"]) as image:
        image.load()
        return np.asarray(image).reshape(height, width)


def _grey_tiff(layout: TiffLayout, coded: list[bytes], size: tuple[int, int], down: int) -> bytes:
    """A TIFF that shows the bytes of the compressed pieces as grey pixels."""
    count = len(coded)
    tags = 9
    start = 8 + 2 + 12 * tags + 4
    table = start if count > 1 else 0
    position = start + (8 * count if count > 1 else 0)
    offsets = []
    for data in coded:
        offsets.append(position)
        position += len(data)
    lengths = [len(data) for data in coded]
    compression = 8 if layout.compression == 32946 else layout.compression
    entries = [
        (256, 1, size[0]),
        (257, 1, size[1]),
        (258, 1, 8),
        (259, 1, compression),
        (262, 1, 1),
        (266, 1, 2 if layout.reversed_bits else 1),
        (273, count, table or offsets[0]),
        (278, 1, down),
        (279, count, table + 4 * count if table else lengths[0]),
    ]
    directory = b"".join(struct.pack("<HHII", tag, 4, number, value) for tag, number, value in entries)
    lists = struct.pack(f"<{2 * count}I", *offsets, *lengths) if table else b""
    return b"II*\x00" + struct.pack("<IH", 8, tags) + directory + bytes(4) + lists + b"".join(coded)


def _unpacked(layout: TiffLayout, raw: _Bytes, across: int, together: int) -> _Samples:
    """Numbers out of bytes, tiles side by side: rows x width x samples."""
    columns, rows, _ = raw.shape
    bits = layout.bits
    order = layout.directory._endian
    if bits % 8 == 0:
        numbers = np.ascontiguousarray(raw).view(f"{order}u{bits // 8}").astype(f"=u{bits // 8}")
    else:
        single = np.unpackbits(raw, axis=-1)[..., : across * together * bits]
        weights = (1 << np.arange(bits - 1, -1, -1)).astype(np.uint16)
        numbers = single.reshape(columns, rows, across * together, bits) @ weights
    samples = numbers.reshape(columns, rows, across, together)
    if layout.predictor == 2:
        samples = np.cumsum(samples, axis=2, dtype=samples.dtype)
    return np.asarray(samples.transpose(1, 0, 2, 3).reshape(rows, columns * across, together))


def _pixels(layout: TiffLayout, samples: _Samples, alpha_at: int | None) -> tuple[_Bytes, _Bytes | None]:
    """8 bit colours, rows x width x channels, and alpha."""
    most = (1 << layout.bits) - 1
    colours = samples[..., : COLOURS[layout.photometric]]
    alpha = None if alpha_at is None else samples[..., alpha_at]
    if layout.photometric == _PALETTE:
        return _looked_up(layout, colours[..., 0]), None if alpha is None else _scaled(alpha, most)
    if alpha is not None and _premultiplied(layout, alpha_at):
        share = colours / np.maximum(alpha, 1)[..., None]
        pixels = np.asarray(np.clip(share * 255 + 0.5, 0, 255), np.uint8)
    else:
        pixels = _scaled(colours, most)
    if layout.photometric == _WHITE_IS_ZERO:
        pixels = 255 - pixels
    return pixels, None if alpha is None else _scaled(alpha, most)


def _premultiplied(layout: TiffLayout, alpha_at: int | None) -> bool:
    if alpha_at is None or not layout.extra:
        return False
    return layout.extra[alpha_at - COLOURS[layout.photometric]] == _PREMULTIPLIED


@cache
def _reversed() -> _Bytes:
    """Each byte with its bits in the other order."""
    return np.array([int(f"{value:08b}"[::-1], 2) for value in range(256)], np.uint8)


def _scaled(samples: _Samples, most: int) -> _Bytes:
    if most == 255:
        return np.asarray(samples, np.uint8)
    return np.asarray((samples.astype(np.uint64) * 255 + most // 2) // most, np.uint8)


def _looked_up(layout: TiffLayout, indexes: _Samples) -> _Bytes:
    """Palettes have 16 bits; those of some writers, 8."""
    colours = layout.directory.get(320, ())
    count = 1 << layout.bits
    if len(colours) < 3 * count:
        raise ValueError(f"the palette has {len(colours)} values instead of {3 * count}")
    table = np.array(colours[: 3 * count], np.uint16).reshape(3, count).T
    return np.asarray((table if table.max() < 256 else table >> 8)[indexes], np.uint8)
