"""Open a file by Pillow, or by our own readers where Pillow's take a picture for another one; no pixel is decoded."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from openmogr.image.errors import in_words, not_an_image, unsupported_input
from openmogr.image.formats import Container
from openmogr.image.isomedia import primary_window, whole_length
from openmogr.image.png import PngLayout, read_layout
from openmogr.image.read_jpeg import jpeg_kind
from openmogr.image.source.metadata import oriented, sound_exif
from openmogr.image.source.nclx import read_nclx
from openmogr.image.tiff import TiffLayout, read_tiff_layout
from openmogr.image.tiff_samples import TiffImage

__all__ = ["Opened", "open_container"]

_EXIF_PREFIX = b"Exif\x00\x00"
_EXIF_ITEM = re.compile(rb"(infe.{8,12}?)Exif", re.DOTALL)
_RAW_PROFILE = "Raw profile type exif"


@dataclass(slots=True)
class Opened:
    """A file that was opened.

    Attributes:
        image: Pillow's view of it, or ours.
        stream: what it is read from; not the source where that was mended.
        size: as shown when EXIF is left aside.
        png: the chunks of a PNG.
        tiff: the kind of a TIFF.
        window: the part of the decoded pixels that the container wants to be shown; None for all.
        nclx: primaries and transfer characteristics by ITU-T H.273, if the container tells them.
        exif: the TIFF structure without the prefix, or empty.
    """

    image: Image.Image
    stream: BinaryIO = field(repr=False)
    size: tuple[int, int]
    png: PngLayout | None = None
    tiff: TiffLayout | None = None
    window: tuple[int, int, int, int] | None = None
    nclx: tuple[int, int] | None = None
    exif: bytes = field(default=b"", repr=False)


def open_container(container: Container, stream: BinaryIO) -> Opened:
    """Open what was sniffed.

    Raises:
        InvalidImageFormat: a kind that is not read, or damage, in words.
        Exception: whatever else the reader raises over damage.
    """
    name = container.name
    if name in {"png", "apng"}:
        return _png(container, stream)
    if name == "tiff":
        return _tiff(container, stream)
    if name in {"avif", "heif"}:
        return _iso_media(container, stream)
    image = _by_pillow(container, stream)
    return Opened(image, stream, image.size, exif=_mended_exif(image))


def _by_pillow(container: Container, stream: BinaryIO) -> Image.Image:
    stream.seek(0)
    try:
        return Image.open(stream, formats=[container.pillow])
    except UnidentifiedImageError as error:
        raise not_an_image(
            f"the image data is damaged or of an unsupported kind{_reason(container, stream)}"
        ) from error


def _reason(container: Container, stream: BinaryIO) -> str:
    """What Pillow swallowed when it tried to open the file."""
    stream.seek(0)
    if container.name == "jpeg" and (kind := jpeg_kind(stream.read())):
        return f": {kind}"
    stream.seek(0)
    try:
        Image.OPEN[container.pillow][0](stream, b"")
    except Exception as error:
        return f": {in_words(error)}" if str(error) else ""
    return ""


def _png(container: Container, stream: BinaryIO) -> Opened:
    layout = read_layout(stream)
    if layout.problem:
        raise not_an_image(f"the image data is damaged or of an unsupported kind: {layout.problem}")
    cleaned = layout.cleaned(stream)
    if cleaned is not stream:
        layout = read_layout(cleaned)
    image = _by_pillow(container, cleaned)
    if layout.exif:
        image.info["exif"] = _EXIF_PREFIX + layout.exif
    points = None if layout.cicp is None else layout.cicp[:2]
    return Opened(image, cleaned, image.size, png=layout, nclx=points, exif=_mended_exif(image))


def _tiff(container: Container, stream: BinaryIO) -> Opened:
    layout = read_tiff_layout(stream)
    image: Image.Image
    if layout.plain:
        image = TiffImage(stream, layout)
    else:
        stream.seek(0)
        try:
            image = Image.open(stream, formats=[container.pillow])
        except UnidentifiedImageError as error:
            told = f"{layout.kind}, compression {layout.compression}"
            raise unsupported_input(f"this kind of picture is not processed: {told}") from error
    # Our results carry EXIF of their own; of a TIFF, whose tags are its EXIF, the orientation must not get lost.
    exif = oriented(layout.orientation) if layout.orientation > 1 else b""
    return Opened(image, stream, (layout.width, layout.height), tiff=layout, exif=exif)


def _iso_media(container: Container, stream: BinaryIO) -> Opened:
    length = whole_length(stream)
    if length < stream.seek(0, 2):
        stream.seek(0)
        stream = io.BytesIO(stream.read(length))
    if container.name == "heif":
        # The decoder applies transformations itself.
        image = _by_pillow(container, stream)
        return Opened(image, stream, image.size, nclx=_heif_points(image), exif=_mended_exif(image))
    image = _avif(container, stream)
    opened = Opened(image, stream, image.size, nclx=read_nclx(stream))
    if getattr(image, "n_frames", 1) > 1:
        opened.exif = _mended_exif(image)
        return opened
    # Rotation and mirroring are told as orientation by Pillow; the window is ours.
    opened.exif = _mended_exif(image)
    opened.window = primary_window(stream, image.size)
    if opened.window is not None:
        left, top, right, bottom = opened.window
        opened.size = (right - left, bottom - top)
    return opened


def _avif(container: Container, stream: BinaryIO) -> Image.Image:
    stream.seek(0)
    try:
        return Image.open(stream, formats=[container.pillow])
    except Exception:
        # Pillow parses EXIF in order to open an AVIF; a file without it is opened.
        stream.seek(0)
        data = stream.read()
        hidden = _EXIF_ITEM.sub(rb"\g<1>skip", data)
        if hidden == data:
            return _by_pillow(container, stream)
        return _by_pillow(container, io.BytesIO(hidden))


def _heif_points(image: Image.Image) -> tuple[int, int] | None:
    profile = image.info.get("nclx_profile")
    if not isinstance(profile, dict):
        return None
    return int(profile.get("color_primaries", 2)), int(profile.get("transfer_characteristics", 2))


def _mended_exif(image: Image.Image) -> bytes:
    """The TIFF structure of the EXIF; Pillow's view is corrected where that is damaged or has a prefix too many."""
    data = image.info.get("exif")
    if data is None and isinstance(text := image.info.get(_RAW_PROFILE), str):
        data = _raw_profile(text)
    if not isinstance(data, bytes):
        return b""
    sound = sound_exif(data)
    if sound != data.removeprefix(_EXIF_PREFIX):
        image.info.pop("exif", None)
        if sound:
            image.info["exif"] = _EXIF_PREFIX + sound
        # It may have been asked for while the file was opened.
        image._exif = None
    return sound


def _raw_profile(text: str) -> bytes | None:
    """EXIF as ImageMagick writes it into a text: a newline, the name, the length, and hexadecimal digits."""
    try:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return None
