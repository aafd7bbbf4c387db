"""Encoding of animations."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Unpack, get_args

from PIL import Image

from pillow_tpg import _pillow_tpg as native
from pillow_tpg._frames import FrameSource
from pillow_tpg._search import for_score, for_size
from pillow_tpg.encode import alpha_qp_of, check_options, scorer, tiff_of, wanted_qp
from pillow_tpg.image import Samples
from pillow_tpg.settings import (
    ANIMATION_OPTIONS,
    AlphaChoice,
    AnimationOptions,
    Progress,
    check_names,
    native_settings,
)

__all__ = ["EncodedAnimation", "encode_animated_image", "encode_animation"]

QP_PARTS = 16
"""Steps of QPs of animations per QP, as the encoder has them."""

# Later frames usually take about so much of what the first one does.
_USUAL_SHARE = 0.2


@dataclass(frozen=True)
class EncodedAnimation:
    """An animated TPG file, and what became of its frames."""

    data: bytes
    """The file."""
    size: tuple[int, int]
    """Width and height in pixels."""
    qp: float
    """The QP that frames' QPs go by, in whole sixteenths."""
    has_alpha: bool
    """Whether frames have alpha pictures."""
    transparency_dropped: bool
    """Whether a frame was transparent somewhere and lies on white now."""
    encodings: int
    """How many times the animation was encoded; more than once in searches for a target."""
    score: float | None
    """Mean SSIMULACRA2 over the frames given, if it was a target."""


def encode_animation(
    frames: Iterable[Image.Image | Samples],
    delays: int | Iterable[int],
    **options: Unpack[AnimationOptions],
) -> bytes:
    """Encodes an animation as a TPG file. The bytes depend neither on ``threads`` nor on ``simd``.

    Frames are taken one by one, and the last nine of them are kept to see what lasts. A frame that equals the one
    before lengthens its delay, so the file may have fewer frames. TPG has no loop count: animations are repeated
    endlessly. At most one of ``quality``, ``qp``, ``target_size`` and ``target_ssimulacra2`` may be given; without
    any, the quality is 75.

    Args:
        frames: at least one image or array, as for :func:`pillow_tpg.encode`, all of the same size.
        delays: how long each frame is shown in 1/100 s, 0 to 6553500, or one number for all. 0 and 1 are stored as
            10, which is what browsers make of them; above 65535 the frame is followed by copies that share the delay.
        quality: as for :func:`pillow_tpg.encode`.
        qp: QP that the frames' QPs go by, 0 (best) to 63: 7 less for the first frame, 3 more for later ones;
            with the full tool set 4, 2, 4 and 1 more in turn for later ones. Fractions are rounded to sixteenths;
            so many of the frames are coarser by one QP. So are later frames that little is inherited from.
        target_size: the best quality whose file has at most so many bytes, found with at most 11 encodings, to a
            sixteenth of a QP. Frames are recorded for that, in a temporary file where they are many.
        target_ssimulacra2: the smallest file whose frames have at least this score on average, found likewise.
        alpha: ``white`` composes transparent frames on white; :func:`encode_animated_image` tells whether there were
            any. ``keep`` writes alpha pictures if a frame is transparent. Frames before the first transparent one are
            recorded as for targets. ``always`` writes alpha pictures without looking ahead, also if all are opaque.
        alpha_quality: 1 to 100; by default alpha has two thirds of the colour's QP.
        effort: 0 (fastest) to 9 (smallest).
        tools: as for :func:`pillow_tpg.encode`.
        chroma: how chroma is brought to half size.
        perceptual: 0.0 to 2.0, how far errors are weighed as they are seen instead of by their squares.
        lcu_size: 32 or 64; by default by effort.
        exif: EXIF to store, with or without the ``Exif`` prefix.
        threads: 1 to 64; only the first frame and the filters use more than one.
        simd: instructions to use, for tests.
        progress: called with the rows of largest coding units done and in all; of an iterator of unknown length only
            frames taken so far are counted. Begins anew with each encoding of a search. May be called from other
            threads, never at the same time.
        cancel: called before each row; a true result ends the call with ``CancelledError``, an exception with itself.

    Raises:
        TargetError: no QP meets the target.
        TpgError: an option is not allowed by the tool set; ``CancelledError`` if the call was cancelled.
        ValueError: an argument is out of range, there is no frame, frames differ in size, or there are more or fewer
            delays than frames.
        TypeError: a frame is of no known type.
        OSError: frames could not be recorded.
    """
    check_names("encode_animation", options, ANIMATION_OPTIONS)
    return encode_animated_image(frames, delays, **options).data


