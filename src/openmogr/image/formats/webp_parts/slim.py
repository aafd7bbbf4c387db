"""A WebP in as few bytes as look the same."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

from openmogr.image import native
from openmogr.image.formats.base import Slim
from openmogr.image.formats.saving import embedded, saved
from openmogr.image.quality.same_look import MIN_SIDE, coarsest_alike, looks_same
from openmogr.image.source.colour import has_alpha

__all__ = ["slim_webp"]

# On libjpeg's scale; see jpeg_parts/slim.py.
_COARSEST = 60
_HEADROOM = 3
_ATTEMPTS = 4
# libwebp's longest search; of alpha it takes four seconds for a picture of 300 pixels, and one step less a tenth.
_METHOD, _ALPHA_METHOD = 6, 4
# How hard lossless files are searched; at 100 the same search takes 15 times as long and saves nothing.
_LOSSLESS_EFFORT = 75


def slim_webp(image: Image.Image, wanted: Slim, setting: Callable[[int], int]) -> bytes | None:
    """The file of a still, coded anew by libwebp's longest search; None where that is not worth its loss.

    Args:
        image: Pillow's view of the file.
        wanted: what to keep, and the file's quality; None for a lossless one.
        setting: of libwebp by the quality.
    """
    image.load()
    parts: dict[str, object] = {"method": _METHOD, **embedded(wanted.metadata)}
    if wanted.profile:
        parts["icc_profile"] = wanted.profile
    plain = image._new(image.im)
    plain.info = {}
    if wanted.quality is None:
        return saved(plain, "WEBP", {**parts, "lossless": True, "exact": True, "quality": _LOSSLESS_EFFORT})
    if wanted.quality < _COARSEST + _HEADROOM or min(image.size) < MIN_SIDE:
        return None
    original = native.from_pillow(plain)
    if has_alpha(plain):
        parts["method"] = _ALPHA_METHOD

    def attempt(quality: int) -> bytes:
        return saved(plain, "WEBP", {**parts, "quality": setting(quality)})

    def alike(found: bytes) -> bool:
        with Image.open(io.BytesIO(found), formats=["WEBP"]) as again:
            return looks_same(original, native.from_pillow(again.convert(original.mode)))

    return coarsest_alike(attempt, alike, _COARSEST, wanted.quality, _ATTEMPTS)
