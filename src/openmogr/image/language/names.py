"""The names that the language of operations knows, for documentation and tests."""

from __future__ import annotations

from collections.abc import Mapping

from openmogr.image.language.mark import WATERMARK_PARAMETERS
from openmogr.image.language.mogr import MOGR_PARAMETERS
from openmogr.image.language.query import OPERATION_NAMES
from openmogr.image.language.view import VIEW_PARAMETERS

__all__ = ["PARAMETERS"]

# By operation; those without parameters, and styles, have none.
PARAMETERS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(OPERATION_NAMES, frozenset()),
    "imageMogr2": MOGR_PARAMETERS,
    "imageView2": VIEW_PARAMETERS,
    "watermark": WATERMARK_PARAMETERS,
}
