"""Which of the formats in ISO media a file is, by its brands (``docs/spec/api/compression.md#9``)."""

from __future__ import annotations

from enum import Enum

__all__ = ["IsoKind", "iso_kind"]

_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


class IsoKind(Enum):
    """What the brands say."""

    avif = "AVIF"
    heif = "HEIF"


def iso_kind(header: bytes) -> IsoKind | None:
    """AVIF, HEIF or neither, by the first bytes of a file."""
    if header[4:8] != b"ftyp":
        return None
    length = min(int.from_bytes(header[:4], "big"), len(header))
    brands = [header[i : i + 4] for i in (8, *range(16, length - 3, 4))]
    if brands[0] in _AVIF_BRANDS or (brands[0] in {b"mif1", b"msf1"} and _AVIF_BRANDS.intersection(brands)):
        return IsoKind.avif
    if _HEIF_BRANDS.intersection(brands):
        return IsoKind.heif
    return IsoKind.avif if _AVIF_BRANDS.intersection(brands) else None
