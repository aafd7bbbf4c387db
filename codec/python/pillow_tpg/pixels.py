"""Any Pillow image or array as 8-bit sRGB pixels."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageCms

from pillow_tpg.image import Samples

__all__ = ["pixels_of"]

_GREATEST_16 = 65535
_PLAIN_MODES = {"L", "LA", "RGB", "RGBA"}
_CHANNELS = 4


def pixels_of(image: Image.Image | Samples) -> Samples:
    """An array of shape (height, width, channels): grey, grey and alpha, RGB or RGBA.

    TPG has no place for ICC profiles, so images with one are converted to sRGB; a profile that cannot be used gives
    a warning. Values of 16-bit images are divided by 257.

    Raises:
        ValueError: the array has another shape or type than it should.
        TypeError: ``image`` is neither an array nor a Pillow image.
    """
    if isinstance(image, np.ndarray):
        return _checked(image)
    if not isinstance(image, Image.Image):
        raise TypeError(f"a Pillow image or a NumPy array is needed, not {type(image).__name__}")
    return _checked(np.asarray(_plain(image)))


def _checked(array: Samples) -> Samples:
    if array.dtype != np.uint8:
        raise ValueError(f"an array of 8 bits is needed, not {array.dtype}")
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.ndim != 3 or not 1 <= array.shape[2] <= _CHANNELS:
        shapes = "(height, width) or (height, width, 1 to 4)"
        raise ValueError(f"an array of shape {shapes} is needed, not {array.shape}")
    if 0 in array.shape:
        raise ValueError(f"the picture has no pixels: its size is {array.shape[1]}x{array.shape[0]}")
    return np.ascontiguousarray(array)


def _plain(image: Image.Image) -> Image.Image:
    """The image as L, LA, RGB or RGBA in sRGB."""
    if image.mode.startswith("I") or image.mode == "F":
        return _narrow(image)
    image = _without_palette(image)
    profile = image.info.get("icc_profile")
    if profile:
        image = _to_srgb(image, profile)
    return image if image.mode in _PLAIN_MODES else image.convert("RGB")


def _without_palette(image: Image.Image) -> Image.Image:
    """Alpha that is hidden in a palette or in a transparent colour becomes a band."""
    if image.mode == "PA" or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    premultiplied = {"La": "LA", "RGBa": "RGBA"}
    if image.mode in premultiplied:
        return image.convert(premultiplied[image.mode])
    return image.convert("RGB") if image.mode in {"P", "RGBX", "HSV", "YCbCr"} else image


def _narrow(image: Image.Image) -> Image.Image:
    """16-bit grey as 8 bits; wider types hold either 8 or 16 bits."""
    values = np.asarray(image).astype(np.float64)
    is_wide = image.mode.startswith("I;16") or (values.size > 0 and values.max() > 255)
    scaled = np.clip(values, 0, _GREATEST_16) / 257 if is_wide else np.clip(values, 0, 255)
    return Image.fromarray(np.rint(scaled).astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    alpha = image.getchannel("A") if image.mode in {"LA", "RGBA"} else None
    colour = image.convert(image.mode.removesuffix("A")) if alpha is not None else image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if space == "GRAY":
            colour = colour.convert("L")
        elif space == "RGB":
            colour = colour.convert("RGB")
        converted = ImageCms.profileToProfile(
            colour, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (OSError, ImageCms.PyCMSError) as error:
        warnings.warn(f"the ICC profile cannot be used: {error}", stacklevel=2)
        return image
    if converted is None:
        return image
    if alpha is not None:
        converted.putalpha(alpha)
    return converted
