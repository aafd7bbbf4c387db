"""TIFF: samples are unpacked here, decompressed by libtiff through Pillow."""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from openmogr.image.errors import unsupported_input
from openmogr.image.formats.base import EncodeOptions, Format, Name, Opened
from openmogr.image.formats.saving import embedded, saved
from openmogr.image.formats.tiff_parts.layout import read_tiff_layout
from openmogr.image.formats.tiff_parts.samples import TiffImage
from openmogr.image.model import Loss
from openmogr.image.settings import ImageSettings
from openmogr.image.source.metadata import NO_METADATA, Metadata, oriented

__all__ = ["Tiff"]

_ORIENTATION = 0x0112


class Tiff(Format):
    """The first page."""

    names = (Name("tiff", "image/tiff", (".tiff", ".tif")),)
    pillow = "TIFF"
    library = "libtiff"
    signatures = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
    tells_exif = True
    profile_spaces = frozenset({"RGB", "GRAY"})
    decoder_bytes = 16
    encoder_bytes = 12
    title = "TIFF"
    reading = (
        "the first page: grey, RGB, palette, CMYK, with alpha, of 1 to 16 or 32 bits, in strips or tiles, in planes"
        " or not, by any compression that gives back bytes; fax, and JPEG and YCbCr of 8 bit. Wide samples are scaled"
        " to their range. Floating-point and signed samples, and other kinds, are refused by name"
    )
    metadata = "the orientation"

    def open(self, stream: BinaryIO) -> Opened:
        layout = read_tiff_layout(stream)
        image: Image.Image
        if layout.plain:
            image = TiffImage(stream, layout)
        else:
            stream.seek(0)
            try:
                image = Image.open(stream, formats=[self.pillow])
            except UnidentifiedImageError as error:
                told = f"{layout.kind}, compression {layout.compression}"
                raise unsupported_input(f"this kind of picture is not processed: {told}") from error
        # Our results carry EXIF of their own; of a TIFF, whose tags are its EXIF, the orientation must not get lost.
        exif = oriented(layout.orientation) if layout.orientation > 1 else b""
        return Opened(image, stream, (layout.width, layout.height), tiff=layout, exif=exif)

    def further(self, opened: Opened) -> Loss | None:
        # Counting would follow all directories, of which a hostile file has millions.
        return Loss.pages if opened.tiff is not None and opened.tiff.directory.next else None

    def bit_depth(self, opened: Opened, stream: BinaryIO) -> int | None:
        return None if opened.tiff is None else opened.tiff.bits

    def tells_orientation(self, metadata: Metadata) -> bool:
        return metadata.tag > 1

    def encode(self, image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
        parts: dict[str, object] = {"compression": "tiff_adobe_deflate"}
        if options.metadata.tag > 1:
            parts["tiffinfo"] = {_ORIENTATION: options.metadata.tag}
        return saved(image, self.pillow, {**parts, **embedded(NO_METADATA, options.profile)})
