"""The codecs that live in packages of their own, imported only when a picture needs one."""

from __future__ import annotations

import importlib
from types import ModuleType

from openmogr.image.errors import missing_codec

__all__ = ["heif_codec", "tpg_codec", "tpg_encoder"]


def heif_codec() -> ModuleType:
    """``pillow_heif``, registered with Pillow. It bundles GPL code, so it is an extra.

    Raises:
        NotSupported: it is not installed.
    """
    module = _import("pillow_heif", "HEIF", "openmogr[heif]")
    # Registering again changes nothing. Workers are the unit of concurrency; thumbnails may be stale.
    module.register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
    return module


def tpg_codec() -> ModuleType:
    """``pillow_tpg``, registered with Pillow.

    Raises:
        NotSupported: it is not installed.
    """
    module = _import("pillow_tpg", "TPG", "openmogr[tpg]")
    module.register_tpg_opener()
    return module


def tpg_encoder() -> ModuleType:
    """``pillow_tpg`` with an encoder.

    Raises:
        NotSupported: it is not installed, or cannot write yet.
    """
    module = tpg_codec()
    if not hasattr(module, "encode"):
        raise missing_codec(
            "TPG pictures can be read but not written: the installed pillow_tpg has no encoder"
        )
    return module


def _import(name: str, what: str, extra: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise missing_codec(
            f"{what} is not available on this server; pip install '{extra}' adds it"
        ) from None
