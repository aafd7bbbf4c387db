"""Operation text to pipeline; the grammar is written down in ``docs/use/grammar.md``."""

from __future__ import annotations

import difflib
import re

from openmogr.errors import InvalidArgument, NotImplementedHere, NotSupported
from openmogr.image.language.mark import parse_watermark
from openmogr.image.language.mogr import parse_mogr
from openmogr.image.language.operations import (
    ImageWatermark,
    Info,
    InfoStage,
    Pipeline,
    SlimStage,
    Stage,
)
from openmogr.image.language.query import OPERATION_NAMES
from openmogr.image.language.tokens import StageTokens, readable, syntax_error
from openmogr.image.language.view import parse_view

__all__ = ["UNKNOWN_STYLE", "parse_operation"]

# ``X-ErrNo`` (``docs/spec/api/errors.md#3``).
UNKNOWN_STYLE = -105
# docs/spec/api/image-mogr2.md#1
_MAX_IMAGE_WATERMARKS = 10
_NAMES = {name.lower(): name for name in OPERATION_NAMES}
_IGNORE_ERROR = re.compile(r"(?:^|/)ignore-error/+1(?:$|[/|])")


def parse_operation(text: str, *, strict: bool = False, max_stages: int = 10) -> Pipeline:
    """The pipeline that a query operation or the ``rule`` of a ``Pic-Operations`` header means.

    Args:
        text: decoded once.
        strict: refuse unknown parameters that would otherwise be skipped with their value
            (``docs/spec/api/overview.md#4.3``, rule 7).
        max_stages: most stages between ``|``.

    Raises:
        InvalidArgument: naming stage and token. Not raised where the text says ``ignore-error/1``: then the
            pipeline carries the failure, and executing it gives the original.
        NotSupported: an operation of the catalogue that this server does not do; likewise.
        NotImplementedHere: one that only the vendor can do; likewise.
    """
    text = text.split("?", 1)[0]
    try:
        return Pipeline(_parse_stages(text, strict=strict, max_stages=max_stages))
    except (InvalidArgument, NotImplementedHere, NotSupported) as error:
        if _IGNORE_ERROR.search(text) and error.number != UNKNOWN_STYLE:
            return Pipeline(failure=error.message, source_text=text)
        raise


def _parse_stages(text: str, *, strict: bool, max_stages: int) -> tuple[Stage, ...]:
    parts = [tokens for part in text.split("|") if (tokens := [token for token in part.split("/") if token])]
    if not parts:
        raise syntax_error("the operation is empty")
    if len(parts) > max_stages:
        raise syntax_error(f"the pipeline has {len(parts)} stages, more than {max_stages}")
    stages: list[Stage] = []
    for number, tokens in enumerate(parts, start=1):
        stage = _parse_stage(StageTokens(number, tokens, strict=strict))
        if isinstance(stage, InfoStage) and number < len(parts):
            raise syntax_error(f"stage {number} ({stage.text}) must be the last one")
        stages.append(stage)
    marks = sum(isinstance(step, ImageWatermark) for stage in stages for step in stage.steps)
    if marks > _MAX_IMAGE_WATERMARKS:
        raise syntax_error(f"the pipeline lays {marks} image watermarks, more than {_MAX_IMAGE_WATERMARKS}")
    return tuple(stages)


def _parse_stage(tokens: StageTokens) -> Stage:
    name = _NAMES.get(tokens.name.lower(), tokens.name)
    if name == "imageMogr2":
        return parse_mogr(tokens)
    if name == "imageView2":
        return parse_view(tokens)
    if name == "watermark":
        return parse_watermark(tokens)
    if name == "imageSlim" or name in {info.value for info in Info}:
        if extra := tokens.peek():
            raise tokens.error(f"takes no parameters, but has {readable(extra)}")
        return SlimStage() if name == "imageSlim" else InfoStage(Info(name))
    if name == "style":
        style = readable(tokens.peek() or "")
        raise InvalidArgument(f"stage {tokens.number}: there is no style named {style}", number=UNKNOWN_STYLE)
    raise syntax_error(f"stage {tokens.number}: unknown operation {readable(name)}{_suggestion(name)}")


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name.lower()[:60], _NAMES, n=1, cutoff=0.75)
    return f"; did you mean {_NAMES[near[0]]}?" if near else ""
