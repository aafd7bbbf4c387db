"""Blur, sharpening, brightness, contrast and grey (``docs/spec/api/image-mogr2.md#4.7``)."""

from __future__ import annotations

import math
from collections.abc import Callable

from PIL import Image, ImageFilter

from openmogr.image.language.operations import Blur, Bright, Contrast, Grayscale, Sharpen
from openmogr.image.source.colour import has_alpha

__all__ = ["Tone", "apply_tone", "effective_sigma"]

Tone = Blur | Sharpen | Bright | Contrast | Grayscale

_SHARPEN_RADIUS = 1.5
# Up to here kernels are small, and far from what Pillow's quick approximation of a Gaussian makes of them.
_EXACT_RADIUS = 2


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
    weights = _weights(radius, sigma)
    return math.sqrt(
        sum(weight * x * x for weight, x in zip(weights, range(-radius, radius + 1), strict=True))
    )


def _weights(radius: int, sigma: float) -> list[float]:
    """Those of the kernel, whose sum is 1."""
    sigma = sigma or radius / 2
    weights = [math.exp(-(x * x) / (2 * sigma * sigma)) for x in range(-radius, radius + 1)]
    return [weight / sum(weights) for weight in weights]


def _blurred(step: Blur, image: Image.Image) -> Image.Image:
    if step.radius > _EXACT_RADIUS:
        return _smooth(image, effective_sigma(step.radius, step.sigma))
    weights = _weights(step.radius, step.sigma)
    kernel = ImageFilter.Kernel((len(weights),) * 2, [one * other for one in weights for other in weights], 1)

    def convolved(part: Image.Image) -> Image.Image:
        # The filter leaves edges as they are.
        box = step.radius, step.radius, step.radius + part.width, step.radius + part.height
        return _extended(part, step.radius).filter(kernel).crop(box)

    return _by_colour(image, convolved)


def _extended(image: Image.Image, by: int) -> Image.Image:
    """The image with its outermost pixels repeated all around."""
    width, height = image.size
    wide = Image.new(image.mode, (width + 2 * by, height + 2 * by))
    wide.paste(image, (by, by))
    for place, column in ((0, by), (by + width, by + width - 1)):
        edge = wide.crop((column, by, column + 1, by + height))
        wide.paste(edge.resize((by, height), Image.Resampling.NEAREST), (place, by))
    for place, row in ((0, by), (by + height, by + height - 1)):
        edge = wide.crop((0, row, wide.width, row + 1))
        wide.paste(edge.resize((wide.width, by), Image.Resampling.NEAREST), (0, place))
    return wide


def _smooth(image: Image.Image, sigma: float) -> Image.Image:
    return _by_colour(image, lambda part: part.filter(ImageFilter.GaussianBlur(sigma)))


def _by_colour(image: Image.Image, change: Callable[[Image.Image], Image.Image]) -> Image.Image:
    if not has_alpha(image):
        return change(image)
    # Premultiplied, so that the colour of invisible pixels does not show.
    return change(image.convert("RGBA").convert("RGBa")).convert("RGBA").convert(image.mode)


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
