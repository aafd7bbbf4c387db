"""What a source holds and its result does not."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from openmogr.image.encode import EncodeOptions
from openmogr.image.formats import Container
from openmogr.image.model import Loss
from openmogr.image.source.colour import has_alpha
from openmogr.image.source.open import OpenedImage

__all__ = ["alpha_loss", "lost_metadata", "lost_pictures"]

# What stills hold; animations are written without either.
_HOLDS_EXIF = {"jpeg", "png", "apng", "webp", "avif", "heif", "tpg"}
_HOLDS_XMP = _HOLDS_EXIF - {"tpg"}

_TIFF_EXIF = {34665, 34853}
_TIFF_XMP = 700
_TIFF_IPTC = {33723, 34377}
_PHOTOSHOP_IPTC = 0x0404

# Programs write these into every PNG; nobody misses them.
_IDLE_TEXTS = ("software", "date:", "xml:com.adobe.xmp")


def alpha_loss(image: Image.Image, container: Container) -> Loss | None:
    """What a format cannot hold of a picture's transparency."""
    if not has_alpha(image):
        return None
    alpha = image.getchannel("A")
    if not container.alpha:
        return Loss.alpha if alpha.getextrema()[0] != 255 else None
    if container.name == "gif" and any(alpha.histogram()[1:255]):
        return Loss.half_alpha
    return None


def lost_pictures(opened: OpenedImage, *, animated: bool) -> Iterator[Loss]:
    """Frames, pages, and pictures of a HEIF or a multi-picture JPEG, of which only the first is in the result.

    Args:
        opened: the source.
        animated: the result is an animation.
    """
    if opened.animated and not animated:
        yield Loss.frames
    image = opened.image
    if opened.container.name == "tiff":
        # Counting would follow all directories, of which a hostile file has millions.
        if opened.source.tiff is not None and getattr(opened.source.tiff.directory, "next", False):
            yield Loss.pages
    elif opened.container.name in {"heif", "jpeg"} and getattr(image, "n_frames", 1) > 1:
        yield Loss.pictures


def lost_metadata(opened: OpenedImage, options: EncodeOptions, *, animated: bool) -> Iterator[Loss]:
    """Kinds of metadata that are in the source only; call it where the source has been decoded.

    Args:
        opened: the source.
        options: how the result was written.
        animated: the result is an animation.
    """
    name = options.target.container.name
    kept = options.metadata.fitting() if name == "jpeg" else options.metadata
    tags = set() if opened.source.tiff is None else set(opened.source.tiff.directory)
    if (opened.exif or tags & _TIFF_EXIF) and (animated or name not in _HOLDS_EXIF or not kept.exif):
        yield Loss.exif
    if (opened.xmp or _TIFF_XMP in tags) and (animated or name not in _HOLDS_XMP or not kept.xmp):
        yield Loss.xmp
    photoshop = opened.image.info.get("photoshop")
    if tags & _TIFF_IPTC or (isinstance(photoshop, dict) and _PHOTOSHOP_IPTC in photoshop):
        yield Loss.iptc
    if opened.image.info.get("comment") or _has_texts(opened):
        yield Loss.comments


def _has_texts(opened: OpenedImage) -> bool:
    if opened.container.pillow != "PNG":
        return False
    try:
        # Those behind the pixels are known since these were decoded.
        texts = getattr(opened.image, "text", {})
    except Exception:  # damage behind the pixels is no concern here
        return False
    return any(not str(key).lower().startswith(_IDLE_TEXTS) for key in texts)
