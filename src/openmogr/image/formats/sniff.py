"""Tell a file's format from its first bytes; names are never trusted."""

from __future__ import annotations

from openmogr.errors import InvalidImageFormat
from openmogr.image.errors import not_an_image, unsupported_input
from openmogr.image.formats.registry import CONTAINERS

__all__ = ["HEADER_BYTES", "sniff"]

HEADER_BYTES = 4096

_PROFESSIONAL = (
    (b"8BPS", "PSD"),
    (b"%!PS", "EPS"),
    (b"%PDF", "AI or PDF"),
    (b"<svg", "SVG"),
    (b"<?xml", "SVG"),
)


def sniff(header: bytes) -> str:
    """The name of the format in ``CONTAINERS``; its ``variant`` may be another, as what tells may be anywhere.

    Args:
        header: the first ``HEADER_BYTES`` of the file, or all of a shorter one.

    Raises:
        InvalidImageFormat: it is empty, or nothing that this server decodes.
    """
    for name, container in CONTAINERS.items():
        if container.matches(header):
            return name
    raise _unknown(header)


def _unknown(header: bytes) -> InvalidImageFormat:
    if not header:
        return not_an_image("the image is empty")
    if header[4:8] == b"ftyp":
        return unsupported_input("the file is ISO media, but neither HEIF nor AVIF")
    for prefix, name in _PROFESSIONAL:
        if header.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(prefix):
            return unsupported_input(f"{name} files are not processed")
    return not_an_image("the object is not an image of a known format")
