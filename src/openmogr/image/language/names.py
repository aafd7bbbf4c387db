"""The names that the language of operations knows, for documentation and tests."""

from __future__ import annotations

from collections.abc import Mapping

from openmogr.image.language.mark import _ENCODING, _IMAGE, _LAYING, _TEXT
from openmogr.image.language.mogr import _KNOWN as _MOGR
from openmogr.image.language.query import OPERATION_NAMES
from openmogr.image.language.view import _KNOWN as _VIEW

__all__ = ["PARAMETERS", "REFUSED"]

# By operation; those without parameters, and styles, have none.
PARAMETERS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(OPERATION_NAMES, frozenset()),
    "imageMogr2": frozenset(_MOGR),
    "imageView2": frozenset(_VIEW),
    "watermark": _LAYING | _IMAGE | _TEXT | {_ENCODING},
}
# Blind watermarks.
REFUSED: Mapping[str, frozenset[str]] = {"watermark": frozenset({"3", "4"})}