def encode_animated_image(
    frames: Iterable[Image.Image | Samples],
    delays: int | Iterable[int],
    **options: Unpack[AnimationOptions],
) -> EncodedAnimation:
    """Encodes as :func:`encode_animation` does, and tells the QP and what became of transparency."""
    check_names("encode_animated_image", options, ANIMATION_OPTIONS)
    check_options(options)
    alpha = options.get("alpha", "white")
    if alpha not in get_args(AlphaChoice):
        raise ValueError(f"alpha is {alpha!r}, allowed are 'white', 'keep' and 'always'")
    qp, alpha_qp, tiff = wanted_qp(options), alpha_qp_of(options), tiff_of(options.get("exif"))
    progress, cancel = options.get("progress"), options.get("cancel")
    target_size, target_score = options.get("target_size"), options.get("target_ssimulacra2")

    def attempt(steps: int) -> EncodedAnimation:
        qp, fraction = divmod(steps, QP_PARTS)

        def start(width: int, height: int) -> native.AnimationEncoder:
            own_alpha_qp = qp * 2 // 3 if alpha_qp is None else alpha_qp
            settings = native_settings(options, tiff, own_alpha_qp if source.has_alpha else None)
            return native.AnimationEncoder(width, height, qp, settings, qp_fraction=fraction)

        return _encode(source, start, steps / QP_PARTS, target_score is not None, progress, cancel)

    with closing(FrameSource(frames, delays, alpha, cancel)) as source:
        source.look_ahead()
        if target_size is None and target_score is None:
            return attempt(round(qp * QP_PARTS))
        source.record()
        if target_size is not None:
            width, height = source.size
            pixels = width * height * (1 + _USUAL_SHARE * (source.count or 0))
            _, found, encodings = for_size(
                attempt, lambda found: len(found.data), target_size, pixels, QP_PARTS
            )
        else:
            assert target_score is not None
            _, found, encodings = for_score(attempt, target_score, _score, QP_PARTS)
        return replace(found, encodings=encodings)


def _score(animation: EncodedAnimation) -> float:
    assert animation.score is not None
    return animation.score


def _encode(
    source: FrameSource,
    start: Callable[[int, int], native.AnimationEncoder],
    qp: float,
    with_score: bool,
    progress: Progress | None,
    cancel: Callable[[], bool] | None,
) -> EncodedAnimation:
    encoder: native.AnimationEncoder | None = None
    rows = _Rows(progress, source.count)
    report = rows.report if progress else None
    scores: list[float] = []
    # Frames that the encoder has not encoded yet, and how many of the source each stands for.
    waiting: deque[_Waiting] = deque()

    def settle(encoder: native.AnimationEncoder) -> None:
        _, left = encoder.counts()
        while len(waiting) > left:
            frame = waiting.popleft()
            if frame.pixels is not None:
                scores.extend([scorer(frame.pixels)(encoder)] * frame.count)
            rows.end_frames(frame.count)

    for pixels, delay in source:
        height, width, channels = pixels.shape
        if encoder is None:
            encoder = start(width, height)
        rows.taken += 1
        known = sum(encoder.counts())
        encoder.push(pixels, channels, delay, progress=report, cancel=cancel)
        if sum(encoder.counts()) > known:
            waiting.append(_Waiting(pixels if with_score else None))
        else:
            waiting[-1].count += 1
        settle(encoder)
    if encoder is None:
        raise ValueError("an animation needs at least one frame")
    while waiting:
        encoder.encode_next(progress=report, cancel=cancel)
        settle(encoder)
    return EncodedAnimation(
        data=encoder.finish(cancel=cancel),
        size=(width, height),
        qp=qp,
        has_alpha=source.has_alpha,
        transparency_dropped=source.transparency_dropped,
        encodings=1,
        score=sum(scores) / len(scores) if scores else None,
    )


@dataclass
class _Waiting:
    """A frame whose pixels are wanted for its score."""

    pixels: Samples | None
    count: int = 1


class _Rows:
    """Rows of all frames, from those of each."""

    def __init__(self, progress: Progress | None, frames: int | None) -> None:
        self.taken = 0
        self._progress, self._frames = progress, frames
        self._ended = self._reported = self._rows = 0

    def report(self, done: int, rows: int) -> None:
        """Called by the encoder of a frame."""
        self._rows = rows
        self._reported = self._ended * rows + done
        if self._progress is not None:
            self._progress(self._reported, rows * (self._frames or self.taken))

    def end_frames(self, count: int) -> None:
        """Counts frames of which all but one cost no encoding."""
        if self._rows and self._reported < (self._ended + count) * self._rows:
            self.report(count * self._rows, self._rows)
        self._ended += count
