"""In whose colours a pipeline works: those of sRGB, or its source's own (``icc/keep``)."""

from __future__ import annotations

from openmogr.image.formats.registry import Target
from openmogr.image.language.operations import (
    Grayscale,
    ImageWatermark,
    Pipeline,
    Step,
    TextWatermark,
    Thumbnail,
)
from openmogr.image.source.open import OpenedImage

__all__ = ["kept_profile", "lost_profile"]

_SPACES = frozenset({"RGB", "GRAY"})
# These are the same in all spaces.
_NEUTRAL = {(0, 0, 0), (255, 255, 255)}


def kept_profile(pipeline: Pipeline, opened: OpenedImage, target: Target) -> bytes:
    """The ICC profile in whose space a pipeline works and which its result carries; empty for sRGB."""
    if not pipeline.encoding.keep_profile or any(map(_in_srgb, pipeline.steps)):
        return b""
    return opened.own_profile(target.container.profile_spaces)


def lost_profile(pipeline: Pipeline, opened: OpenedImage, target: Target) -> bool:
    """Whether colours were to be kept, and had to be converted all the same."""
    if not pipeline.encoding.keep_profile or kept_profile(pipeline, opened, target):
        return False
    return bool(opened.own_profile(_SPACES))


def _in_srgb(step: Step) -> bool:
    """Whether a step brings colours of its own, which are those of sRGB, or leaves none that a profile of RGB fits."""
    if isinstance(step, Thumbnail):
        return step.pad and step.color not in _NEUTRAL
    return isinstance(step, (ImageWatermark, TextWatermark, Grayscale))
