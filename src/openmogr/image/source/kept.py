"""Frames of an animation that several pipelines want: decoded once, and kept for the time of a job."""

from __future__ import annotations

from collections.abc import Iterator

from openmogr.errors import CosError
from openmogr.image.formats.base import Frame
from openmogr.image.source.open import OpenedImage, detached

__all__ = ["KeptFrames", "kept_bytes"]

# Of a pixel in memory.
_PIXEL = 4


def kept_bytes(opened: OpenedImage) -> int:
    """Memory of all frames, in bytes."""
    return opened.width * opened.height * _PIXEL * opened.frame_count


class KeptFrames:
    """The frames of an image, each decoded when it is first asked for.

    Args:
        opened: the image with as many frames as anybody wants.
        kept: in which colours, as ``OpenedImage.frames`` takes it.
    """

    def __init__(self, opened: OpenedImage, *, kept: bool = False) -> None:
        self._decoded = opened.frames(kept=kept)
        self._frames: list[Frame] = []
        self._error: CosError | None = None

    def take(self, count: int) -> Iterator[Frame]:
        """The first so many frames, each an image of its own.

        Raises:
            InvalidImageFormat: damaged data; everybody else gets that far, and the same error.
        """
        for number in range(count):
            if number == len(self._frames):
                self._frames.append(self._next())
            frame = self._frames[number]
            yield Frame(detached(frame.image), frame.duration)

    def _next(self) -> Frame:
        if self._error is not None:
            raise self._error
        try:
            return next(self._decoded)
        except CosError as error:
            self._error = error
            raise
