"""What makes the bytes of results besides pipeline and settings."""

from __future__ import annotations

import importlib.metadata

from PIL import features

from openmogr import __version__
from openmogr.image.faces.detector import face_versions
from openmogr.image.formats.registry import CONTAINERS

__all__ = ["encoder_versions"]

_DISTRIBUTIONS = ("pillow", "numpy", "openmogr-pixels")
# One more with every change of what encoders are told, or of what our own ones make, within a version.
_ENCODING = 9


def encoder_versions() -> tuple[str, ...]:
    """Names and versions of all codecs and of what works on pixels, as they are installed."""
    found = [f"openmogr {__version__}", f"encoding {_ENCODING}"]
    extras = {container.extra.package for container in CONTAINERS.values() if container.extra is not None}
    for name in (*_DISTRIBUTIONS, *sorted(extras)):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    for feature in features.get_supported():
        found.append(f"{feature} {features.version(feature) or ''}")
    found += [*_heif_libraries(), *face_versions()]
    return tuple(found)


def _heif_libraries() -> list[str]:
    """Of pillow-heif, which may have been built with libraries of the system."""
    try:
        from pillow_heif import libheif_info
    except ImportError:
        return []
    info = libheif_info()
    return [f"libheif {info.get('libheif', '')}", *info.get("encoders", {}).values()]
