"""Encoding of animations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pillow_tpg import _pillow_tpg as native
from pillow_tpg.encode import (
    DEFAULT_EFFORT,
    MAX_EFFORT,
    MAX_QP,
    ChromaFilter,
    ToolSet,
    check_goals,
    check_range,
    tiff_of,
)
from pillow_tpg.image import Samples, SimdLevel
from pillow_tpg.pixels import pixels_of
from pillow_tpg.quality import DEFAULT_QUALITY, qp_for_quality

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["encode_animation"]

MAX_DELAY = 65535


def encode_animation(
    frames: Iterable[Image.Image | Samples],
    delays: int | Iterable[int],
    *,
    quality: float | None = None,
    qp: int | None = None,
    effort: int = DEFAULT_EFFORT,
    tools: ToolSet = "compatible",
    chroma: ChromaFilter = "sharp",
    perceptual: float = 1.0,
    lcu_size: int | None = None,
    exif: Buffer | Image.Exif | None = None,
    threads: int = 1,
    simd: SimdLevel = "auto",
    cancel: Callable[[], bool] | None = None,
) -> bytes:
    """Encodes an animation as a TPG file. The bytes depend neither on ``threads`` nor on ``simd``.

    Frames are taken one by one and not kept. A frame that equals the one before lengthens its delay, so the file may
    have fewer frames; alpha is composed on white. TPG has no loop count: animations are repeated endlessly.

    Args:
        frames: at least one image or array, as for :func:`pillow_tpg.encode`, all of the same size.
        delays: how long each frame is shown in 1/100 s, 0 to 65535, or one number for all. 0 and 1 are stored as 10,
            which is what browsers make of them.
        quality: as for :func:`pillow_tpg.encode`, 75 by default; at most one of ``quality`` and ``qp`` may be given.
        qp: QP of the first frame, 0 (best) to 63; later frames have 2 more.
        effort: 0 (fastest) to 9 (smallest).
        tools: as for :func:`pillow_tpg.encode`.
        chroma: how chroma is brought to half size.
        perceptual: 0.0 to 2.0, how far bits move from busy to calm parts.
        lcu_size: 32 or 64; by default by effort.
        exif: EXIF to store, with or without the ``Exif`` prefix.
        threads: 1 to 64; only the first frame and the filters use more than one.
        simd: instructions to use, for tests.
        cancel: called before each row; a true result ends the call with ``CancelledError``, an exception with itself.

    Raises:
        TpgError: an option is not allowed by the tool set; ``CancelledError`` if the call was cancelled.
        ValueError: an argument is out of range, there is no frame, frames differ in size, or there are more or fewer
            delays than frames.
        TypeError: a frame is of no known type.
    """
    check_goals(quality=quality, qp=qp)
    check_range("qp", qp, 0, MAX_QP)
    check_range("effort", effort, 0, MAX_EFFORT)
    check_range("perceptual", perceptual, 0, 2)
    if lcu_size not in {None, 32, 64}:
        raise ValueError(f"lcu_size is {lcu_size}, allowed are 32 and 64")
    if tools not in {"compatible", "full"}:
        raise ValueError(f"tools is {tools!r}, allowed are 'compatible' and 'full'")
    if qp is None:
        qp = qp_for_quality(DEFAULT_QUALITY if quality is None else quality, tools)
    tiff = tiff_of(exif)
    encoder: native.AnimationEncoder | None = None
    size = (0, 0)
    for index, (frame, delay) in enumerate(_timed(frames, delays)):
        check_range(f"delay {index}", delay, 0, MAX_DELAY)
        pixels = _on_white(pixels_of(frame))
        height, width, channels = pixels.shape
        if encoder is None:
            size = (width, height)
            encoder = native.AnimationEncoder(
                width,
                height,
                qp,
                chroma=chroma,
                effort=effort,
                tools=tools,
                perceptual=perceptual,
                lcu_size=lcu_size,
                exif=tiff,
                threads=threads,
                simd=simd,
            )
        if (width, height) != size:
            raise ValueError(f"frame {index} has {width}x{height} pixels, the first one {size[0]}x{size[1]}")
        encoder.push(pixels, channels, delay, cancel=cancel)
    if encoder is None:
        raise ValueError("an animation needs at least one frame")
    return encoder.finish()


def _timed(
    frames: Iterable[Image.Image | Samples], delays: int | Iterable[int]
) -> Iterator[tuple[Image.Image | Samples, int]]:
    if isinstance(delays, int):
        return zip(frames, repeat(delays), strict=False)
    return zip(frames, delays, strict=True)


def _on_white(pixels: Samples) -> Samples:
    """Pixels without alpha."""
    if pixels.shape[2] in {1, 3}:
        return pixels
    colour, alpha = pixels[:, :, :-1].astype(np.uint16), pixels[:, :, -1:].astype(np.uint16)
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
