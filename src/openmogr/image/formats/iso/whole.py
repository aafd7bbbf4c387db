"""What AVIF and HEIF have in common as files: an end, and a quantiser of their first coded picture."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import BinaryIO

from openmogr.image.errors import input_resolution
from openmogr.image.formats.calibration import CALIBRATION
from openmogr.image.formats.iso.av1 import quantiser_index, uses_cdef
from openmogr.image.formats.iso.hevc import slice_qp
from openmogr.image.formats.iso.isomedia import CodedPicture, primary_picture, whole_length
from openmogr.image.formats.quantisers import QUANTISERS
from openmogr.image.quality.scale import quality_of_quantiser

__all__ = ["check_items", "iso_quality", "without_trailer"]

# Phones write grids of up to about 200 tiles. Each is a decoder's start and end.
_MAX_ITEMS = 4096
_ITEM_SEARCH = 1 << 16

_Reader = Callable[[CodedPicture], int | None]
# By the kind of coded picture, which may be HEVC in a file of AVIF's brand.
_READERS: Mapping[bytes, _Reader] = {b"av01": quantiser_index, b"hvc1": slice_qp}


def _tables(picture: CodedPicture) -> tuple[str, str]:
    """Names of the tables of quantisers and of settings to read a picture by."""
    if picture.kind == b"hvc1":
        return "heif", "heif"
    # Without the filter it is one of this server's, most likely: libaom uses it unless told otherwise.
    return ("avif untuned", "avif untuned") if uses_cdef(picture) else ("avif", "avif")


def check_items(stream: BinaryIO) -> None:
    """Raises ``ImageResolutionExceed`` for a file of very many parts (``iinf``, ISO/IEC 14496-12 section 8.11.6)."""
    stream.seek(0)
    head = stream.read(_ITEM_SEARCH)
    place = head.find(b"iinf")
    if place < 0 or place + 12 > len(head):
        return
    width = 2 if head[place + 4] == 0 else 4
    items = int.from_bytes(head[place + 8 : place + 8 + width], "big")
    if items > _MAX_ITEMS:
        raise input_resolution(f"the image is made of {items} parts, more than {_MAX_ITEMS}")


def without_trailer(stream: BinaryIO) -> BinaryIO:
    """The file without what lies behind its last box, as phones append it."""
    length = whole_length(stream)
    if length >= stream.seek(0, 2):
        return stream
    stream.seek(0)
    return io.BytesIO(stream.read(length))


def iso_quality(stream: BinaryIO) -> int | None:
    """The quality, 1-100, by the quantiser of the primary picture; None where its headers do not tell."""
    # Headers that no decoder minds may still be beyond these readers.
    try:
        picture = primary_picture(stream)
        if picture is None:
            return None
        quantiser = _READERS[picture.kind](picture)
        if quantiser is None:
            return None
        quantisers, settings = _tables(picture)
    except (EOFError, ValueError, LookupError):
        return None
    return quality_of_quantiser(QUANTISERS[quantisers], CALIBRATION[settings], quantiser)
