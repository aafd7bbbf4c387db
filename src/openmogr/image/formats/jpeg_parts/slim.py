"""A JPEG in as few bytes as look the same, without a way through pixels."""

from __future__ import annotations

from openmogr.image import native
from openmogr.image.formats.base import Slim
from openmogr.image.quality.same_look import MIN_SIDE, coarsest_alike, looks_same

__all__ = ["slim_jpeg"]

# On the scale of MozJPEG's tables. A floor keeps files that are slimmed again and again from getting ever coarser.
_COARSEST, _FINEST = 70, 94
_ATTEMPTS = 4
# A file of about the coarsest quality has nothing to give.
_HEADROOM = 3
# What quantising anew must save beside the same coefficients, since it costs quality.
_WORTH = 0.97

_END = b"\xff\xd9"


def slim_jpeg(data: bytes, wanted: Slim) -> bytes:
    """The smaller one of the same coefficients, coded better, and of the coarsest ones that look the same.

    Raises:
        PixelsError: damage, or a file that libjpeg warns of.
    """
    picture, report = native.decode_jpeg(data)
    if report.truncated:
        raise native.PixelsError("the data end early")
    if report.missing_end:
        data += _END
    exif, xmp, icc = wanted.metadata.exif, wanted.metadata.xmp, wanted.profile
    same = native.recode_jpeg(data, exif=exif, xmp=xmp, icc=icc)
    finest = min(_FINEST, wanted.quality or _FINEST)
    if picture.mode not in {"L", "RGB"} or min(picture.size) < MIN_SIDE or finest < _COARSEST + _HEADROOM:
        return same

    def attempt(quality: int) -> bytes:
        return native.recode_jpeg(data, quality=quality, exif=exif, xmp=xmp, icc=icc)

    def alike(found: bytes) -> bool:
        return looks_same(picture, native.decode_jpeg(found)[0])

    coarser = coarsest_alike(attempt, alike, _COARSEST, finest, _ATTEMPTS)
    return same if coarser is None or len(coarser) > _WORTH * len(same) else coarser
