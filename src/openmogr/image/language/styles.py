"""Styles: names for operation texts (``docs/spec/api/overview.md#6``)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from openmogr.errors import InvalidArgument
from openmogr.image.language.grammar import UNKNOWN_STYLE
from openmogr.image.language.tokens import readable, syntax_error

__all__ = ["expand_styles", "names_a_style", "names_styles_only"]

_NAMES_ONE = re.compile(r"(?:^|\|)/*(?:imageMogr2/+)?style/", re.IGNORECASE)


def names_a_style(text: str) -> bool:
    """Whether one of the stages of an operation is a style."""
    return _NAMES_ONE.search(text) is not None


def names_styles_only(text: str) -> bool:
    """Whether all stages of an operation are styles, so that nothing is its requester's own making."""
    stages = [stage for stage in text.split("?", 1)[0].split("|") if stage.strip("/")]
    return bool(stages) and all(map(names_a_style, stages))


def expand_styles(text: str, styles: Mapping[str, str]) -> str:
    """The operation with what its styles stand for: ``style/<name>`` and ``imageMogr2/style/<name>``.

    Args:
        text: decoded once.
        styles: texts by name, which is case-sensitive; none of them names a style.

    Raises:
        InvalidArgument: a style is not there, or its name is not all that its stage says.
    """
    if not names_a_style(text):
        return text
    stages = text.split("?", 1)[0].split("|")
    return "|".join(_expanded(number, stage, styles) for number, stage in enumerate(stages, start=1))


def _expanded(number: int, stage: str, styles: Mapping[str, str]) -> str:
    if not names_a_style(stage):
        return stage
    tokens = [token for token in stage.split("/") if token]
    name, *rest = tokens[1 + [token.lower() for token in tokens].index("style") :] or [""]
    if rest:
        raise syntax_error(f"stage {number} (style) takes a name alone, but has {readable(rest[0])}")
    if name not in styles:
        raise InvalidArgument(
            f"stage {number}: there is no style named {readable(name)}", number=UNKNOWN_STYLE
        )
    return styles[name]
