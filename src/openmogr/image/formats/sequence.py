"""Frames that come one by one, in the shape that encoders of animations take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from PIL import Image

from openmogr.image.formats.base import Frame, Frames
from openmogr.image.source.colour import has_alpha

__all__ = ["Sequence", "in_one_mode", "is_transparent"]


def is_transparent(image: Image.Image) -> bool:
    """Whether some pixel is not opaque."""
    return has_alpha(image) and image.getchannel("A").getextrema()[0] != 255


class Sequence(Image.Image):
    """Frames that come one by one, in the shape in which Pillow's writers take an animation.

    Writers seek to each frame in turn; ``durations`` grows as they do.
    """

    def __init__(self, frames: Iterator[Frame], count: int, mode: str) -> None:
        super().__init__()
        self._frames = frames
        self._mode = mode
        self._position = -1
        self.n_frames = count
        self.is_animated = True
        self.durations: list[int] = []
        self.transparent = False
        self.seek(0)

    def seek(self, frame: int) -> None:
        if frame >= self.n_frames:
            raise EOFError
        # Writers end with going back to where they found the animation.
        while self._position < frame:
            taken = next(self._frames)
            self._position += 1
            self.durations.append(taken.duration)
            image = taken.image
            self._size = image.size
            self.im = (image if image.mode == self._mode else image.convert(self._mode)).im
            self.transparent = self.transparent or is_transparent(image)

    def tell(self) -> int:
        return self._position


class _Transparent(Exception):
    """A frame is transparent, and the frames before it were written without alpha."""


def in_one_mode(frames: Frames, write: Callable[[Iterator[Frame], str], bytes]) -> bytes:
    """What ``write`` makes of the frames in one mode: RGBA if any is transparent, else RGB.

    The first frame tells nearly always, so what is behind it is not looked at beforehand.
    """

    def converted(mode: str) -> Iterator[Frame]:
        for frame in frames():
            if mode == "RGB" and is_transparent(frame.image):
                raise _Transparent
            yield frame if frame.image.mode == mode else replace(frame, image=frame.image.convert(mode))

    try:
        return write(converted("RGB"), "RGB")
    except _Transparent:
        return write(converted("RGBA"), "RGBA")
