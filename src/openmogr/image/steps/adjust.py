"""Blur, sharpening, brightness, contrast and grey (``docs/spec/api/image-mogr2.md#4.7``)."""

from __future__ import annotations

import math

from PIL import Image, ImageFilter

from openmogr.image.language.operations import Blur, Bright, Contrast, Grayscale, Sharpen
from openmogr.image.source.colour import has_alpha

__all__ = ["Tone", "apply_tone", "effective_sigma"]

Tone = Blur | Sharpen | Bright | Contrast | Grayscale

_SHARPEN_RADIUS = 1.5


def apply_tone(step: Tone, image: Image.Image) -> Image.Image:
    """The image with other tones and the same size; transparency is kept."""
    if isinstance(step, Grayscale):
        return image.convert("LA" if has_alpha(image) else "L")
    if isinstance(step, Blur):
        return _blurred(step, image)
    if isinstance(step, Sharpen):
        return _sharpened(step, image)
    if isinstance(step, Bright):
        offset = step.amount * 255 / 200
        return _mapped(image, [value + offset for value in range(256)])
    factor = (100 + step.amount) / 100
    return _mapped(image, [(value - 127.5) * factor + 127.5 for value in range(256)])


def effective_sigma(radius: int, sigma: float) -> float:
    """The standard deviation, in pixels, of a Gaussian kernel that is cut off at ``radius``."""
    sigma = sigma or radius / 2
    weights = [math.exp(-(x * x) / (2 * sigma * sigma)) for x in range(-radius, radius + 1)]
    moment = sum(weight * x * x for weight, x in zip(weights, range(-radius, radius + 1), strict=True))
    return math.sqrt(moment / sum(weights))


def _blurred(step: Blur, image: Image.Image) -> Image.Image:
    return _smooth(image, effective_sigma(step.radius, step.sigma))


def _smooth(image: Image.Image, sigma: float) -> Image.Image:
    smooth = ImageFilter.GaussianBlur(sigma)
    if not has_alpha(image):
        return image.filter(smooth)
    # Premultiplied, so that the colour of invisible pixels does not show.
    return image.convert("RGBA").convert("RGBa").filter(smooth).convert("RGBA").convert(image.mode)


def _sharpened(step: Sharpen, image: Image.Image) -> Image.Image:
    if not has_alpha(image):
        return image.filter(ImageFilter.UnsharpMask(_SHARPEN_RADIUS, step.amount, 0))
    # As the filter does it, but that the colour of invisible pixels is no part of what others differ from.
    sharp = Image.blend(_smooth(image, _SHARPEN_RADIUS), image, 1 + step.amount / 100)
    sharp.putalpha(image.getchannel("A"))
    return sharp


def _mapped(image: Image.Image, levels: list[float]) -> Image.Image:
    table = [min(max(round(level), 0), 255) for level in levels]
    bands = len(image.getbands()) - (1 if has_alpha(image) else 0)
    return image.point(table * bands + (list(range(256)) if has_alpha(image) else []))
