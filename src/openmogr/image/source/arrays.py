"""NumPy as ``np``, imported when the first pixel is worked on as an array: most pictures never are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
else:
    from openmogr.lazily import Late

    np = Late("numpy")

__all__ = ["np"]
