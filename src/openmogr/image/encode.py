"""Write one picture in a format; animations are in ``animate``."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from openmogr.errors import CosError, InternalError
from openmogr.image.codecs import heif_codec, tpg_encoder
from openmogr.image.errors import out_of_memory, output_resolution
from openmogr.image.formats import Target
from openmogr.image.quality.scale import encoder_setting
from openmogr.image.settings import ImageSettings
from openmogr.image.source.colour import flatten, has_alpha
from openmogr.image.source.metadata import NO_METADATA, Metadata, orientation, oriented

__all__ = [
    "EncodeOptions",
    "check_size",
    "encode",
    "encoding_errors",
    "quantised",
    "tpg_arguments",
    "transparent_part",
]

# libjpeg, the GIF header, what libavif reads again, and HEVC encoders as the libraries build them.
_MAX_SIDES = {"jpeg": 65_500, "gif": 65_535, "bmp": 65_535, "avif": 32_768, "heif": 16_384}

# Below a short side of 32, x265 codes in blocks of 16 pixels, for which HEVC has no level with longer sides.
_HEIF_THIN = 32
_HEIF_THIN_LENGTH = 4096
# HEVC level 7.2, x265's highest.
_HEIF_PIXELS = 142_606_336

# From this quality on, colour is coded at full resolution unless the source had not got it.
_FULL_CHROMA_QUALITY = 90

_ORIENTATION = 0x0112

# libwebp's and libaom's usual balance of time and size.
WEBP_METHOD = 4
AVIF_SPEED = 6

# x265 spends too little on colour: finer chroma takes 8 % off the size at equal SSIMULACRA2 (docs/format/quality.md).
HEIF_CHROMA_QP_OFFSET = -6


@dataclass(frozen=True, slots=True)
class EncodeOptions:
    """How to write.

    Attributes:
        target: the format.
        quality: 1-100 on libjpeg's scale; without effect on lossless formats.
        progressive: JPEG in several scans.
        half_chroma: the source's colour had half the resolution, so more is not worth writing.
        metadata: what to embed where the format holds it.
    """

    target: Target
    quality: int
    progressive: bool = False
    half_chroma: bool = False
    metadata: Metadata = NO_METADATA


def check_size(size: tuple[int, int], target: Target, settings: ImageSettings) -> None:
    """Refuse a size that the format cannot hold.

    Raises:
        ImageResolutionExceed: naming the format and its limit.
    """
    name = target.container.name
    limits = {**_MAX_SIDES, "webp": settings.max_webp_side, "tpg": settings.max_tpg_side}
    limit = limits.get(name, settings.max_side)
    if name == "heif" and min(size) < _HEIF_THIN:
        limit = min(limit, _HEIF_THIN_LENGTH)
    told = f"a {name} of {size[0]}x{size[1]} pixels cannot be written"
    if max(size) > limit:
        raise output_resolution(f"{told}; a side is at most {limit}")
    if name == "heif" and size[0] * size[1] > _HEIF_PIXELS:
        raise output_resolution(f"{told}; it holds at most {_HEIF_PIXELS} pixels")


def encode(image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
    """The bytes of a file.

    Args:
        image: mode L, LA, RGB or RGBA, sRGB. Alpha is put on white where the format has none.
        options: how.
        settings: limits and threads.

    Raises:
        ImageResolutionExceed: the format cannot hold the size.
        NotSupported: the codec is not installed.
        InternalError: the encoder failed.
    """
    check_size(image.size, options.target, settings)
    with encoding_errors(options.target):
        return _ENCODERS[options.target.container.name](image, options, settings)


@contextmanager
def encoding_errors(target: Target) -> Iterator[None]:
    """Turn what an encoder raises into an internal error that names the format."""
    try:
        yield
    except CosError:
        raise
    except Exception as error:
        if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
            raise out_of_memory(f"{target.name} encoder: {error!r}") from error
        raise InternalError(
            f"the {target.name} encoder failed",
            detail=f"{type(error).__name__}: {error}",
            number=-901,
        ) from error


def _save(image: Image.Image, form: str, options: Mapping[str, object]) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def _embedded(metadata: Metadata) -> dict[str, object]:
    parts = {"exif": metadata.exif, "xmp": metadata.xmp}
    return {name: data for name, data in parts.items() if data}


def _jpeg(image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
    full_chroma = options.quality >= _FULL_CHROMA_QUALITY and not options.half_chroma
    metadata = options.metadata.fitting()
    parts: dict[str, object] = {"quality": encoder_setting("jpeg", options.quality), "optimize": True}
    parts["progressive"] = options.progressive or options.target.optimise
    parts["subsampling"] = "4:4:4" if full_chroma else "4:2:0"
    if metadata.exif:
        parts["exif"] = b"Exif\x00\x00" + metadata.exif
    if metadata.xmp:
        parts["xmp"] = metadata.xmp
    return _save(flatten(image), "JPEG", parts)


def _png(image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
    parts: dict[str, object] = {}
    if options.metadata.exif:
        parts["exif"] = options.metadata.exif
    if options.metadata.xmp:
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", options.metadata.xmp.decode("utf-8", "replace"))
        parts["pnginfo"] = info
    return _save(image, "PNG", parts)


def _webp(image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
    setting = encoder_setting("webp", options.quality)
    return _save(image, "WEBP", {"quality": setting, "method": WEBP_METHOD, **_embedded(options.metadata)})


def _avif(image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
    picture = image.convert("RGBA") if image.mode == "LA" else image
    parts = {
        "quality": encoder_setting("avif", options.quality),
        "speed": AVIF_SPEED,
        "max_threads": settings.encoder_threads,
    }
    return _save(picture, "AVIF", {**parts, **_embedded(_rewritable(options.metadata))})


def _rewritable(metadata: Metadata) -> Metadata:
    """With EXIF that Pillow can write again, as it does for AVIF; of other EXIF the orientation is left."""
    try:
        exif = Image.Exif()
        exif.load(metadata.exif)
        exif.tobytes()
    except Exception:  # a broken structure, which Pillow has many exceptions for
        turned = orientation(metadata.exif)
        return replace(metadata, exif=oriented(turned) if turned > 1 else b"")
    return metadata


def _heif(image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
    heif_codec()
    picture = image.convert("RGBA") if image.mode == "LA" else image
    parts: dict[str, object] = {"quality": encoder_setting("heif", options.quality), "chroma": 420}
    parts["enc_params"] = {
        "x265:pools": str(settings.encoder_threads),
        "x265:cbqpoffs": str(HEIF_CHROMA_QP_OFFSET),
        "x265:crqpoffs": str(HEIF_CHROMA_QP_OFFSET),
    }
    return _save(picture, "HEIF", {**parts, **_embedded(options.metadata)})


def _tpg(image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
    picture, arguments = tpg_arguments(image, options, settings)
    return bytes(tpg_encoder().encode(picture, quality=encoder_setting("tpg", options.quality), **arguments))


def tpg_arguments(
    image: Image.Image, options: EncodeOptions, settings: ImageSettings
) -> tuple[Image.Image, dict[str, object]]:
    """What the TPG encoder is given besides a quality."""
    arguments: dict[str, object] = {"threads": settings.encoder_threads}
    if options.metadata.exif:
        arguments["exif"] = options.metadata.exif
    mode = "RGBA" if has_alpha(image) else "RGB"
    return image if image.mode == mode else image.convert(mode), arguments


def _gif(image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
    return _save(quantised(image), "GIF", {})


def _bmp(image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
    return _save(flatten(image), "BMP", {})


def _tiff(image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
    parts: dict[str, object] = {"compression": "tiff_adobe_deflate"}
    if options.metadata.tag > 1:
        parts["tiffinfo"] = {_ORIENTATION: options.metadata.tag}
    return _save(image, "TIFF", parts)


_Encoder = Callable[[Image.Image, EncodeOptions, ImageSettings], bytes]
_ENCODERS: Mapping[str, _Encoder] = {
    "jpeg": _jpeg,
    "png": _png,
    "apng": _png,
    "webp": _webp,
    "avif": _avif,
    "heif": _heif,
    "tpg": _tpg,
    "gif": _gif,
    "bmp": _bmp,
    "tiff": _tiff,
}


def transparent_part(image: Image.Image) -> Image.Image | None:
    """255 where a format with one level of alpha shows nothing, which is below half; None if it does nowhere."""
    if not has_alpha(image):
        return None
    mask = image.getchannel("A").point([255] * 128 + [0] * 128)
    return None if mask.getbbox() is None else mask


def quantised(image: Image.Image, *, transparent: bool = False) -> Image.Image:
    """The picture with at most 256 colours; one of them is transparent, where alpha is below half.

    Args:
        image: mode L, LA, RGB or RGBA.
        transparent: have a transparent colour even if no pixel is.
    """
    if image.mode == "L" and not transparent:
        return image
    opaque = image.convert("RGB")
    mask = transparent_part(image)
    if mask is None and not transparent:
        return opaque.quantize(256, Image.Quantize.MEDIANCUT)
    picture = opaque.quantize(255, Image.Quantize.MEDIANCUT)
    colours = len(picture.getpalette() or []) // 3
    index = min(colours, 255)
    if mask is not None:
        picture.paste(index, mask=mask)
    palette = (picture.getpalette() or [])[: index * 3]
    picture.putpalette([*palette, 0, 0, 0])
    picture.info["transparency"] = index
    return picture
