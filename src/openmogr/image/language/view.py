"""One ``imageView2`` stage (``docs/spec/api/image-mogr2.md#8``)."""

from __future__ import annotations

from collections.abc import Mapping

from openmogr.image.language.encoding import COMMON_ENCODING, EncodingParser
from openmogr.image.language.operations import Encoding, View, ViewStage
from openmogr.image.language.tokens import StageTokens

__all__ = ["VIEW_PARAMETERS", "parse_view"]

_ENCODING: Mapping[str, EncodingParser] = {
    "format": COMMON_ENCODING["format"],
    "q": COMMON_ENCODING["quality"],
    "rq": COMMON_ENCODING["rquality"],
    "lq": COMMON_ENCODING["lquality"],
    "interlace": COMMON_ENCODING["interlace"],
    "ignore-error": COMMON_ENCODING["ignore-error"],
    "target-ssimulacra2": COMMON_ENCODING["target-ssimulacra2"],
    "effort": COMMON_ENCODING["effort"],
    "lossless": COMMON_ENCODING["lossless"],
    "metadata": COMMON_ENCODING["metadata"],
    "icc": COMMON_ENCODING["icc"],
}
VIEW_PARAMETERS = frozenset({*_ENCODING, "w", "h"})

# Where a size is given without a mode, fitting inside it is the only mode that neither crops nor enlarges.
_DEFAULT_MODE = 2


def parse_view(tokens: StageTokens) -> ViewStage:
    """The stage that the tokens after ``imageView2`` mean.

    Raises:
        InvalidArgument: naming stage, parameter and token.
    """
    mode = _DEFAULT_MODE
    first = tokens.peek()
    if first is not None and first.isascii() and first.isdigit():
        tokens.take()
        mode = tokens.integer("mode", first, 0, 5)
    sides: dict[str, int] = {}
    encoding = Encoding()
    while (name := tokens.take_name(VIEW_PARAMETERS)) is not None:
        if name in {"w", "h"}:
            sides[name] = tokens.length(name, tokens.value(name))
        elif name in _ENCODING:
            encoding = _ENCODING[name](tokens, tokens.value(name), encoding)
        else:
            tokens.skip_unknown(name, VIEW_PARAMETERS)
    # A 0 says that there is none, as clients write that compute both.
    width, height = sides.get("w") or None, sides.get("h") or None
    view = View(mode, width, height) if width or height else None
    return ViewStage(view, encoding)
