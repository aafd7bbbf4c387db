"""``x-openmogr-score``, an extension of ours: how much a result looks like what was to be written."""

from __future__ import annotations

from dataclasses import replace

from openmogr.api.request import Request
from openmogr.api.response import Header
from openmogr.errors import InvalidArgument
from openmogr.image import Pipeline, Result

__all__ = ["SCORE", "check_unscored", "score_headers", "scored"]

SCORE = "x-openmogr-score"
_METRIC = "ssimulacra2"
_VARY: Header = (b"vary", SCORE.encode())


def scored(request: Request, pipeline: Pipeline) -> Pipeline:
    """The pipeline, which tells its result's score where the request asks for that.

    Raises:
        InvalidArgument: it asks for another metric than there is, or that of what ``imageSlim`` makes.
    """
    metric = request.header(SCORE)
    if metric is None:
        return pipeline
    if metric.lower() != _METRIC:
        raise InvalidArgument(f"{SCORE} must be {_METRIC}.")
    if pipeline.slim:
        raise InvalidArgument(f"{SCORE} does not go with imageSlim.")
    return replace(pipeline, scored=True)


def check_unscored(request: Request, why: str) -> None:
    """Refuse to tell a score. Raises ``InvalidArgument``, which says why."""
    if request.header(SCORE) is not None:
        raise InvalidArgument(f"{SCORE} {why}.")


def score_headers(pipeline: Pipeline, result: Result) -> list[Header]:
    """What an answer says of the score; nothing where nobody asked."""
    if not pipeline.scored:
        return []
    told = b"none" if result.score is None else b"%.2f" % result.score
    return [(SCORE.encode(), told), _VARY]
