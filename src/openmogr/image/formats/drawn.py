"""Whether a picture was drawn rather than taken: text, user interfaces, line art."""

from __future__ import annotations

from PIL import Image

from openmogr.image.source.arrays import np

__all__ = ["is_drawn"]

# Noise and lenses keep photographs below 0.16, phones' that were smoothed below 0.27; a photo with words has 0.31, text
# and user interfaces have 0.65 to 0.9 (docs/format/quality.md).
_FLAT = 0.3
_BAND = 256


def is_drawn(image: Image.Image) -> bool:
    """Whether three tenths of the pixels that are seen equal those at their left and above.

    Args:
        image: mode L, RGB or RGBA.
    """
    flat = seen = 0
    # In bands, so that of a large picture only a part is held a second time.
    for top in range(1, image.height, _BAND):
        box = (0, top - 1, image.width, min(top + _BAND, image.height))
        samples = np.asarray(image.crop(box))
        samples = samples.reshape(*samples.shape[:2], -1)
        here, left, above = samples[1:, 1:], samples[1:, :-1], samples[:-1, 1:]
        same = ((here == left) & (here == above)).all(axis=2)
        if image.mode == "RGBA":
            visible = here[..., 3] > 0
            same &= visible
            seen += int(visible.sum())
        else:
            seen += same.size
        flat += int(same.sum())
    return flat > _FLAT * seen
