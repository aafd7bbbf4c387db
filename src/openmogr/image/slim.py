"""``imageSlim``: a file in as few bytes as look the same (``docs/spec/api/compression.md#8``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from openmogr.image import native
from openmogr.image.errors import missing_codec
from openmogr.image.formats.base import EncodeOptions, Slim
from openmogr.image.formats.registry import target_for
from openmogr.image.losses import lost_images, lost_metadata
from openmogr.image.model import Loss, Result, Slimming, Source
from openmogr.image.quality.scale import LOSSLESS
from openmogr.image.settings import ImageSettings
from openmogr.image.source.colour import is_srgb
from openmogr.image.source.metadata import Metadata
from openmogr.image.source.open import OpenedImage, decoding, open_image

__all__ = ["slimmed"]


def slimmed(
    result: Result, source: Source, settings: ImageSettings, *, kept: Callable[[Metadata], Metadata]
) -> Result:
    """A result in as few bytes as look the same, or as it is.

    Args:
        result: of the stages.
        source: its bytes.
        settings: the limits.
        kept: what stays of EXIF and XMP.

    Raises:
        NotSupported: the native module is not installed.
        CosError: what reading the bytes raises.
    """
    with open_image(source, settings) as opened:
        if not opened.container.slim:
            return replace(result, slimming=Slimming.kept)
        if not native.AVAILABLE:
            raise missing_codec(
                "imageSlim needs openmogr-pixels, which is not available here; the extra openmogr[pixels] adds it"
            )
        wanted = _wanted(opened, kept)
        stream = opened.source.stream
        stream.seek(0)
        with decoding():
            try:
                data = opened.container.slimmed(opened.source, stream.read(), wanted)
            except native.PixelsError:
                # What is damaged is refused in the words that it is refused with elsewhere.
                opened.first().image.load()
                return replace(result, slimming=Slimming.failed)
        if data is None or len(data) >= source.size:
            return replace(result, slimming=Slimming.kept)
        if result.is_original:
            result = replace(result, is_original=False, losses=_losses(opened, wanted))
        return replace(result, data=data, slimming=Slimming.smaller, rejected_size=0, recoded=False)


def _wanted(opened: OpenedImage, kept: Callable[[Metadata], Metadata]) -> Slim:
    profile = opened.image.info.get("icc_profile")
    if not isinstance(profile, bytes) or is_srgb(profile):
        profile = b""
    metadata = kept(Metadata(opened.exif, opened.xmp))
    return Slim(opened.container.holdable(metadata), profile, opened.quality)


def _losses(opened: OpenedImage, wanted: Slim) -> tuple[Loss, ...]:
    options = EncodeOptions(target_for(opened.container.name), LOSSLESS, metadata=wanted.metadata)
    animated = opened.animated
    return (
        *lost_images(opened, animated=animated),
        *lost_metadata(opened, options, animated=False),
    )
