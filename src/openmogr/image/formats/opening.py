"""Open a file by Pillow, with damage told in words and EXIF mended."""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from openmogr.image.errors import in_words, not_an_image
from openmogr.image.formats.base import Format, Opened
from openmogr.image.source.metadata import sound_exif

__all__ = ["EXIF_PREFIX", "by_pillow", "mended_exif", "opened_by_pillow"]

EXIF_PREFIX = b"Exif\x00\x00"
_RAW_PROFILE = "Raw profile type exif"


def opened_by_pillow(container: Format, stream: BinaryIO) -> Opened:
    """The file where Pillow's plugin says all there is."""
    image = by_pillow(container, stream)
    return Opened(image, stream, image.size, exif=mended_exif(image))


def by_pillow(container: Format, stream: BinaryIO) -> Image.Image:
    """Pillow's view of a file.

    Raises:
        InvalidImageFormat: its plugin does not open it; with the reason.
    """
    stream.seek(0)
    try:
        return Image.open(stream, formats=[container.pillow])
    except UnidentifiedImageError as error:
        raise not_an_image(
            f"the image data is damaged or of an unsupported kind{_reason(container, stream)}"
        ) from error


def _reason(container: Format, stream: BinaryIO) -> str:
    """What Pillow swallowed when it tried to open the file."""
    stream.seek(0)
    if told := container.damage(stream.read()):
        return f": {told}"
    stream.seek(0)
    try:
        Image.OPEN[container.pillow][0](stream, b"")
    except Exception as error:
        return f": {in_words(error)}" if str(error) else ""
    return ""


def mended_exif(image: Image.Image) -> bytes:
    """The TIFF structure of the EXIF; Pillow's view is corrected where that is damaged or has a prefix too many."""
    data = image.info.get("exif")
    if data is None and isinstance(text := image.info.get(_RAW_PROFILE), str):
        data = _raw_profile(text)
    if not isinstance(data, bytes):
        return b""
    sound = sound_exif(data)
    if sound != data.removeprefix(EXIF_PREFIX):
        image.info.pop("exif", None)
        if sound:
            image.info["exif"] = EXIF_PREFIX + sound
        # It may have been asked for while the file was opened.
        image._exif = None
    return sound


def _raw_profile(text: str) -> bytes | None:
    """EXIF as ImageMagick writes it into a text: a newline, the name, the length, and hexadecimal digits."""
    try:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return None
