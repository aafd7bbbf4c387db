"""Tell a file's format from its first bytes; names are never trusted."""

from __future__ import annotations

from openmogr.errors import InvalidImageFormat
from openmogr.image.errors import not_an_image, unsupported_input

__all__ = ["HEADER_BYTES", "sniff"]

HEADER_BYTES = 4096

_PREFIXES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"TPG", "tpg"),
)
_PNG = b"\x89PNG\r\n\x1a\n"
_PROFESSIONAL = (
    (b"8BPS", "PSD"),
    (b"%!PS", "EPS"),
    (b"%PDF", "AI or PDF"),
    (b"<svg", "SVG"),
    (b"<?xml", "SVG"),
)

# docs/spec/api/compression.md#9.
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def sniff(header: bytes) -> str:
    """The container's name in ``formats.CONTAINERS``; an APNG passes for a PNG, as what tells may be anywhere.

    Args:
        header: the first ``HEADER_BYTES`` of the file, or all of a shorter one.

    Raises:
        InvalidImageFormat: it is empty, or nothing that this server decodes.
    """
    for prefix, name in _PREFIXES:
        if header.startswith(prefix):
            return name
    if header.startswith(_PNG):
        return "png"
    if header.startswith(b"RIFF") and header[8:12] == b"WEBP":
        return "webp"
    if header[4:8] == b"ftyp":
        return _iso_media(header)
    raise _unknown(header)


def _iso_media(header: bytes) -> str:
    length = min(int.from_bytes(header[:4], "big"), len(header))
    brands = [header[i : i + 4] for i in (8, *range(16, length - 3, 4))]
    if brands[0] in _AVIF_BRANDS or (brands[0] in {b"mif1", b"msf1"} and _AVIF_BRANDS.intersection(brands)):
        return "avif"
    if _HEIF_BRANDS.intersection(brands):
        return "heif"
    if _AVIF_BRANDS.intersection(brands):
        return "avif"
    raise unsupported_input("the file is ISO media, but neither HEIF nor AVIF")


def _unknown(header: bytes) -> InvalidImageFormat:
    if not header:
        return not_an_image("the image is empty")
    for prefix, name in _PROFESSIONAL:
        if header.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(prefix):
            return unsupported_input(f"{name} files are not processed")
    return not_an_image("the object is not an image of a known format")
