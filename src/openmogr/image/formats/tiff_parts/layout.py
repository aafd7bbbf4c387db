"""What the first directory of a TIFF says (TIFF 6.0), and which of its kinds are read how.

Pillow takes samples that lie in planes, are wider than 8 bit or white at zero for others, without an error. So the
common kinds are converted in ``tiff_samples``; JPEG, fax and subsampled colour stay Pillow's; the rest is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from openmogr.image.errors import input_resolution, not_an_image, unsupported_input

__all__ = ["COLOURS", "TiffLayout", "read_tiff_layout"]

# Photometric interpretations, and how many samples their colours take.
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3}
_COLOUR_NAMES = {
    0: "grey",
    1: "grey",
    2: "RGB",
    3: "palette",
    4: "mask",
    5: "CMYK",
    6: "YCbCr",
    8: "CIE L*a*b*",
}
_FORMATS = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}

_NONE, _FAX, _JPEG = 1, {2, 3, 4}, {6, 7}
# None, LZW, deflate under two numbers, PackBits, LZMA, Zstandard: they give back bytes, whatever these mean.
_PLAIN = {_NONE, 5, 8, 32946, 32773, 34925, 50000}
_BITS = {*range(1, 17), 32}
_MAX_SAMPLES = 32
_MAX_SEGMENTS = 1 << 20
# A strip, or a row of tiles, is in memory at once.
_MAX_BAND = 1 << 30


@dataclass(frozen=True, slots=True)
class TiffLayout:
    """An image's kind and where its samples are.

    Attributes:
        directory: all tags.
        width: pixels as stored.
        height: pixels as stored.
        orientation: 1-8.
        bits: of a sample.
        samples: of a pixel.
        photometric: how they make colours.
        extra: kinds of the samples behind the colours: 0 unspecified, 1 premultiplied alpha, 2 alpha.
        planar: each sample's values lie together.
        compression: by its number.
        predictor: 2 where samples are differences.
        reversed_bits: the first pixel is in the lowest bit.
        block: width and height of a tile, or of a strip.
        tiled: tiles instead of strips.
        segments: offset and length of the tiles or strips.
    """

    directory: ImageFileDirectory_v2
    width: int
    height: int
    orientation: int
    bits: int
    samples: int
    photometric: int
    extra: tuple[int, ...]
    planar: bool
    compression: int
    predictor: int
    reversed_bits: bool
    block: tuple[int, int]
    tiled: bool
    segments: list[tuple[int, int]]

    @property
    def plain(self) -> bool:
        """Whether ``tiff_samples`` reads it; otherwise Pillow does."""
        if self.photometric == YCBCR:
            subsampling = self.directory.get(530, (2, 2))
            return self.compression in _PLAIN and subsampling == (1, 1) and self.bits == 8
        return self.compression in _PLAIN and self.photometric in COLOURS

    @property
    def kind(self) -> str:
        """What it is, in words."""
        colour = _COLOUR_NAMES.get(self.photometric, f"colour {self.photometric}")
        planes = " in separate planes" if self.planar else ""
        return f"TIFF with {self.bits} bits a sample, {colour} of {self.samples} samples a pixel{planes}"


def read_tiff_layout(stream: BinaryIO) -> TiffLayout:
    """The layout of the first image.

    Raises:
        InvalidImageFormat: a kind that is not read, which the message names.
        ValueError, OSError, KeyError, TypeError, SyntaxError: damage.
    """
    directory = _directory(stream)
    photometric, compression = _one(directory, 262, 0), _one(directory, 259, _NONE)
    bits = _many(directory, 258, (1,))
    samples = _one(directory, 277, 3 if compression in _JPEG and photometric in {RGB, YCBCR} else 1)
    if not 1 <= samples <= _MAX_SAMPLES:
        raise unsupported_input(f"TIFFs with {samples} samples a pixel are not processed")
    if len(set(bits[:samples])) != 1:
        raise unsupported_input("TIFFs whose samples differ in their number of bits are not processed")
    width, height = _one(directory, 256, 0), _one(directory, 257, 0)
    tiled = 322 in directory
    rows = _one(directory, 278, height)
    layout = TiffLayout(
        directory,
        width,
        height,
        _orientation(directory),
        bits[0],
        samples,
        photometric,
        _many(directory, 338, ()),
        _one(directory, 284, 1) == 2 and samples > 1,
        compression,
        _one(directory, 317, 1),
        _one(directory, 266, 1) == 2,
        (_one(directory, 322, 0), _one(directory, 323, 0)) if tiled else (width, min(rows or height, height)),
        tiled,
        [],
    )
    _check_kind(layout)
    if layout.plain:
        _check_block(layout)
        layout.segments.extend(_segments(layout, stream.seek(0, 2)))
    return layout


def _directory(stream: BinaryIO) -> ImageFileDirectory_v2:
    stream.seek(0)
    header = stream.read(8)
    # BigTIFF's header is longer.
    header += stream.read(8) if header[2:3] in {b"+", b"\x00"} and b"+" in header[2:4] else b""
    directory = ImageFileDirectory_v2(header)
    directory._tag_data_limit = stream.seek(0, 2)
    stream.seek(directory.next)
    directory.load(stream)
    return directory


def _one(directory: ImageFileDirectory_v2, tag: int, default: int) -> int:
    values = _many(directory, tag, (default,))
    return values[0] if values else default


def _many(directory: ImageFileDirectory_v2, tag: int, default: tuple[int, ...]) -> tuple[int, ...]:
    value = directory.get(tag, default)
    values = value if isinstance(value, tuple) else tuple(value) if isinstance(value, bytes) else (value,)
    if not all(isinstance(number, int) for number in values):
        raise ValueError(f"the TIFF's tag {tag} holds no numbers")
    return values


def _orientation(directory: ImageFileDirectory_v2) -> int:
    try:
        value = _one(directory, 274, 1)
    except ValueError:
        return 1
    return value if 1 <= value <= 8 else 1


def _check_kind(layout: TiffLayout) -> None:
    """Refuse what would be read wrongly."""
    formats = set(_many(layout.directory, 339, (1,))) - {1, 4}
    if formats:
        name = _FORMATS.get(min(formats), "unknown")
        raise unsupported_input(f"pictures of {name} samples are not processed: {layout.kind}")
    colours = COLOURS.get(layout.photometric)
    if layout.plain:
        known = layout.bits in _BITS and (layout.photometric != PALETTE or layout.bits <= 16)
        predicted = layout.predictor == 1 or (layout.predictor == 2 and layout.bits in {8, 16, 32})
        inks = layout.photometric != CMYK or _one(layout.directory, 332, 1) == 1
        premultiplied = layout.photometric in {CMYK, PALETTE, YCBCR} and 1 in layout.extra
        if known and predicted and inks and not premultiplied and colours is not None:
            if layout.samples < colours:
                raise not_an_image(f"the image has too few samples for its colours: {layout.kind}")
            return
        raise unsupported_input(f"this kind of picture is not processed: {layout.kind}")
    expected = 1 if layout.compression in _FAX else 8
    # Through libtiff's own conversion to RGBA, Pillow reads YCbCr in planes as well.
    by_libtiff = layout.photometric == YCBCR and layout.compression != _NONE
    subsampled = layout.photometric == YCBCR and layout.compression == _NONE
    if layout.bits != expected or (layout.planar and not by_libtiff) or subsampled:
        told = f"{layout.kind}, compression {layout.compression}"
        raise unsupported_input(f"this kind of picture is not processed: {told}")


def _check_block(layout: TiffLayout) -> None:
    across, down = layout.block
    if across < 1 or down < 1:
        raise ValueError("the TIFF's tiles or strips have no size")
    # A small image in an enormous tile takes as much memory as an enormous image.
    whole = -(-layout.width // across) * across * -(-layout.height // down) * down
    if whole > 4 * layout.width * layout.height + (1 << 22):
        raise unsupported_input(
            f"the TIFF's tiles of {across}x{down} pixels are much larger than the picture"
        )
    band = -(-layout.width // across) * across * down * layout.samples * layout.bits // 8
    if band > _MAX_BAND:
        raise input_resolution(f"a strip or row of tiles of the TIFF has {band} bytes, more than {_MAX_BAND}")


def _segments(layout: TiffLayout, size: int) -> list[tuple[int, int]]:
    """Offset and length of the tiles or strips, plane after plane."""
    across, down = layout.block
    count = -(-layout.width // across) * -(-layout.height // down) * (layout.samples if layout.planar else 1)
    if count > _MAX_SEGMENTS:
        raise unsupported_input(f"the TIFF is cut into {count} pieces, more than {_MAX_SEGMENTS}")
    offsets = _many(layout.directory, 324 if 324 in layout.directory else 273, ())
    lengths = _many(layout.directory, 325 if 325 in layout.directory else 279, ())
    if len(offsets) < count:
        raise ValueError(f"the TIFF has {len(offsets)} strips or tiles where {count} are needed")
    if len(lengths) < count:
        # Old writers leave the lengths out; a strip then ends at the latest with the file.
        lengths = tuple(max(size - offset, 0) for offset in offsets)
    return list(zip(offsets[:count], lengths[:count], strict=True))
