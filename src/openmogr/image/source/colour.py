"""Bring decoded pixels to 8 bit sRGB: modes L, LA, RGB and RGBA. Profiles are converted, never dropped."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageCms

from openmogr.image.errors import unsupported_input
from openmogr.image.native import flattened
from openmogr.image.source.arrays import np

__all__ = ["WORKING_MODES", "flatten", "has_alpha", "is_srgb", "own_space", "to_srgb"]

WORKING_MODES = {"L", "LA", "RGB", "RGBA"}
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION

# Of profiles that results carry: readers of PNG, Pillow and ourselves among them, pass longer ones over.
_MAX_OWN = 1 << 20

_GREY_MODES = {"1", "L", "LA", "La"}

# Modes that one conversion brings to a working mode.
_CONVERSIONS = {
    "1": "L",
    "PA": "RGBA",
    "La": "LA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
}


def has_alpha(image: Image.Image) -> bool:
    """Whether the mode has an alpha channel."""
    return image.mode in {"LA", "RGBA"}


def flatten(image: Image.Image) -> Image.Image:
    """The image on white, without alpha."""
    if not has_alpha(image):
        return image
    if (late := flattened(image)) is not None:
        return late
    opaque = Image.new(image.mode.removesuffix("A"), image.size, "white")
    opaque.paste(image, mask=image.getchannel("A"))
    return opaque


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Pixels as 8 bit sRGB, grey staying grey and alpha staying alpha.

    Args:
        image: decoded, of any mode; not changed.
        profile: its ICC profile; one that is empty, unreadable or for another colour space counts as none, since
            nothing better is known.

    Raises:
        InvalidImageFormat: floating-point samples.
    """
    if image.mode in {"CMYK", "LAB"}:
        return _convert_space(image, profile)
    image = _working_mode(image)
    if not profile or is_srgb(profile):
        return image
    return _apply(image, profile)


def is_srgb(profile: bytes | None) -> bool:
    """Whether there is nothing to convert in pixels of a working mode."""
    return not profile or _means_srgb(profile)


def own_space(profile: bytes, mode: str) -> str:
    """The colour space of a profile, ``RGB`` or ``GRAY``, that pixels of a mode can stay in; empty for none.

    None is: a profile that cannot be read or is of another length than it says, one that means sRGB, one for other
    pixels, and one of more than 1 MiB.

    Args:
        profile: the ICC profile, or empty.
        mode: what pixels are decoded to.
    """
    if len(profile) > _MAX_OWN or not _whole_length(profile) or mode in {"CMYK", "LAB", "F"}:
        return ""
    space = "GRAY" if mode in _GREY_MODES or mode.startswith("I") else "RGB"
    source = _open(profile)
    if source is None or source.profile.xcolor_space.strip() != space:
        return ""
    if space == "RGB":
        return "" if _means_srgb(profile) else space
    ramp = Image.frombytes("L", (256, 1), bytes(range(256)))
    return "" if _largest_change(ramp, _transformed(ramp, source, "L")) <= 1 else space


def _whole_length(profile: bytes) -> bool:
    """Whether the length is what the header says, from version 4 on a multiple of 4 (ICC.1:2010, section 7).

    Viewers leave out others, with which the colours would be wrong.
    """
    if len(profile) < 128 or int.from_bytes(profile[:4], "big") != len(profile):
        return False
    return profile[8] < 4 or len(profile) % 4 == 0


def _working_mode(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return _from_integers(image)
    if image.mode == "F":
        raise unsupported_input("pictures of floating-point samples are not processed")
    if image.mode == "P":
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if "transparency" in image.info and image.mode in {"1", "L", "RGB"}:
        return image.convert("RGBA" if image.mode == "RGB" else "LA")
    if image.mode in WORKING_MODES:
        return image
    return image.convert(_CONVERSIONS.get(image.mode, "RGB"))


def _from_integers(image: Image.Image) -> Image.Image:
    """16 bit grey to 8 bit, rounded; Pillow itself would clip."""
    samples = np.asarray(image).astype(np.int64)
    grey = Image.fromarray(((np.clip(samples, 0, 65535) * 255 + 32767) // 65535).astype(np.uint8))
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return grey
    alpha = Image.fromarray(np.where(samples == key, 0, 255).astype(np.uint8))
    return Image.merge("LA", (grey, alpha))


def _convert_space(image: Image.Image, profile: bytes | None) -> Image.Image:
    source = _open(profile) if profile else None
    if source is None or source.profile.xcolor_space.strip() != image.mode:
        if image.mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        else:
            return image.convert("RGB")
    return _transformed(image, source, "RGB")


def _apply(image: Image.Image, profile: bytes) -> Image.Image:
    source = _open(profile)
    if source is None:
        return image
    space = source.profile.xcolor_space.strip()
    if space == "GRAY" and image.mode in {"L", "LA"}:
        grey = _transformed(image.getchannel("L") if has_alpha(image) else image, source, "L")
        return Image.merge("LA", (grey, image.getchannel("A"))) if has_alpha(image) else grey
    if space == "RGB":
        colour = (
            image if image.mode in {"RGB", "RGBA"} else image.convert("RGBA" if has_alpha(image) else "RGB")
        )
        converted = _transformed(colour, source, colour.mode)
        if image.mode in {"L", "LA"}:
            return converted.convert(image.mode)
        return converted
    return image


def _transformed(image: Image.Image, source: ImageCms.ImageCmsProfile, mode: str) -> Image.Image:
    # lcms writes grey only through a grey profile; neutral sRGB carries the same number three times.
    out_mode = "RGB" if mode == "L" else mode
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    try:
        transform = ImageCms.buildTransform(source, target, image.mode, out_mode, _INTENT, _FLAGS)
        converted = ImageCms.applyTransform(image, transform)
    except ImageCms.PyCMSError:
        return image if image.mode in WORKING_MODES else image.convert(mode)
    assert converted is not None  # only an in-place transform gives None
    converted.info.pop("icc_profile", None)
    return converted.getchannel("G") if mode == "L" else converted


def _open(profile: bytes) -> ImageCms.ImageCmsProfile | None:
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@lru_cache(maxsize=64)
def _means_srgb(profile: bytes) -> bool:
    """Whether converting from the profile changes no colour by more than rounding."""
    source = _open(profile)
    if source is None or source.profile.xcolor_space.strip() != "RGB":
        return False
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(64, 64, 3)
    image = Image.fromarray(cube)
    return _largest_change(image, _transformed(image, source, "RGB")) <= 1


def _largest_change(image: Image.Image, other: Image.Image) -> int:
    return int(np.abs(np.asarray(image).astype(np.int16) - np.asarray(other)).max())
