"""Write one image by Pillow."""

from __future__ import annotations

import io
from collections.abc import Mapping

from PIL import Image

from openmogr.image.source.metadata import Metadata

__all__ = ["embedded", "saved"]


def saved(image: Image.Image, plugin: str, options: Mapping[str, object]) -> bytes:
    """What one of Pillow's plugins writes."""
    out = io.BytesIO()
    image.save(out, plugin, **options)
    return out.getvalue()


def embedded(metadata: Metadata, profile: bytes = b"") -> dict[str, object]:
    """Metadata and an ICC profile as most plugins take them."""
    parts = {"exif": metadata.exif, "xmp": metadata.xmp, "icc_profile": profile}
    return {name: data for name, data in parts.items() if data}
