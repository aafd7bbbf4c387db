"""Pictures with at most 256 colours, of which one may be transparent."""

from __future__ import annotations

from PIL import Image

from openmogr.image.source.colour import has_alpha

__all__ = ["quantised", "transparent_part"]


def transparent_part(image: Image.Image) -> Image.Image | None:
    """255 where a format with one level of alpha shows nothing, which is below half; None if it does nowhere."""
    if not has_alpha(image):
        return None
    mask = image.getchannel("A").point([255] * 128 + [0] * 128)
    return None if mask.getbbox() is None else mask


def quantised(image: Image.Image, *, transparent: bool = False) -> Image.Image:
    """The picture with at most 256 colours; one of them is transparent, where alpha is below half.

    Args:
        image: mode L, LA, RGB or RGBA.
        transparent: have a transparent colour even if no pixel is.
    """
    if image.mode == "L" and not transparent:
        return image
    opaque = image.convert("RGB")
    mask = transparent_part(image)
    if mask is None and not transparent:
        return opaque.quantize(256, Image.Quantize.MEDIANCUT)
    picture = opaque.quantize(255, Image.Quantize.MEDIANCUT)
    colours = len(picture.getpalette() or []) // 3
    index = min(colours, 255)
    if mask is not None:
        picture.paste(index, mask=mask)
    palette = (picture.getpalette() or [])[: index * 3]
    picture.putpalette([*palette, 0, 0, 0])
    picture.info["transparency"] = index
    return picture
