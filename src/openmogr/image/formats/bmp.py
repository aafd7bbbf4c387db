"""BMP, by Pillow."""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image

from openmogr.image.formats.base import EncodeOptions, Format, Name, Opened
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
    decoder_bytes = 8
    encoder_bytes = 8
    title = "BMP"
    reading = "as Pillow reads it"

    def open(self, stream: BinaryIO) -> Opened:
        return opened_by_pillow(self, stream)

    def encode(self, image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
        return saved(flatten(image), self.pillow, {})
