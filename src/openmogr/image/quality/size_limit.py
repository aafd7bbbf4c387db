"""``size-limit``: the best quality whose result is short enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from PIL import Image

from openmogr.image.formats.encode import EncodeOptions, encode
from openmogr.image.settings import ImageSettings

__all__ = ["best_within", "encode_within"]

# About how much of the scale halves a file.
_SCALE_PER_HALVING = 0.25


def encode_within(
    limit: int, image: Image.Image, options: EncodeOptions, settings: ImageSettings
) -> tuple[bytes, int]:
    """The best file of at most ``limit`` bytes and at most ``options.quality``, and its quality.

    Where the codec does not search itself (``Format.within``), :func:`best_within` does over the settings of the
    encoder, in at most eight encodings. One is enough where ``options.quality`` keeps the limit.

    Args:
        limit: bytes. Where nothing keeps it, the coarsest file is the result: the limit is approximate
            (``docs/spec/api/image-mogr2.md#4.8``).
        image: what to write.
        options: how; the quality is the upper end.
        settings: limits and threads.

    Raises:
        CosError: what :func:`encode` raises.
    """
    data = encode(image, options, settings)
    if len(data) <= limit:
        return data, options.quality
    container = options.target.container
    if (searched := container.within(limit, image, options, settings)) is not None:
        return searched
    # Qualities that mean the same setting to the encoder give the same file.
    qualities = sorted(
        {container.setting(quality): quality for quality in range(1, options.quality + 1)}.values()
    )

    def attempt(step: int) -> bytes:
        return encode(image, replace(options, quality=qualities[step]), settings)

    step, found, _ = best_within(limit, attempt, len(qualities) - 1, data)
    return found, qualities[step]


def best_within(
    limit: int, attempt: Callable[[int], bytes], highest: int, data: bytes
) -> tuple[int, bytes, int]:
    """The highest step whose file has at most ``limit`` bytes: step, file, number of attempts.

    Secant steps on the logarithm of the size, kept where bisection could still end the search in time, so that there
    are never more attempts than bisection may need: 7 for up to 127 steps below the highest.

    Args:
        limit: bytes.
        attempt: makes the file of a step, 0 or higher; the higher the longer.
        highest: the step that is known not to fit, so that lower ones are searched.
        data: its file.

    Returns:
        The lowest step where none fits.
    """
    kept, missed = -1, highest
    best, last, last_step = b"", data, highest
    slope = 1 / (_SCALE_PER_HALVING * (highest + 1))
    attempts, most = 0, max(highest, 1).bit_length()
    while missed - kept > 1:
        guess = last_step - math.log2(len(last) / limit) / slope
        widest = 1 << (most - attempts - 1)
        step = math.floor(guess)
        step = min(max(step, kept + 1, missed - widest), missed - 1, kept + widest)
        found = attempt(step)
        attempts += 1
        measured = math.log2(len(found) / len(last)) / (step - last_step)
        slope = measured if measured > 0 else slope
        last, last_step = found, step
        if len(found) <= limit:
            kept, best = step, found
        else:
            missed = step
    return (kept, best, attempts) if kept >= 0 else (0, last if attempts else data, attempts)
