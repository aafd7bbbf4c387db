"""BMP: palettes and bit fields are decoded here, the rest by Pillow."""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image

from openmogr.image.formats.base import EncodeOptions, Format, Name, Opened
from openmogr.image.formats.bmp_parts.header import read_bmp_header
from openmogr.image.formats.bmp_parts.samples import BmpImage
from openmogr.image.formats.opening import opened_by_pillow
from openmogr.image.formats.saving import saved
from openmogr.image.settings import ImageSettings
from openmogr.image.source.colour import flatten

__all__ = ["Bmp"]


class Bmp(Format):
    """Not compressed."""

    names = (Name("bmp", "image/bmp", (".bmp",)),)
    in_browsers = True
    pillow = "BMP"
    signatures = (b"BM",)
    alpha = False
    turned = True
    tells_exif = True
    max_side = 65_535
    decoder_bytes = 16
    encoder_bytes = 8
    title = "BMP"
    reading = (
        "1, 2, 4 and 8 bits with a palette, also run-length coded; 16, 24 and 32 bits, with any bit fields and alpha;"
        " pixels that a code skips have the first colour; alpha that is 0 everywhere is none"
    )

    def open(self, stream: BinaryIO) -> Opened:
        header = read_bmp_header(stream)
        if header is None:
            return opened_by_pillow(self, stream)
        image = BmpImage(stream, header)
        return Opened(image, stream, image.size)

    def encode(self, image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
        return saved(flatten(image), self.pillow, {})
