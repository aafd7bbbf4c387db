"""JPEG, by libjpeg-turbo through Pillow."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import BinaryIO, Literal

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from openmogr.image import native
from openmogr.image.formats.base import EncodeOptions, Format, Name, Opened, Slim
from openmogr.image.formats.jpeg_parts.damage import jpeg_kind, with_end_marker
from openmogr.image.formats.jpeg_parts.native import jpeg_reader
from openmogr.image.formats.jpeg_parts.scans import check_scans
from openmogr.image.formats.jpeg_parts.slim import slim_jpeg
from openmogr.image.formats.opening import EXIF_PREFIX, opened_by_pillow
from openmogr.image.formats.saving import saved
from openmogr.image.model import Loss
from openmogr.image.native import Reader, picture_of
from openmogr.image.quality.scale import jpeg_quality
from openmogr.image.settings import ImageSettings
from openmogr.image.source.colour import flatten
from openmogr.image.source.metadata import Metadata

__all__ = ["Jpeg"]

# From these efforts on: Huffman tables made for the picture, which is usual; the smaller one of a baseline and a
# progressive file; the scans that MozJPEG finds to be cheapest.
_OWN_TABLES, _BOTH_KINDS, _SEARCHED_SCANS = 1, 5, 7

# What libjpeg counts for the coefficients of a pixel in full colour, which it keeps for tables of its own, with a rest.
# How much memory a picture may take was granted before it was decoded.
_COEFFICIENT_BYTES, _MCU, _REST = 13, 16, 1 << 20

# From this quality on, colour is coded at full resolution unless the source had not got it.
_FULL_CHROMA_QUALITY = 90


class Jpeg(Format):
    """Its quality is the scale of all others."""

    names = (
        Name("jpeg", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif")),
        Name("jpg", "image/jpeg", (".jpg",)),
        Name("yjpeg", "image/jpeg", (".jpg",), optimise=True),
    )
    shown_everywhere = True
    in_browsers = True
    candidate = True
    pillow = "JPEG"
    library = "libjpeg_turbo"
    signatures = (b"\xff\xd8\xff",)
    lossy = True
    alpha = False
    keeps_exif = keeps_xmp = tells_exif = True
    profile_spaces = frozenset({"RGB", "GRAY"})
    drafts = True
    default_quality = 85
    max_side = 65_500
    decoder_bytes = 8
    encoder_bytes = 12
    effort_bytes = 24
    slim = True
    slim_bytes = 40
    title = "JPEG"
    reading = (
        "grey, YCbCr, RGB, CMYK and YCCK of 8 bit; decoded at reduced size when a thumbnail is at most half as"
        " large. A file that lacks nothing but its end marker is read; one whose scans are not whole is not"
    )
    metadata = "both, up to 65,000 bytes each"

    def check_file(self, stream: BinaryIO) -> None:
        check_scans(stream)

    def open(self, stream: BinaryIO) -> Opened:
        return opened_by_pillow(self, stream)

    def reader(self, opened: Opened, eighths: int) -> Reader | None:
        return jpeg_reader(opened, eighths)

    def damage(self, data: bytes) -> str:
        return jpeg_kind(data)

    def mended(self, data: bytes) -> Image.Image | None:
        whole = with_end_marker(data)
        return None if whole is None else Image.open(io.BytesIO(whole), formats=[self.pillow])

    def further(self, opened: Opened) -> Loss | None:
        return Loss.images if getattr(opened.image, "n_frames", 1) > 1 else None

    def quality(self, image: Image.Image, stream: BinaryIO, frames: int) -> int | None:
        tables = getattr(image, "quantization", None)
        return jpeg_quality(tables[min(tables)]) if tables else None

    def half_chroma(self, image: Image.Image) -> bool:
        return isinstance(image, JpegImageFile) and get_sampling(image) in {1, 2}

    def holdable(self, metadata: Metadata) -> Metadata:
        return metadata.fitting()

    def encode(self, image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
        opaque = flatten(image)
        # Taken out of Pillow where scans are searched, which it does not do.
        searches = options.effort is not None and options.effort >= _SEARCHED_SCANS
        metadata = self.holdable(options.metadata)
        if (picture := picture_of(opaque, cross=searches)) is None:
            return self._tried(
                options, partial(_saved, opaque, self.setting(options.quality), options, metadata)
            )
        data = self._tried(
            options, partial(_written, picture, self.setting(options.quality), options, metadata)
        )
        if not searches or options.baseline:
            return data
        # The same coefficients.
        searched = native.recode_jpeg(
            data, exif=metadata.exif, xmp=metadata.xmp, icc=options.profile, max_bytes=_room(picture.size)
        )
        return min(data, searched, key=len)

    @staticmethod
    def _tried(options: EncodeOptions, write: Callable[[bool, bool], bytes]) -> bytes:
        """As ``write`` does it with a progressive file or not and with tables of its own or not, by the effort."""
        progressive = options.progressive or options.target.optimise
        if options.effort is None or progressive:
            return write(progressive, True)
        if options.effort < _OWN_TABLES:
            return write(False, False)
        data = write(False, True)
        if options.effort < _BOTH_KINDS or options.baseline:
            return data
        return min(data, write(True, True), key=len)

    def slimmed(self, opened: Opened, data: bytes, wanted: Slim) -> bytes | None:
        return slim_jpeg(data, wanted)


def _sampling(options: EncodeOptions) -> Literal["4:4:4", "4:2:0"]:
    return "4:4:4" if options.quality >= _FULL_CHROMA_QUALITY and not options.half_chroma else "4:2:0"


def _room(size: tuple[int, int]) -> int:
    """The bytes that coefficients of a picture may take."""
    width, height = (-(-side // _MCU) * _MCU for side in size)
    return width * height * _COEFFICIENT_BYTES + _REST


def _written(
    picture: native.Picture,
    quality: int,
    options: EncodeOptions,
    metadata: Metadata,
    progressive: bool,
    own: bool,
) -> bytes:
    return native.encode_jpeg(
        picture,
        quality=quality,
        sampling=_sampling(options),
        progressive=progressive,
        optimize=own,
        exif=metadata.exif,
        xmp=metadata.xmp,
        icc=options.profile,
        max_bytes=_room(picture.size),
    )


def _saved(
    image: Image.Image, quality: int, options: EncodeOptions, metadata: Metadata, progressive: bool, own: bool
) -> bytes:
    parts: dict[str, object] = {"quality": quality, "optimize": own, "progressive": progressive}
    parts["subsampling"] = _sampling(options)
    if metadata.exif:
        parts["exif"] = EXIF_PREFIX + metadata.exif
    if metadata.xmp:
        parts["xmp"] = metadata.xmp
    if options.profile:
        parts["icc_profile"] = options.profile
    return saved(image, "JPEG", parts)
