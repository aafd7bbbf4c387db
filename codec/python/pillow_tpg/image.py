"""Decoding to NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from pillow_tpg import _pillow_tpg as native

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Frame", "Samples", "SimdLevel", "TpgImage", "decode", "decode_frames", "info"]

Samples: TypeAlias = npt.NDArray[np.uint8]
SimdLevel: TypeAlias = Literal["auto", "scalar", "avx2", "neon"]


class Frame:
    """One decoded frame, cut to the size to show.

    Planes are made when first asked for and then kept. With odd sizes chroma planes are rounded up.
    """

    def __init__(self, frame: native.Frame) -> None:
        self._frame = frame

    @property
    def index(self) -> int:
        """Position in the file, from 0."""
        return self._frame.index

    @property
    def delay(self) -> int:
        """How long the frame is shown, in 1/100 s; 0 in stills."""
        return self._frame.delay

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self._frame.width

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self._frame.height

    @property
    def has_alpha(self) -> bool:
        """Whether there is an alpha plane."""
        return self._frame.has_alpha

    @cached_property
    def y(self) -> Samples:
        """Luma, shape (height, width), BT.601 limited range 16 to 235."""
        return self._plane(0)

    @cached_property
    def cb(self) -> Samples:
        """Blue difference, shape (ceil(height / 2), ceil(width / 2)), 16 to 240, grey 128."""
        return self._plane(1)

    @cached_property
    def cr(self) -> Samples:
        """Red difference, as ``cb``."""
        return self._plane(2)

    @cached_property
    def alpha(self) -> Samples | None:
        """Alpha, shape (height, width), 0 transparent to 255 opaque; None if the file has none."""
        return self._plane(3) if self.has_alpha else None

    def rgb(self) -> Samples:
        """A new array of shape (height, width, 3)."""
        return _array(self._frame.rgb(), self.height, self.width, 3)

    def rgba(self) -> Samples:
        """A new array of shape (height, width, 4); alpha is 255 if the file has none. Not premultiplied."""
        return _array(self._frame.rgba(), self.height, self.width, 4)

    def yuv420(self) -> bytes:
        """The planes Y, Cb, Cr one after the other, rows without padding."""
        return bytes(self._frame.yuv420())

    def _plane(self, index: int) -> Samples:
        chroma = index in {1, 2}
        height = (self.height + 1) // 2 if chroma else self.height
        return _array(self._frame.plane(index), height, -1)

    def __repr__(self) -> str:
        return f"<pillow_tpg.Frame {self.index}: {self.width}x{self.height}, delay {self.delay}>"


class TpgImage:
    """A TPG file whose first frame has been decoded.

    ``y``, ``cb``, ``cr``, ``alpha``, ``rgb()`` and ``rgba()`` are those of the first frame.
    """

    def __init__(self, info: native.Info, first: Frame, restart: Callable[[], Iterator[Frame]]) -> None:
        self.info = info
        self.first = first
        self._restart = restart

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.info.width

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.info.height

    @property
    def frame_count(self) -> int:
        """Number of whole frames."""
        return self.info.frame_count

    @property
    def delays(self) -> list[int]:
        """How long each frame is shown, in 1/100 s; empty for stills."""
        return self.info.delays

    @property
    def exif(self) -> bytes | None:
        """EXIF block as stored: a TIFF structure without the ``Exif`` prefix."""
        return self.info.exif

    @property
    def y(self) -> Samples:
        """Luma of the first frame."""
        return self.first.y

    @property
    def cb(self) -> Samples:
        """Blue difference of the first frame."""
        return self.first.cb

    @property
    def cr(self) -> Samples:
        """Red difference of the first frame."""
        return self.first.cr

    @property
    def alpha(self) -> Samples | None:
        """Alpha of the first frame."""
        return self.first.alpha

    def rgb(self) -> Samples:
        """The first frame, shape (height, width, 3)."""
        return self.first.rgb()

    def rgba(self) -> Samples:
        """The first frame, shape (height, width, 4)."""
        return self.first.rgba()

    def frames(self) -> Iterator[Frame]:
        """All frames from the first one on, decoded one by one as they are asked for.

        Raises:
            TpgError: when a frame is reached that cannot be decoded, or that is announced but missing.
        """
        return self._restart()

    def __repr__(self) -> str:
        return (
            f"<pillow_tpg.TpgImage {self.width}x{self.height} {self.info.mode}, frames: {self.frame_count}>"
        )


def info(data: Buffer, *, limits: native.Limits | None = None) -> native.Info:
    """Reads the structure of a TPG file; no picture is decoded.

    Raises:
        TpgError: the file holds not even one whole frame, or a limit would be exceeded.
    """
    return native.read_info(_bytes(data), limits=limits)


def decode(
    data: Buffer,
    *,
    limits: native.Limits | None = None,
    threads: int = 1,
    simd: SimdLevel = "auto",
    cancel: Callable[[], bool] | None = None,
) -> TpgImage:
    """Decodes the first frame of a TPG file; :meth:`TpgImage.frames` gives all of them.

    Args:
        data: the file.
        limits: budgets that are checked before memory is allocated.
        threads: threads to use, 1 to 64. The result does not depend on it.
        simd: instructions to use, for tests. The result does not depend on it.
        cancel: called once per row of largest coding units; a true result or an exception ends the call.

    Raises:
        TpgError: the first frame cannot be decoded; the subclass says why.
    """
    data = _bytes(data)

    def start() -> native.Decoder:
        return native.Decoder(data, limits=limits, threads=threads, simd=simd, cancel=cancel)

    decoder = start()
    if decoder.info is None:
        raise native.NotTpgError("not a TPG file but a bare AVS2 stream: use decode_frames()")
    first = Frame(next(decoder))
    return TpgImage(decoder.info, first, lambda: map(Frame, start()))


def decode_frames(
    data: Buffer,
    *,
    limits: native.Limits | None = None,
    threads: int = 1,
    simd: SimdLevel = "auto",
    cancel: Callable[[], bool] | None = None,
) -> Iterator[Frame]:
    """All frames of a TPG file or of a bare AVS2 stream, decoded one by one as they are asked for.

    The arguments are those of :func:`decode`.

    Raises:
        TpgError: at once or when a frame is reached that cannot be decoded; frames before it are delivered.
    """
    decoder = native.Decoder(_bytes(data), limits=limits, threads=threads, simd=simd, cancel=cancel)
    return map(Frame, decoder)


def _bytes(data: Buffer) -> bytes:
    return data if isinstance(data, bytes) else bytes(memoryview(data))


def _array(samples: bytearray, *shape: int) -> Samples:
    return np.frombuffer(samples, dtype=np.uint8).reshape(shape)
