"""What can be made of a source, told before its pixels are decoded."""

from __future__ import annotations

from openmogr.image.cost import result_size
from openmogr.image.errors import unsupported_input
from openmogr.image.formats.registry import Target
from openmogr.image.language.operations import InscribedCircle, Pipeline, QualityKind, RoundCorners
from openmogr.image.settings import ImageSettings
from openmogr.image.source.open import OpenedImage

__all__ = ["check_possible", "wanted_score"]


def check_possible(pipeline: Pipeline, opened: OpenedImage, target: Target, settings: ImageSettings) -> None:
    """Refuse before decoding what would fail after it.

    Raises:
        NotSupported: the encoder is not installed.
        CosError: the format, or the settings, do not allow what is asked for.
    """
    _check_extensions(pipeline, opened, target, settings)
    target.container.check_writable()
    rounded = any(isinstance(step, (InscribedCircle, RoundCorners)) for step in pipeline.steps)
    if rounded and not opened.container.rounded:
        raise unsupported_input(f"iradius and rradius do not take {opened.container.name.upper()}")
    animation = opened.animated and target.container.animated
    if pipeline.encoding.label is not None and (animation or not target.container.keeps_xmp):
        raise unsupported_input(f"AIGCMetadata is not written into {target.name}{' animations' * animation}")
    if pipeline.encoding.size_limit is not None and not target.container.lossy:
        raise unsupported_input(f"size-limit needs a format with a quality, not {target.name}")
    if pipeline.encoding.size_limit is not None and animation:
        raise unsupported_input("size-limit does not take animations")


def _check_extensions(
    pipeline: Pipeline, opened: OpenedImage, target: Target, settings: ImageSettings
) -> None:
    """Refuse what our own parameters ask for and cannot be had."""
    encoding, container = pipeline.encoding, target.container
    if encoding.effort is not None and encoding.effort > settings.max_effort:
        raise unsupported_input(f"effort is at most {settings.max_effort} here")
    chosen = encoding.quality is not None and encoding.quality.kind is QualityKind.score
    if pipeline.slim and (chosen or encoding.lossless):
        raise unsupported_input(
            "imageSlim says how much may be lost: "
            "target-ssimulacra2, quality/auto and lossless do not go with it"
        )
    if encoding.lossless and container.lossy and not container.can_be_lossless:
        raise unsupported_input(f"{target.name} cannot be written without loss")
    if encoding.lossless and container.lossy and encoding.size_limit is not None:
        raise unsupported_input("size-limit cannot be kept without loss")
    searched = wanted_score(pipeline, target) is not None
    if not searched and not pipeline.scored:
        return
    if opened.animated and container.animated:
        if searched:
            raise unsupported_input("target-ssimulacra2 and quality/auto do not take animations")
        return
    width, height = result_size(pipeline, opened, settings)
    if width * height > settings.max_target_pixels:
        what = "target-ssimulacra2 and quality/auto take" if searched else "scores are told of"
        raise unsupported_input(f"{what} results of at most {settings.max_target_pixels} pixels")


def wanted_score(pipeline: Pipeline, target: Target) -> float | None:
    """The score that is asked for, where there is a quality to search; else None."""
    encoding = pipeline.encoding
    if not target.container.lossy or encoding.lossless:
        return None
    if encoding.quality is None or encoding.quality.kind is not QualityKind.score:
        return None
    return encoding.quality.value
