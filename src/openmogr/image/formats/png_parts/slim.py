"""A PNG in as few bytes as look the same: coded better, with a palette where that is not seen."""

from __future__ import annotations

from openmogr.image import native
from openmogr.image.formats.base import Slim
from openmogr.image.formats.png_parts.layout import SIGNATURE, PngLayout, chunk
from openmogr.image.formats.png_parts.strip import stripped_png
from openmogr.image.quality.same_look import MIN_SIDE, looks_same

__all__ = ["slim_png"]

# Numbers of colours that are tried, from the most on, until one is seen.
_COLOURS = (256, 192, 128, 96, 64, 48, 32)
# How hard oxipng searches, by the pixels up to which it does.
_EFFORTS = ((1 << 20, 4), (4 << 20, 2))
_LEAST_EFFORT = 1
_PALETTE = 3
# Chunks that a palette makes wrong, or that say nothing any more.
_ABOUT_SAMPLES = {b"tRNS", b"sBIT", b"bKGD", b"hIST"}
_HEADER_END = len(SIGNATURE) + 25


def slim_png(data: bytes, layout: PngLayout, wanted: Slim) -> bytes:
    """The smallest file found.

    Args:
        data: the file.
        layout: its chunks.
        wanted: what to keep.

    Raises:
        PixelsError: damage, or no end.
    """
    plain = stripped_png(data)
    if plain is None:
        raise native.PixelsError("the file breaks off")
    shown = _with_metadata(plain, wanted)
    width, height = (int.from_bytes(data[place : place + 4], "big") for place in (16, 20))
    effort = next((effort for most, effort in _EFFORTS if width * height <= most), _LEAST_EFFORT)
    same = native.optimise_png(shown, effort=effort)
    # A palette that loses nothing has been found; wide samples and code points are not for 8 bits.
    exact = same[25] == _PALETTE or layout.color_type == _PALETTE
    if (
        exact
        or layout.animated
        or layout.bit_depth > 8
        or layout.cicp is not None
        or min(width, height) < MIN_SIDE
    ):
        return same
    picture, _ = native.decode_png(data)
    if picture.mode not in {"RGB", "RGBA"}:
        return same
    coloured = _fewest_colours(picture)
    if coloured is None:
        return same
    few = _with_chunks(native.encode_png(coloured, palette=True), shown)
    few = native.optimise_png(few, effort=effort)
    return min(same, few, key=len)


def _fewest_colours(picture: native.Picture) -> native.Picture | None:
    """The picture in as few colours as are not seen; None where 256 are."""
    best = None
    for colours in _COLOURS:
        found = picture.quantise(colours)
        if not looks_same(picture, found):
            break
        best = found
    return best


def _with_metadata(plain: bytes, wanted: Slim) -> bytes:
    parts = []
    if wanted.metadata.exif:
        parts.append(chunk(b"eXIf", wanted.metadata.exif))
    if wanted.metadata.xmp:
        parts.append(chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5), wanted.metadata.xmp))
    return plain[:_HEADER_END] + b"".join(parts) + plain[_HEADER_END:]


def _with_chunks(indexed: bytes, source: bytes) -> bytes:
    """A file with a palette, with the ancillary chunks that stand in front of the source's samples."""
    parts = []
    position = _HEADER_END
    while (kind := source[position + 4 : position + 8]) not in {b"IDAT", b"IEND", b""}:
        end = position + 12 + int.from_bytes(source[position : position + 4], "big")
        if kind[:1].islower() and kind not in _ABOUT_SAMPLES:
            parts.append(source[position:end])
        position = end
    return indexed[:_HEADER_END] + b"".join(parts) + indexed[_HEADER_END:]
