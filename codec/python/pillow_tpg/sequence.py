"""Frames and durations of Pillow's images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from PIL import Image

__all__ = ["ANIMATED_FORMATS", "DEFAULT_DURATION", "Delays", "TimedFrames", "frames_of", "is_animation"]

ANIMATED_FORMATS = frozenset({"AVIF", "GIF", "PNG", "TPG", "WEBP"})
"""Formats whose several pictures are frames, not pages or other views."""
DEFAULT_DURATION = 100
"""Milliseconds of a frame that is not said to be shown for long enough to be seen."""

_MILLISECONDS = 10
_TOO_SHORT = 10
_SHORTEST_DELAY = 2


def _first(image: Image.Image) -> int:
    """An APNG may begin with a picture that is only for viewers that know no animation."""
    return 1 if image.info.get("default_image") and getattr(image, "n_frames", 1) > 1 else 0


def frame_count(image: Image.Image) -> int:
    """Number of frames that :func:`frames_of` gives."""
    return int(getattr(image, "n_frames", 1)) - _first(image)


def is_animation(image: Image.Image) -> bool:
    """Whether an opened file is an animation; several pages or views of other formats are not."""
    return image.format in ANIMATED_FORMATS and frame_count(image) > 1


def frames_of(image: Image.Image) -> Iterator[Image.Image]:
    """The frames of an image from the first one on: the image itself, which then goes back to where it was.

    A frame has to be used before the next one is asked for.
    """
    position = image.tell()
    first = _first(image)
    for index in range(first, first + frame_count(image)):
        image.seek(index)
        image.load()
        yield image
    image.seek(position)


class TimedFrames:
    """The frames of images one after the other, and their delays.

    Args:
        images: each with one frame or more.
        durations: milliseconds, one number or one for each frame; without it, those of the files.

    Raises:
        ValueError: there are more or fewer durations than frames.
    """

    def __init__(
        self, images: Sequence[Image.Image], durations: float | Sequence[float] | None = None
    ) -> None:
        self._images, self._durations = images, durations
        self._count = sum(map(frame_count, images))
        self._own: float = DEFAULT_DURATION
        if isinstance(durations, Sequence) and len(durations) != self._count:
            raise ValueError(f"there are {len(durations)} durations for {self._count} frames")

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Image.Image]:
        for image in chain.from_iterable(map(frames_of, self._images)):
            own = image.info.get("duration")
            self._own = own if isinstance(own, int | float) else DEFAULT_DURATION
            yield image

    def delays(self) -> Iterator[int]:
        """In 1/100 s; that of a frame may be asked for once the frame is there."""
        delays = Delays()
        for index in range(self._count):
            given = self._durations
            yield delays.add(
                self._own if given is None else given[index] if isinstance(given, Sequence) else given
            )


class Delays:
    """Milliseconds as 1/100 s, so that errors of rounding do not add up.

    Frames of up to 10 ms are shown for 100 ms, as browsers do, and none is shorter than 20 ms.
    """

    def __init__(self) -> None:
        self._passed = 0.0
        self._shown = 0

    def add(self, duration: float) -> int:
        """The delay of the next frame, which is to be shown for ``duration`` milliseconds.

        Raises:
            ValueError: the duration is negative or not a number.
        """
        if not duration >= 0:
            raise ValueError(f"a frame cannot be shown for {duration} ms")
        self._passed += DEFAULT_DURATION if duration <= _TOO_SHORT else duration
        delay = max(round(self._passed / _MILLISECONDS) - self._shown, _SHORTEST_DELAY)
        self._shown += delay
        return delay
