"""Frames of animations as pixels, read once or several times."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import chain
from typing import TypeAlias

import numpy as np
from PIL import Image

from pillow_tpg import _pillow_tpg as native
from pillow_tpg.image import Samples
from pillow_tpg.pixels import pixels_of
from pillow_tpg.settings import AlphaChoice

__all__ = ["MAX_DELAY", "FrameSource"]

Picture: TypeAlias = Image.Image | Samples

MAX_DELAY = 6_553_500
"""Longest time to show a frame, in 1/100 s."""
_IN_MEMORY = 32 << 20


class FrameSource:
    """Frames with their delays, checked, without alpha unless it is to be kept.

    Args:
        frames: images or arrays of one size.
        delays: in 1/100 s, one for each frame or one number for all. A delay is asked for after its frame.
        alpha: ``white`` composes frames on white, ``keep`` leaves them as they are, ``always`` too, and takes it
            that some are transparent.
        cancel: asked before each frame that is only recorded.
    """

    def __init__(
        self,
        frames: Iterable[Picture],
        delays: int | Iterable[int],
        alpha: AlphaChoice,
        cancel: Callable[[], bool] | None,
    ) -> None:
        self.count = len(frames) if isinstance(frames, Sized) else None
        """Number of frames, if it is known."""
        self.has_alpha = alpha == "always"
        """Whether there is alpha to write."""
        self.transparency_dropped = False
        """Whether a frame taken so far was transparent and lies on white now."""
        self.size: tuple[int, int] = (0, 0)
        """Width and height of the frames, once one was taken."""
        self._keep = alpha != "white"
        self._cancel = cancel
        self._spool = _Spool()
        self._ahead = self._checked(_timed(frames, delays))
        self._recorded = False

    def look_ahead(self) -> None:
        """Finds out whether there is alpha to write: records frames up to the first transparent one."""
        if self._keep and not self.has_alpha:
            self._record(until_transparent=True)

    def record(self) -> None:
        """Takes all frames, so that they can be read several times."""
        self._record(until_transparent=False)
        self._recorded = True
        self.count = len(self._spool)

    def close(self) -> None:
        """Forgets recorded frames."""
        self._spool.close()

    def __iter__(self) -> Iterator[tuple[Samples, int]]:
        return iter(self._spool) if self._recorded else chain(self._spool, self._ahead)

    def _record(self, *, until_transparent: bool) -> None:
        for pixels, delay in self._ahead:
            if self._cancel is not None and self._cancel():
                raise native.CancelledError("encoding was cancelled")
            self._spool.add(pixels, delay)
            self.has_alpha = self.has_alpha or (self._keep and _is_transparent(pixels))
            if until_transparent and self.has_alpha:
                break

    def _checked(self, timed: Iterable[tuple[Picture, int]]) -> Iterator[tuple[Samples, int]]:
        for index, (frame, delay) in enumerate(timed):
            if not 0 <= delay <= MAX_DELAY:
                raise ValueError(f"delay {index} is {delay}, allowed are 0 to {MAX_DELAY}")
            pixels = pixels_of(frame)
            found = (pixels.shape[1], pixels.shape[0])
            if index == 0:
                self.size = found
            if found != self.size:
                (width, height), first = found, self.size
                raise ValueError(
                    f"frame {index} has {width}x{height} pixels, the first one {first[0]}x{first[1]}"
                )
            if not self._keep and _is_transparent(pixels):
                self.transparency_dropped = True
                pixels = _on_white(pixels)
            yield pixels, delay


class _Spool:
    """Frames kept for later: in memory while they are few, then in a temporary file."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        self._frames: list[tuple[tuple[int, ...], int]] = []

    def add(self, pixels: Samples, delay: int) -> None:
        self._file.write(pixels.tobytes())
        self._frames.append((pixels.shape, delay))

    def close(self) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[tuple[Samples, int]]:
        position = 0
        for shape, delay in self._frames:
            self._file.seek(position)
            data = self._file.read(int(np.prod(shape)))
            position += len(data)
            yield np.frombuffer(data, np.uint8).reshape(shape), delay


def _timed(frames: Iterable[Picture], delays: int | Iterable[int]) -> Iterator[tuple[Picture, int]]:
    if isinstance(delays, int):
        for frame in frames:
            yield frame, delays
        return
    left = iter(delays)
    count = 0
    for frame in frames:
        delay = next(left, None)
        if delay is None:
            raise ValueError(f"there are {count} delays for more frames")
        count += 1
        yield frame, delay
    if next(left, None) is not None:
        raise ValueError(f"there are more delays than the {count} frames")


def _is_transparent(pixels: Samples) -> bool:
    return pixels.shape[2] in {2, 4} and bool((pixels[:, :, -1] != 255).any())


def _on_white(pixels: Samples) -> Samples:
    """Pixels without alpha."""
    colour, alpha = pixels[:, :, :-1].astype(np.uint16), pixels[:, :, -1:].astype(np.uint16)
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
