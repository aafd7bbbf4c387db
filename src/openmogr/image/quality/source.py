"""Estimate from a source's headers the quality it was written with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO

from PIL import Image

from openmogr.image import headers
from openmogr.image.av1 import quantiser_index
from openmogr.image.codecs import tpg_codec
from openmogr.image.formats import Container
from openmogr.image.hevc import slice_qp
from openmogr.image.isomedia import CodedPicture, primary_picture
from openmogr.image.quality.scale import jpeg_quality, quality_of_quantiser, vp8_quality

__all__ = ["source_quality"]

_QUANTISERS: Mapping[bytes, Callable[[CodedPicture], int | None]] = {
    b"av01": quantiser_index,
    b"hvc1": slice_qp,
}


def source_quality(
    container: Container, image: Image.Image, stream: BinaryIO, *, frames: int = 1
) -> int | None:
    """The quality on libjpeg's scale, 1-100; None for lossless pictures and where it cannot be told.

    Args:
        container: the format.
        image: Pillow's view of the file, not yet decoded.
        stream: the file; where it stands does not change.
        frames: how many it has. AVIF sequences have no estimate: their first frame is coded finer than the rest, by
            how much depends on what is seen.
    """
    position = stream.tell()
    try:
        if container.name == "jpeg":
            tables = getattr(image, "quantization", None)
            return jpeg_quality(tables[min(tables)]) if tables else None
        if container.name == "webp":
            index = headers.vp8_quantiser(stream)
            return None if index is None else vp8_quality(index)
        if container.name == "tpg":
            codec = tpg_codec()
            stream.seek(0)
            qp = codec.info(stream.read()).qp
            return None if qp is None else int(codec.quality_for_qp(qp))
        if container.name == "heif" or (container.name == "avif" and frames == 1):
            return _iso_media(stream)
    finally:
        stream.seek(position)
    return None


def _iso_media(stream: BinaryIO) -> int | None:
    # Headers that no decoder minds may still be beyond these readers.
    try:
        picture = primary_picture(stream)
        quantiser = None if picture is None else _QUANTISERS[picture.kind](picture)
    except (EOFError, ValueError, LookupError):
        return None
    if picture is None or quantiser is None:
        return None
    return quality_of_quantiser("heif" if picture.kind == b"hvc1" else "avif", quantiser)
