"""What a source holds and its result does not."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from openmogr.image.formats.base import Format
from openmogr.image.formats.encode import EncodeOptions
from openmogr.image.model import Loss
from openmogr.image.source.colour import has_alpha
from openmogr.image.source.open import OpenedImage

__all__ = ["alpha_loss", "lost_images", "lost_metadata"]

_TIFF_EXIF = {34665, 34853}
_TIFF_XMP = 700
_TIFF_IPTC = {33723, 34377}
_PHOTOSHOP_IPTC = 0x0404

# Programs write these into every PNG; nobody misses them.
_IDLE_TEXTS = ("software", "date:", "xml:com.adobe.xmp")


def alpha_loss(image: Image.Image, container: Format) -> Loss | None:
    """What a format cannot hold of an image's transparency."""
    if not has_alpha(image):
        return None
    alpha = image.getchannel("A")
    if not container.alpha:
        return Loss.alpha if alpha.getextrema()[0] != 255 else None
    if not container.alpha_levels and any(alpha.histogram()[1:255]):
        return Loss.half_alpha
    return None


def lost_images(opened: OpenedImage, *, animated: bool) -> Iterator[Loss]:
    """Frames, pages, and images of a HEIF or a multi-picture JPEG, of which only the first is in the result.

    Args:
        opened: the source.
        animated: the result is an animation.
    """
    if opened.animated and not animated:
        yield Loss.frames
    if (further := opened.container.further(opened.source)) is not None:
        yield further


def lost_metadata(opened: OpenedImage, options: EncodeOptions, *, animated: bool) -> Iterator[Loss]:
    """Kinds of metadata that are in the source only; call it where the source has been decoded.

    Args:
        opened: the source.
        options: how the result was written.
        animated: the result is an animation.
    """
    container = options.target.container
    kept = container.holdable(options.metadata)
    tags = set() if opened.source.tiff is None else set(opened.source.tiff.directory)
    if (opened.exif or tags & _TIFF_EXIF) and (animated or not container.keeps_exif or not kept.exif):
        yield Loss.exif
    if (opened.xmp or _TIFF_XMP in tags) and (animated or not container.keeps_xmp or not kept.xmp):
        yield Loss.xmp
    photoshop = opened.image.info.get("photoshop")
    if tags & _TIFF_IPTC or (isinstance(photoshop, dict) and _PHOTOSHOP_IPTC in photoshop):
        yield Loss.iptc
    if opened.image.info.get("comment") or _has_texts(opened):
        yield Loss.comments


def _has_texts(opened: OpenedImage) -> bool:
    png = opened.source.png
    return png is not None and any(not key.lower().startswith(_IDLE_TEXTS) for key in png.keywords)
