"""Encoding of still pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, Unpack

import numpy as np
from PIL import Image

from pillow_tpg import _pillow_tpg as native
from pillow_tpg._search import QpRange, TargetError, for_score, for_size
from pillow_tpg.image import Samples
from pillow_tpg.metric import Ssimulacra2
from pillow_tpg.pixels import pixels_of
from pillow_tpg.quality import DEFAULT_QUALITY, qp_for_quality
from pillow_tpg.settings import (
    STILL_OPTIONS,
    AnimationOptions,
    ChromaFilter,
    StillOptions,
    ToolSet,
    check_names,
    native_settings,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["ChromaFilter", "EncodedImage", "TargetError", "ToolSet", "encode", "encode_image"]

MAX_QP = 63
MAX_EFFORT = 9
DEFAULT_EFFORT = 5
_EXIF_PREFIX = b"Exif\0\0"
_TIFF_MAGIC = (b"II*\0", b"MM\0*")
# Invisible parts of a picture with alpha are compared as if it lay on this.
_BACKDROP = 128


class EncodedImage:
    """A TPG file, and what a decoder makes of it without decoding anything."""

    def __init__(self, encoded: native.Encoded, size: tuple[int, int], qp: int, encodings: int) -> None:
        self._encoded = encoded
        self.size = size
        self.qp = qp
        """QP of the colour picture."""
        self.encodings = encodings
        """How many times the picture was encoded; more than once in searches for a target."""

    @property
    def data(self) -> bytes:
        """The file."""
        return self._encoded.file()

    def plane(self, index: int) -> Samples:
        """Decoded samples: 0 Y, 1 Cb, 2 Cr, 3 alpha; ValueError if there is no such plane."""
        chroma = index in {1, 2}
        height = (self.size[1] + 1) // 2 if chroma else self.size[1]
        return np.frombuffer(self._encoded.plane(index), np.uint8).reshape(height, -1)

    def rgb(self) -> Samples:
        """Decoded colour, shape (height, width, 3)."""
        return np.frombuffer(self._encoded.rgb(), np.uint8).reshape(self.size[1], self.size[0], 3)


def encode(
    image: Image.Image | Samples,
    **options: Unpack[StillOptions],
) -> bytes:
    """Encodes a picture as a TPG file. The bytes depend neither on ``threads`` nor on ``simd``.

    At most one of ``quality``, ``qp``, ``target_size`` and ``target_ssimulacra2`` may be given; without any, the
    quality is 75.

    Args:
        image: a Pillow image of any mode, converted to sRGB by its ICC profile; or an array of 8-bit sRGB of shape
            (height, width) or (height, width, 1 to 4): grey, grey and alpha, RGB, RGBA; alpha not premultiplied.
            Sides are 1 to 16382. Alpha that is 255 everywhere is left out.
        quality: 1 to 100, the perceived quality that libjpeg-turbo gives at the same number.
        qp: 0 (best) to 63, a whole number.
        target_size: the best quality whose file has at most so many bytes, found with at most 8 encodings.
        target_ssimulacra2: the smallest file with at least this score against ``image``, found with at most 8
            encodings.
        effort: 0 (fastest) to 9 (smallest).
        tools: ``full`` uses every coding tool that pays and that Tencent's decoder takes, ``genuine`` only those that
            Tencent's encoder uses; ``compatible`` is an older name of the latter.
        chroma: how chroma is brought to half size.
        alpha_quality: 1 to 100; by default alpha has two thirds of the colour's QP.
        perceptual: 0.0 to 2.0, how far errors are weighed as they are seen instead of by their squares.
        chroma_qp_delta: QP differences of Cb and Cr, which must be equal; not 0 only with ``full``. QP and difference
            together must be 0 to 63; searches for a target keep to such QPs.
        lcu_size: 32 or 64; by default by effort.
        slice_rows: rows of largest coding units in a slice, 0 for a single slice; not 0 only with ``full``.
        exif: EXIF to store, with or without the ``Exif`` prefix.
        threads: 1 to 64.
        simd: instructions to use, for tests.
        progress: called after each row of largest coding units with the rows done and in all; begins anew with each
            encoding of a search. May be called from other threads, never at the same time.
        cancel: called before each row; a true result ends the call with ``CancelledError``, an exception with itself.

    Raises:
        TargetError: no QP meets the target.
        TpgError: an option is not allowed by the tool set; ``CancelledError`` if the call was cancelled.
        ValueError: an argument is out of range.
        TypeError: ``image`` is of no known type.
    """
    check_names("encode", options, STILL_OPTIONS)
    return encode_image(image, **options).data


def encode_image(
    image: Image.Image | Samples,
    **options: Unpack[StillOptions],
) -> EncodedImage:
    """Encodes as :func:`encode` does, and tells the QP and what a decoder makes of the file."""
    check_names("encode_image", options, STILL_OPTIONS)
    check_options(options)
    qp, chroma_qp_delta = options.get("qp"), options.get("chroma_qp_delta")
    if qp is not None and qp != int(qp):
        raise ValueError(f"qp is {qp}, but only animations have fractions of QPs")
    check_range("slice_rows", options.get("slice_rows"), 0, 1024)
    for delta in chroma_qp_delta or ():
        check_range("chroma_qp_delta", delta, -16, 16)
    qp, alpha_qp = int(wanted_qp(options)), alpha_qp_of(options)
    tiff = tiff_of(options.get("exif"))
    progress, cancel = options.get("progress"), options.get("cancel")
    pixels = pixels_of(image)
    height, width, channels = pixels.shape
    encoder = native.Encoder(pixels, width, height, channels, chroma=options.get("chroma", "sharp"))

    def attempt(qp: int) -> native.Encoded:
        settings = native_settings(options, tiff, qp * 2 // 3 if alpha_qp is None else alpha_qp)
        return encoder.encode(qp, settings, progress=progress, cancel=cancel)

    target_size, target_score = options.get("target_size"), options.get("target_ssimulacra2")
    encodings, qps = 1, _allowed_qps(chroma_qp_delta)
    if target_size is not None:
        qp, encoded, encodings = for_size(
            attempt, lambda found: found.size, target_size, width * height, qps=qps
        )
    elif target_score is not None:
        qp, encoded, encodings = for_score(attempt, target_score, scorer(pixels), qps=qps)
    else:
        encoded = attempt(qp)
    return EncodedImage(encoded, (width, height), qp, encodings)


def _allowed_qps(chroma_qp_delta: tuple[int, int] | None) -> QpRange:
    """QPs with which those of chroma stay in range, too."""
    deltas = chroma_qp_delta or (0, 0)
    return max(0, -min(deltas)), MAX_QP - max(0, *deltas)


def check_options(options: StillOptions | AnimationOptions) -> None:
    """Raises ValueError if an option is out of range, or more than one thing is aimed at."""
    goals = ("quality", "qp", "target_size", "target_ssimulacra2")
    given = [name for name in goals if options.get(name) is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} cannot go together: give one of them")
    check_range("qp", options.get("qp"), 0, MAX_QP)
    check_range("effort", options.get("effort"), 0, MAX_EFFORT)
    check_range("perceptual", options.get("perceptual"), 0, 2)
    check_range("target_size", options.get("target_size"), 1, 1 << 62)
    check_range("target_ssimulacra2", options.get("target_ssimulacra2"), -1000, 100)
    lcu_size, tools = options.get("lcu_size"), tools_of(options)
    if lcu_size not in {None, 32, 64}:
        raise ValueError(f"lcu_size is {lcu_size}, allowed are 32 and 64")
    if tools not in {"full", "genuine", "compatible"}:
        raise ValueError(f"tools is {tools!r}, allowed are 'full' and 'genuine'")


def tools_of(options: StillOptions | AnimationOptions) -> ToolSet:
    return options.get("tools", "full")


def wanted_qp(options: StillOptions | AnimationOptions) -> float:
    """The QP that is given, or that of the quality."""
    qp, quality = options.get("qp"), options.get("quality")
    if qp is not None:
        return qp
    return qp_for_quality(DEFAULT_QUALITY if quality is None else quality, tools_of(options))


def alpha_qp_of(options: StillOptions | AnimationOptions) -> int | None:
    """The QP of alpha, if it is asked for."""
    quality = options.get("alpha_quality")
    return None if quality is None else qp_for_quality(quality, tools_of(options), name="alpha_quality")


def check_range(name: str, value: float | None, least: float, greatest: float) -> None:
    if value is not None and not least <= value <= greatest:
        raise ValueError(f"{name} is {value}, allowed are {least} to {greatest}")


def tiff_of(exif: Buffer | Image.Exif | None) -> bytes | None:
    """An EXIF block without its prefix; None if there is nothing to store."""
    if exif is None:
        return None
    block = exif.tobytes() if isinstance(exif, Image.Exif) else bytes(memoryview(exif))
    block = block.removeprefix(_EXIF_PREFIX)
    if block and not block.startswith(_TIFF_MAGIC):
        raise ValueError(f"exif does not hold a TIFF structure: it begins with {block[:8]!r}")
    return block or None


class _Decoded(Protocol):
    """Whatever can tell what a decoder makes of it."""

    def rgb(self) -> bytearray: ...


def scorer(pixels: Samples) -> Callable[[_Decoded], float]:
    """Scores what is visible of an encoding of ``pixels``."""
    height, width, channels = pixels.shape
    colour = pixels[:, :, : 3 if channels >= 3 else 1]
    alpha = pixels[:, :, -1:] if channels in {2, 4} else None
    reference = Ssimulacra2(_visible(np.broadcast_to(colour, (height, width, 3)), alpha))

    def score(encoded: _Decoded) -> float:
        decoded = np.frombuffer(encoded.rgb(), np.uint8).reshape(height, width, 3)
        return reference.score(_visible(decoded, alpha))

    return score


def _visible(colour: Samples, alpha: Samples | None) -> Samples:
    if alpha is None:
        return np.ascontiguousarray(colour)
    weight = alpha.astype(np.uint16)
    return ((colour * weight + _BACKDROP * (255 - weight) + 127) // 255).astype(np.uint8)
