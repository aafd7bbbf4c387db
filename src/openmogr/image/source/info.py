"""The information operations (``docs/spec/api/image-mogr2.md#11``) and ``ImageInfo`` of an ``UploadResult``."""

from __future__ import annotations

import hashlib
import json

from PIL import Image

from openmogr.image.errors import unsupported_input
from openmogr.image.language.operations import Info
from openmogr.image.model import ImageInfo, Result, Source
from openmogr.image.native import LateImage
from openmogr.image.quality.scale import LOSSLESS
from openmogr.image.source.aigc import label_of
from openmogr.image.source.arrays import np
from openmogr.image.source.colour import flatten
from openmogr.image.source.exif import exif_texts
from openmogr.image.source.hdr import HDR_TRANSFERS
from openmogr.image.source.open import OpenedImage, decoding

__all__ = ["average_color", "describe", "execute_info"]

_DEFAULT_DPI = 72

# The mean of an image needs no more detail than this, which a JPEG decoder gives at an eighth of the cost.
_AVERAGE_SIDE = 256


def execute_info(info: Info, opened: OpenedImage, source: Source) -> Result:
    """The JSON document of an information operation.

    Raises:
        CosError: as for decoding; ``exif`` also refuses formats that hold none.
    """
    if info is Info.image_info:
        document: object = _image_info(opened, source)
    elif info is Info.image_ave:
        document = {"RGB": average_color(opened)}
    elif info is Info.aigc:
        label = label_of(opened.xmp)
        document = {"AIGC": label} if label else {}
    else:
        document = _exif(opened)
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    quality = LOSSLESS if opened.quality is None else opened.quality
    return Result(data, "application/json", "json", 0, 0, quality)


def describe(opened: OpenedImage) -> ImageInfo:
    """What ``OriginalInfo/ImageInfo`` says.

    Raises:
        CosError: as for decoding.
    """
    orientation = opened.orientation
    return ImageInfo(
        format=opened.container.name.upper(),
        width=opened.width,
        height=opened.height,
        quality=LOSSLESS if opened.quality is None else opened.quality,
        ave=average_color(opened),
        orientation=orientation or (1 if opened.exif else 0),
        frame_count=opened.frame_count,
    )


def average_color(opened: OpenedImage) -> str:
    """``0xRRGGBB``: the mean of all pixels of the first frame in sRGB, transparent ones on white."""
    image = opened.first((_AVERAGE_SIDE, _AVERAGE_SIDE)).image
    with decoding():
        # Before the conversion of colours, which costs more for a pixel than all else.
        image = flatten(image.averaged(_AVERAGE_SIDE) if isinstance(image, LateImage) else image)
        reduced = image.convert("RGB").resize((1, 1), Image.Resampling.BOX)
    red, green, blue = np.asarray(reduced)[0, 0]
    return f"0x{red:02x}{green:02x}{blue:02x}"


def _image_info(opened: OpenedImage, source: Source) -> dict[str, str]:
    horizontal, vertical = _dpi(opened)
    digest = hashlib.md5(usedforsecurity=False)
    with source.open() as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
        depth = _bit_depth(opened, source)
    return {
        "format": opened.container.name,
        "width": str(opened.width),
        "height": str(opened.height),
        "size": str(source.size),
        "md5": digest.hexdigest(),
        "frame_count": str(opened.frame_count),
        "bit_depth": str(depth),
        "vertical_dpi": str(vertical),
        "horizontal_dpi": str(horizontal),
        "photo_rgb": average_color(opened),
        "dynamic_range": _dynamic_range(opened),
    }


def _dynamic_range(opened: OpenedImage) -> str:
    if opened.source.nclx is not None and opened.source.nclx[1] in HDR_TRANSFERS:
        return "hdr"
    # The forerunner of ISO 21496-1, which the XMP of the picture tells; the map itself is another picture behind it.
    # Pillow does not count that one.
    mapped = b"hdrgm:Version" in opened.xmp and "mp" in opened.image.info
    return "gainmap hdr" if mapped else "sdr"


def _dpi(opened: OpenedImage) -> tuple[int, int]:
    value = opened.image.info.get("dpi", ())
    try:
        horizontal, vertical = (round(float(part)) for part in value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return _DEFAULT_DPI, _DEFAULT_DPI
    return (horizontal, vertical) if horizontal > 0 and vertical > 0 else (_DEFAULT_DPI, _DEFAULT_DPI)


def _bit_depth(opened: OpenedImage, source: Source) -> int:
    declared = opened.image.info.get("bit_depth")
    if isinstance(declared, int):
        return declared
    with source.open() as stream:
        depth = opened.container.bit_depth(opened.source, stream)
    if depth is not None:
        return depth
    return 1 if opened.image.mode == "1" else 8


def _exif(opened: OpenedImage) -> dict[str, object]:
    if not opened.container.tells_exif:
        raise unsupported_input(f"{opened.container.name} holds no EXIF")
    texts = exif_texts(opened.image)
    if not texts:
        return {"error": "no exif data"}
    return {name: {"val": text} for name, text in texts.items()}
