"""How pictures are encoded: each option is declared here once, for Python and for the native module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, Required, TypeAlias, TypedDict, cast

from PIL import Image

from pillow_tpg.image import SimdLevel

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "AnimationOptions",
    "ChromaFilter",
    "Progress",
    "Settings",
    "StillOptions",
    "ToolSet",
    "check_names",
]

ChromaFilter: TypeAlias = Literal["box", "lanczos", "sharp"]
ToolSet: TypeAlias = Literal["full", "genuine", "compatible"]
"""``compatible`` is an older name of ``genuine``."""
Progress: TypeAlias = Callable[[int, int], object]
AlphaChoice: TypeAlias = Literal["white", "keep", "always"]


class CodingOptions(TypedDict, total=False):
    """Tools and effort; what is not given has its default."""

    effort: int
    tools: ToolSet
    chroma: ChromaFilter
    perceptual: float
    lcu_size: int | None
    threads: int
    simd: SimdLevel


class StillCodingOptions(CodingOptions, total=False):
    """Tools that only stills have a choice of."""

    chroma_qp_delta: tuple[int, int] | None
    slice_rows: int


class Settings(StillCodingOptions, total=False):
    """What the native module takes beside the QP."""

    alpha_qp: Required[int | None]
    exif: Required[bytes | None]


class Wishes(TypedDict, total=False):
    """What is aimed at, what is stored besides, and who is told."""

    quality: float | None
    qp: float | None
    target_size: int | None
    target_ssimulacra2: float | None
    alpha_quality: float | None
    exif: Buffer | Image.Exif | None
    progress: Progress | None
    cancel: Callable[[], bool] | None


class StillOptions(StillCodingOptions, Wishes, total=False):
    """Options of :func:`pillow_tpg.encode`."""


class AnimationOptions(CodingOptions, Wishes, total=False):
    """Options of :func:`pillow_tpg.encode_animation`."""

    alpha: AlphaChoice


STILL_OPTIONS = StillOptions.__optional_keys__
ANIMATION_OPTIONS = AnimationOptions.__optional_keys__


def check_names(function: str, given: Mapping[str, object], allowed: frozenset[str]) -> None:
    """Raises TypeError if an option is given that the function does not have."""
    for name in given:
        if name not in allowed:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")


def native_settings(
    options: StillOptions | AnimationOptions, exif: bytes | None, alpha_qp: int | None
) -> Settings:
    """The options that the native module takes."""
    coding = {name: value for name, value in options.items() if name in StillCodingOptions.__optional_keys__}
    return cast(Settings, {**coding, "exif": exif, "alpha_qp": alpha_qp})
