"""GIF: blocks and frames are ours, the pixels of each frame Pillow's."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image, ImageChops

from openmogr.image import native
from openmogr.image.errors import unsupported_input
from openmogr.image.formats.base import (
    EncodeOptions,
    Format,
    Frame,
    Frames,
    Layout,
    Name,
    Opened,
    Size,
    Slim,
    ToSrgb,
)
from openmogr.image.formats.gif_parts.palette import quantised
from openmogr.image.formats.gif_parts.read import gif_frames, gif_layout
from openmogr.image.formats.gif_parts.slim import exact_gif, slim_gif
from openmogr.image.formats.gif_parts.write import write_gif
from openmogr.image.formats.opening import opened_by_pillow
from openmogr.image.formats.saving import saved
from openmogr.image.settings import ImageSettings

__all__ = ["Gif"]

# Below this effort frames are not written a second time by what changes in them.
_TIGHT = 5


class Gif(Format):
    """Stills and animations of at most 256 colours a frame."""

    names = (Name("gif", "image/gif", (".gif",)),)
    shown_everywhere = True
    in_browsers = True
    pillow = "GIF"
    signatures = (b"GIF87a", b"GIF89a")
    alpha_levels = False
    animated = True
    frame_limit = True
    turned = True
    rounded = False
    slow_in_browsers = True
    max_side = 65_535
    decoder_bytes = encoder_bytes = 16
    animation_bytes = 40
    effort_bytes = 80
    searched = True
    slim = True
    slim_bytes = 80
    title = "GIF"
    reading = (
        "frames composed as browsers do: what no frame covers, and what is disposed of to the background, is"
        " transparent; delays of 0 and 10 ms become 100 ms in other formats, as browsers show them"
    )

    def layout(self, stream: BinaryIO, max_frames: int) -> Layout | None:
        found = gif_layout(stream, max_frames)
        return Layout(found.width, found.height, found.frames)

    def open(self, stream: BinaryIO) -> Opened:
        return opened_by_pillow(self, stream)

    def loop_count(self, loop: object) -> int:
        # GIF counts repetitions, the others count plays.
        if loop is None:
            return 1
        return loop + 1 if isinstance(loop, int) and loop else 0

    def composed(self, opened: Opened, to_srgb: ToSrgb) -> Iterator[Frame] | None:
        frames = gif_frames(opened.stream, opened.size)
        return (Frame(image, duration) for image, duration in frames)

    def encode(self, image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
        if options.lossless:
            _check_colours(image)
        return self._tightened(saved(quantised(image), self.pillow, {}), 1, image.size, options)

    def encode_animation(
        self, frames: Frames, count: int, loop_count: int, options: EncodeOptions, settings: ImageSettings
    ) -> bytes:
        size: list[Size] = []

        def seen() -> Iterator[Frame]:
            for frame in frames():
                size[:] = [frame.image.size]
                if options.lossless:
                    _check_colours(frame.image)
                yield frame

        data = write_gif(seen(), loop_count)
        return self._tightened(data, loop_count, size[0], options)

    def _tightened(self, data: bytes, loop_count: int, size: Size, options: EncodeOptions) -> bytes:
        """The same frames, told by what changes in each, where they get shorter and the effort is not lower."""
        if (options.effort is not None and options.effort < _TIGHT) or not native.AVAILABLE:
            return data
        found = exact_gif(lambda: _frames_of(data, size), loop_count)
        return data if found is None else min(data, found, key=len)

    def slimmed(self, opened: Opened, data: bytes, wanted: Slim) -> bytes | None:
        def frames() -> Iterator[Frame]:
            return _frames_of(data, opened.size)

        count = gif_layout(io.BytesIO(data), len(data)).frames
        return slim_gif(frames, count, self.loop_count(opened.image.info.get("loop")))

    def written_frames(self, data: bytes) -> int | None:
        return gif_layout(io.BytesIO(data), len(data)).frames


def _check_colours(image: Image.Image) -> None:
    """Raises ``InvalidImageFormat`` where what is seen of a picture does not stay as it is."""
    if ImageChops.difference(_seen(image), _seen(quantised(image))).getbbox(alpha_only=False) is not None:
        raise unsupported_input(
            "gif cannot be written without loss: the image has more than 256 colours or is partly transparent"
        )


def _seen(image: Image.Image) -> Image.Image:
    """All channels, and no colour where nothing is seen."""
    whole = image.convert("RGBA")
    nothing = whole.getchannel("A").point([255] + [0] * 255)
    whole.paste((0, 0, 0, 0), mask=nothing)
    return whole


def _frames_of(data: bytes, size: Size) -> Iterator[Frame]:
    return (Frame(image, duration) for image, duration in gif_frames(io.BytesIO(data), size))
