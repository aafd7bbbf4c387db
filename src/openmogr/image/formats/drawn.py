"""Whether a picture was drawn rather than taken: text, user interfaces, line art."""

from __future__ import annotations

from functools import reduce

from PIL import Image, ImageChops

__all__ = ["is_drawn"]

# Noise and lenses keep photographs below 0.16, phones' that were smoothed below 0.27; a photo with words has 0.31, text
# and user interfaces have 0.65 to 0.9 (docs/format/quality.md).
_FLAT = 0.3
_BAND = 256
# Samples of alpha as a mask: all but wholly transparent ones.
_SEEN = [0] + [255] * 255


def is_drawn(image: Image.Image) -> bool:
    """Whether three tenths of the pixels that are seen equal those at their left and above.

    Args:
        image: mode L, RGB or RGBA.
    """
    flat = seen = 0
    if image.width == 1:
        return False
    # In bands, so that of a large picture only a part is held a second time.
    for top in range(1, image.height, _BAND):
        band = image.crop((0, top - 1, image.width, min(top + _BAND, image.height)))
        here, left, above = (_cut(band, x, y) for x, y in ((1, 1), (0, 1), (1, 0)))
        apart = ImageChops.lighter(ImageChops.difference(here, left), ImageChops.difference(here, above))
        visible = here.getchannel("A").point(_SEEN) if here.mode == "RGBA" else None
        counts = reduce(ImageChops.lighter, apart.split()).histogram(visible)
        flat += counts[0]
        seen += sum(counts)
    return flat > _FLAT * seen


def _cut(band: Image.Image, left: int, top: int) -> Image.Image:
    """All of a band but a column and a row."""
    return band.crop((left, top, left + band.width - 1, top + band.height - 1))
