"""The smallest file that looks as good as is asked for."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

from PIL import Image

from openmogr.image.formats.encode import EncodeOptions, encode
from openmogr.image.quality.metric import scorer
from openmogr.image.settings import ImageSettings
from openmogr.image.source.metadata import NO_METADATA

__all__ = ["MAX_ENCODINGS", "encode_for_score", "lowest_that_reaches", "score_of"]

# More than the target by less is not searched on for.
_TOLERANCE = 0.5
MAX_ENCODINGS = 8
# Scores rise by about so much from one end of the encoder's scale to the other, until more is known.
_USUAL_RANGE = 70.0


def score_of(data: bytes, image: Image.Image, options: EncodeOptions) -> float:
    """SSIMULACRA2 of a file beside the image that was written into it, up to 100.

    Raises:
        NotSupported: there is no metric.
    """
    return scorer(image)(options.target.container.open(io.BytesIO(data)).image)


def encode_for_score(
    score: float, image: Image.Image, options: EncodeOptions, settings: ImageSettings
) -> tuple[bytes, int, float]:
    """The file of the lowest quality whose SSIMULACRA2 is at least ``score``, that quality, and its own score.

    Where none is, that of ``options.quality``, which is the upper end. In at most nine encodings.

    Args:
        score: up to 100.
        image: what to write, and what the results are compared with.
        options: how; the quality is the upper end.
        settings: limits and threads.

    Raises:
        CosError: what :func:`encode` raises; ``NotSupported`` without the metric.
    """
    container = options.target.container
    measure = scorer(image)
    bare = replace(options, metadata=NO_METADATA)
    qualities = sorted(
        {container.setting(quality): quality for quality in range(1, options.quality + 1)}.values()
    )
    files: dict[int, bytes] = {}
    scores: dict[int, float] = {}

    def attempt(step: int) -> float:
        data = encode(image, replace(bare, quality=qualities[step]), settings)
        files.clear()
        files[step] = data
        shown = container.open(io.BytesIO(data)).image
        scores[step] = measure(shown)
        return scores[step]

    step = lowest_that_reaches(score, attempt, len(qualities) - 1)
    quality = qualities[step]
    if step in files and options.metadata == NO_METADATA:
        return files[step], quality, scores[step]
    return encode(image, replace(options, quality=quality), settings), quality, scores[step]


def lowest_that_reaches(score: float, attempt: Callable[[int], float], highest: int) -> int:
    """The lowest step from 0 to ``highest`` that reaches ``score``, or ``highest`` where none does.

    Steps are chosen by the line through what is known, kept between the bounds; within half a point above the score, or
    after eight attempts, the search is over.

    Args:
        score: to be reached.
        attempt: the score of a step; it rises with the step, but for noise.
        highest: the last step.
    """
    missed, kept = -1, highest + 1
    known: list[tuple[int, float]] = []
    slope = _USUAL_RANGE / max(highest, 1)
    step = round(highest * 0.6)
    for _ in range(MAX_ENCODINGS):
        found = attempt(step)
        if known and known[-1][0] != step:
            measured = (found - known[-1][1]) / (step - known[-1][0])
            slope = measured if measured > 0 else slope
        known.append((step, found))
        if found >= score:
            kept = step
            if found - score < _TOLERANCE:
                break
        else:
            missed = step
        if kept - missed <= 1:
            break
        # Rounded up, so that the next one rather reaches the score.
        guess = step + -int(-(score - found) // slope)
        step = min(max(guess, missed + 1), kept - 1)
        if (step - missed) * 8 < kept - missed or (kept - step) * 8 < kept - missed:
            # At the edge of what is open nothing is gained by a miss: it leaves nearly everything open.
            step = step if abs(found - score) < 5 else (missed + kept) // 2
    return min(kept, highest)
