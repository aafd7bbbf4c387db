"""JPEG XL, by libjxl through pillow-jxl-plugin, which is under the GPL and so an extra.

The plugin decodes when it opens a file, so that size and kind are read here first, from boxes and bits
(ISO/IEC 18181-1 and 18181-2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import BinaryIO

from PIL import Image

from openmogr.image.errors import in_words, not_an_image, unsupported_input
from openmogr.image.formats.base import EncodeOptions, Format, Name, Opened, Size
from openmogr.image.formats.calibration import CALIBRATION
from openmogr.image.formats.extras import Extra
from openmogr.image.formats.opening import EXIF_PREFIX, mended_exif
from openmogr.image.formats.saving import embedded, saved
from openmogr.image.settings import ImageSettings
from openmogr.image.source.metadata import orientation, oriented, upright

__all__ = ["Jxl"]

_CODESTREAM = b"\xff\x0a"
_CONTAINER = b"\x00\x00\x00\x0cJXL \r\n\x87\n"

# libjxl's usual balance of time and size; one more takes four times as long.
EFFORT = 7
# At 100 libjxl asks for another mode of the encoder, which the plugin does not set.
_FINEST = 99.9

# Enough of the codestream for what is read of its header.
_HEADER_BYTES = 64
_RATIOS = ((1, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def _register(module: ModuleType) -> None:
    # Workers are the unit of concurrency.
    module.JpegXLImagePlugin.DECODE_THREADS = 0


class Jxl(Format):
    """Stills; the plugin has no animations."""

    names = (Name("jxl", "image/jxl", (".jxl",)),)
    pillow = "JXL"
    extra = Extra(
        name="jxl",
        package="pillow-jxl-plugin",
        what="JPEG XL",
        module_name="pillow_jxl",
        register=_register,
        licence="GPL-3.0-or-later",
        remark="passing it on falls under the GPL; its wheels contain libjxl (BSD-3-Clause).",
    )
    signatures = (_CODESTREAM, _CONTAINER)
    lossy = True
    can_be_lossless = True
    # Decoders follow the codestream's orientation, and that alone.
    turned = True
    keeps_exif = keeps_xmp = tells_exif = True
    default_quality = 60
    points = CALIBRATION["jxl"]
    calibration_step = 4
    decoder_bytes = 24
    encoder_bytes = 120
    title = "JPEG XL"
    reading = (
        "stills, in a container or not, upright as the codestream says, also recompressed JPEG; animations are refused,"
        " compressed metadata is left out; needs the extra `openmogr[jxl]`"
    )
    metadata = "both, in a container; needs the extra `openmogr[jxl]`"

    def check_file(self, stream: BinaryIO) -> None:
        try:
            animated = _header(stream).animated
        except (EOFError, ValueError):
            return  # what declares the size says so
        if animated:
            raise unsupported_input("animations in JPEG XL are not processed")

    def declared_size(self, stream: BinaryIO) -> Size | None:
        return _header(stream).shown

    def open(self, stream: BinaryIO) -> Opened:
        header = _header(stream)
        stream.seek(0)
        try:
            image = Image.open(stream, formats=[self.pillow])
        except RuntimeError as error:
            # The words of the plugin are for those who build it.
            raise not_an_image(
                "the image data is damaged or of an unsupported kind", in_words(error)
            ) from error
        if sorted(image.size) != sorted(header.shown):
            raise not_an_image("the image data is damaged: it has another size than its header says")
        exif = mended_exif(image)
        if getattr(image, "jpeg", False):
            # A JPEG that was recompressed is given as it was, not upright.
            if max(orientation(exif), 1) != header.orientation:
                exif = oriented(header.orientation) if header.orientation > 1 else upright(exif)
        else:
            exif = upright(exif)
        if exif:
            image.info["exif"] = EXIF_PREFIX + exif
        image._exif = None
        for kind, begin, length in _boxes(stream):
            if kind == b"xml ":
                stream.seek(begin)
                image.info.setdefault("xmp", stream.read(length))
        return Opened(image, stream, image.size, exif=exif)

    def bit_depth(self, opened: Opened, stream: BinaryIO) -> int | None:
        return _header(stream).bits

    def encode(self, image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
        self.check_writable()
        parts: dict[str, object] = {
            "quality": min(self.setting(options.quality), _FINEST),
            "lossless": options.lossless,
            "effort": EFFORT if options.effort is None else max(options.effort, 1),
            # None besides the caller's own.
            "num_threads": settings.encoder_threads if settings.encoder_threads > 1 else 0,
            "lossless_jpeg": False,
        }
        return saved(image, self.pillow, {**parts, **embedded(options.metadata)})


@dataclass(frozen=True, slots=True)
class _Header:
    """What a codestream begins with.

    Attributes:
        size: as coded.
        orientation: 1-8, as EXIF counts.
        animated: it holds frames of an animation.
        bits: of a sample.
    """

    size: Size
    orientation: int = 1
    animated: bool = False
    bits: int = 8

    @property
    def shown(self) -> Size:
        """Width and height when upright."""
        width, height = self.size
        return (height, width) if self.orientation > 4 else (width, height)


class _Bits:
    """Bits from the lowest of each byte on.

    Raises:
        EOFError: there are no more.
    """

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise EOFError("the JPEG XL header is cut off")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return value

    def choice(self, *forms: tuple[int, int]) -> int:
        """U32() of the standard: two bits choose an offset and how many bits are added to it."""
        offset, count = forms[self.take(2)]
        return offset + self.take(count)


def _header(stream: BinaryIO) -> _Header:
    bits = _Bits(_codestream(stream).removeprefix(_CODESTREAM))
    size = _size(bits)
    if bits.take(1):  # all else is the default
        return _Header(size)
    turned = 1
    if bits.take(1):  # extra fields
        turned = 1 + bits.take(3)
        if bits.take(1):
            _size(bits)  # intrinsic
        if bits.take(1):
            _skip_preview(bits)
        if bits.take(1):
            return _Header(size, turned, animated=True)
    floating = bits.take(1)
    depths = ((32, 0), (16, 0), (24, 0), (1, 6)) if floating else ((8, 0), (10, 0), (12, 0), (1, 6))
    return _Header(size, turned, bits=bits.choice(*depths))


def _size(bits: _Bits) -> Size:
    sides = ((1, 9), (1, 13), (1, 18), (1, 30))
    small = bits.take(1)
    height = 8 * (bits.take(5) + 1) if small else bits.choice(*sides)
    ratio = bits.take(3)
    if ratio:
        numerator, denominator = _RATIOS[ratio]
        return height * numerator // denominator, height
    return (8 * (bits.take(5) + 1) if small else bits.choice(*sides)), height


def _skip_preview(bits: _Bits) -> None:
    eighths = bits.take(1)
    sides = ((16, 0), (32, 0), (1, 5), (33, 9)) if eighths else ((1, 6), (65, 8), (321, 10), (1345, 12))
    bits.choice(*sides)
    if not bits.take(3):  # no ratio
        bits.choice(*sides)


def _codestream(stream: BinaryIO) -> bytes:
    """The codestream's first bytes, of which a container may have several parts."""
    stream.seek(0)
    if stream.read(2) == _CODESTREAM:
        stream.seek(0)
        return stream.read(_HEADER_BYTES)
    found = b""
    for kind, begin, length in _boxes(stream):
        if kind == b"jxlc" or kind == b"jxlp":
            counter = 4 if kind == b"jxlp" else 0
            stream.seek(begin + counter)
            found += stream.read(min(max(length - counter, 0), _HEADER_BYTES))
        if kind == b"jxlc" or len(found) >= _HEADER_BYTES:
            break
    if not found.startswith(_CODESTREAM):
        raise ValueError("the file has no JPEG XL codestream")
    return found


def _boxes(stream: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """The boxes of a container: kind, where the content begins, and its length."""
    end = stream.seek(0, 2)
    stream.seek(0)
    if stream.read(len(_CONTAINER)) != _CONTAINER:
        return
    position = len(_CONTAINER)
    while position + 8 <= end:
        stream.seek(position)
        header = stream.read(8)
        length, begin = int.from_bytes(header[:4], "big"), 8
        if length == 1:
            length, begin = int.from_bytes(stream.read(8), "big"), 16
        elif length == 0:
            length = end - position
        if length < begin or position + length > end:
            return
        yield header[4:], position + begin, length - begin
        position += length
