"""Write animations, frames with their durations in milliseconds."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from openmogr.image.formats.base import EncodeOptions, Format, Frame, Frames
from openmogr.image.formats.encode import encoding_errors
from openmogr.image.settings import ImageSettings

__all__ = ["Animation", "encode_animation"]


@dataclass(frozen=True, slots=True)
class Animation:
    """What was written.

    Attributes:
        data: the file.
        size: of the frames.
        frame_count: how many are left after equal ones were merged.
    """

    data: bytes
    size: tuple[int, int]
    frame_count: int


def encode_animation(
    frames: Frames,
    count: int,
    loop_count: int,
    options: EncodeOptions,
    settings: ImageSettings,
) -> Animation:
    """The bytes of an animated file.

    Args:
        frames: all of one size; taken one by one, of which a few are in memory at a time. Asked for a second time
            where a frame that is not the first turns out to be transparent, for formats that must know before.
        count: how many there are.
        loop_count: how often it is shown, 0 for endlessly.
        options: how to write.
        settings: limits and threads.

    Raises:
        ImageResolutionExceed: the format cannot hold the size.
        CosError: what taking a frame raises.
        InternalError: the encoder failed.
    """
    container = options.target.container
    size = (0, 0)

    def watched() -> Iterator[Frame]:
        nonlocal size
        for frame in frames():
            if size == (0, 0):
                size = frame.image.size
                container.check_size(size, settings)
            yield frame

    with encoding_errors(options.target):
        data = container.encode_animation(watched, count, loop_count, options, settings)
        written = _count(container, data)
    return Animation(data, size, written)


def _count(container: Format, data: bytes) -> int:
    counted = container.written_frames(data)
    if counted is not None:
        return counted
    with Image.open(io.BytesIO(data)) as image:
        return int(getattr(image, "n_frames", 1))
