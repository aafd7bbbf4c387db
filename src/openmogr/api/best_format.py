"""``format/auto``, an extension of ours: the smallest of what the client can show, at equal quality."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from openmogr.api.further import FurtherSources
from openmogr.api.negotiation import accepted_names
from openmogr.api.request import Request
from openmogr.api.results import Made, Work
from openmogr.api.services import Services
from openmogr.api.sources import OpenSource
from openmogr.errors import CosError
from openmogr.image import AUTO_FORMAT, SHOWN_EVERYWHERE, Loss, Pipeline, container_of_type, parse_operation
from openmogr.storage.interface import ObjectInfo

__all__ = ["LOST", "Chosen", "Sources", "choose_format", "loses", "wants_best"]

# The object, and all that its operation reads besides.
Sources: TypeAlias = tuple[OpenSource, FurtherSources]

# What no format that the client did not ask for may lose.
LOST = frozenset({Loss.frames, Loss.pages, Loss.images, Loss.alpha, Loss.half_alpha})


@dataclass(frozen=True, slots=True)
class Chosen:
    """The pipeline that was chosen, and what it made."""

    pipeline: Pipeline
    made: Made


def wants_best(pipeline: Pipeline) -> bool:
    """Whether the format is to be chosen."""
    return pipeline.failure is None and pipeline.encoding.format == AUTO_FORMAT


async def choose_format(
    services: Services, request: Request, sources: Sources, text: str, info: ObjectInfo
) -> Chosen:
    """Make the candidates one after another, for ``auto_seconds`` at most, and take the smallest.

    The first candidate is a format that every client shows, and always made. One that loses frames or transparency
    is none. All are remembered, so that what was not made in time is made by a later request.

    Raises:
        CosError: as the first candidate's.
    """
    source, further = sources
    deadline = time.monotonic() + services.image.auto_seconds
    best: Chosen | None = None
    for name in _candidates(services, request, info):
        if best is not None and time.monotonic() >= deadline:
            break
        pipeline = _parsed(services, text, name)
        work = Work(source, [pipeline], further.found, is_owner=request.is_owner)
        try:
            (made,) = await services.results.get(work)
        except CosError:
            if best is None:
                raise
            continue
        best = _better(best, Chosen(pipeline, made))
    assert best is not None
    return best


def _better(best: Chosen | None, found: Chosen) -> Chosen:
    if best is None:
        return found
    better = (loses(found.made), found.made.size) < (loses(best.made), best.made.size)
    kept, left = (found, best) if better else (best, found)
    if left.made.file is not None:
        left.made.file.close()
    return kept


def loses(made: Made) -> bool:
    """Whether the result holds less of the image than the source, which nobody asked for."""
    return made.result is not None and not LOST.isdisjoint(made.result.losses)


def _candidates(services: Services, request: Request, info: ObjectInfo) -> Sequence[str]:
    own = container_of_type(info.attributes.headers.content_type)
    first = own if own in SHOWN_EVERYWHERE else SHOWN_EVERYWHERE[0]
    return list(dict.fromkeys([first, *accepted_names(request), *SHOWN_EVERYWHERE[:2]]))


def _parsed(services: Services, text: str, name: str) -> Pipeline:
    settings = services.image
    chosen = f"{text.split('?', 1)[0]}|imageMogr2/format/{name}"
    return parse_operation(chosen, strict=settings.strict, max_stages=settings.max_stages + 1)
