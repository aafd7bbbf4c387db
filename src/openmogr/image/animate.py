"""Write animations: GIF, APNG, WebP, AVIF and TPG, frames in sRGB with their durations in milliseconds."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from PIL import Image

from openmogr.image.codecs import tpg_encoder
from openmogr.image.delays import Delays
from openmogr.image.encode import (
    AVIF_SPEED,
    WEBP_METHOD,
    EncodeOptions,
    check_size,
    encoding_errors,
)
from openmogr.image.quality.scale import encoder_setting
from openmogr.image.read_gif import gif_layout
from openmogr.image.settings import ImageSettings
from openmogr.image.source.colour import has_alpha
from openmogr.image.source.open import Frame
from openmogr.image.write_apng import write_apng
from openmogr.image.write_gif import write_gif

__all__ = ["Animation", "can_animate", "encode_animation"]


# Frames are many; this effort is what one second of a small animation may take.
TPG_ANIMATION_EFFORT = 3

# The most hundredths of a second the codec takes; it repeats frames above 16 bits.
_TPG_DELAY = 6_553_500

Frames = Callable[[], Iterator[Frame]]


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


def can_animate(container: str) -> bool:
    """Whether animations are written in this container."""
    return container in _WRITERS


def encode_animation(
    frames: Frames,
    count: int,
    plays: int,
    options: EncodeOptions,
    settings: ImageSettings,
) -> Animation:
    """The bytes of an animated file.

    Args:
        frames: all of one size; taken one by one, of which a few are in memory at a time. Asked for a second time
            where a frame that is not the first turns out to be transparent, for formats that must know before.
        count: how many there are.
        plays: how often it is shown, 0 for endlessly.
        options: how to write.
        settings: limits and threads.

    Raises:
        ImageResolutionExceed: the format cannot hold the size.
        CosError: what taking a frame raises.
        InternalError: the encoder failed.
    """
    name = options.target.container.name
    size = (0, 0)

    def watched() -> Iterator[Frame]:
        nonlocal size
        for frame in frames():
            if size == (0, 0):
                size = frame.image.size
                check_size(size, options.target, settings)
            yield frame

    with encoding_errors(options.target):
        data = _WRITERS[name](watched, count, plays, options, settings)
        written = _count(name, data)
    return Animation(data, size, written)


def _is_transparent(image: Image.Image) -> bool:
    """Whether some pixel is not opaque."""
    return has_alpha(image) and image.getchannel("A").getextrema()[0] != 255


def _count(name: str, data: bytes) -> int:
    stream = io.BytesIO(data)
    if name == "gif":
        return gif_layout(stream, len(data)).frames
    with Image.open(stream) as image:
        return int(getattr(image, "n_frames", 1))


class _Sequence(Image.Image):
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
            self.transparent = self.transparent or _is_transparent(image)

    def tell(self) -> int:
        return self._position


def _webp(frames: Frames, count: int, plays: int, options: EncodeOptions, settings: ImageSettings) -> bytes:
    sequence = _Sequence(frames(), count, "RGBA")
    out = io.BytesIO()
    sequence.save(
        out,
        "WEBP",
        save_all=True,
        duration=sequence.durations,
        loop=plays,
        quality=encoder_setting("webp", options.quality),
        method=WEBP_METHOD,
    )
    return _marked_transparent(out.getvalue()) if sequence.transparent else out.getvalue()


def _marked_transparent(data: bytes) -> bytes:
    """The WebP with the alpha flag of its VP8X chunk set.

    libwebp cuts transparent borders off its frames, and leaves the flag out where every frame is then opaque;
    readers that trust the flag would show the canvas black.
    """
    if data[12:16] != b"VP8X":
        return data
    return data[:20] + bytes([data[20] | 0x10]) + data[21:]


class _Transparent(Exception):
    """A frame is transparent, and the frames before it were written without alpha."""


def _in_one_mode(frames: Frames, write: Callable[[Iterator[Frame], str], bytes]) -> bytes:
    """What ``write`` makes of the frames in one mode: RGBA if any is transparent, else RGB.

    The first frame tells nearly always, so what is behind it is not looked at beforehand.
    """

    def converted(mode: str) -> Iterator[Frame]:
        for frame in frames():
            if mode == "RGB" and _is_transparent(frame.image):
                raise _Transparent
            yield frame if frame.image.mode == mode else replace(frame, image=frame.image.convert(mode))

    try:
        return write(converted("RGB"), "RGB")
    except _Transparent:
        return write(converted("RGBA"), "RGBA")


def _avif(frames: Frames, count: int, plays: int, options: EncodeOptions, settings: ImageSettings) -> bytes:
    def write(converted: Iterator[Frame], mode: str) -> bytes:
        sequence = _Sequence(converted, count, mode)
        out = io.BytesIO()
        sequence.save(
            out,
            "AVIF",
            save_all=True,
            duration=sequence.durations,
            quality=encoder_setting("avif", options.quality),
            speed=AVIF_SPEED,
            max_threads=settings.encoder_threads,
        )
        return out.getvalue()

    return _in_one_mode(frames, write)


def _apng(frames: Frames, count: int, plays: int, options: EncodeOptions, settings: ImageSettings) -> bytes:
    return _in_one_mode(frames, lambda converted, mode: write_apng(converted, plays))


def _gif(frames: Frames, count: int, plays: int, options: EncodeOptions, settings: ImageSettings) -> bytes:
    return write_gif(frames(), plays)


def _tpg(frames: Frames, count: int, plays: int, options: EncodeOptions, settings: ImageSettings) -> bytes:
    codec = tpg_encoder()
    rounded = Delays(_TPG_DELAY)
    delays: list[int] = []

    def images() -> Iterator[Image.Image]:
        for frame in frames():
            delays.append(rounded.next(frame.duration))
            mode = "RGBA" if has_alpha(frame.image) else "RGB"
            yield frame.image if frame.image.mode == mode else frame.image.convert(mode)

    data: bytes = codec.encode_animation(
        images(),
        # The codec asks for a delay once it has the frame.
        (delays[number] for number in range(count)),
        quality=encoder_setting("tpg", options.quality),
        alpha="keep",
        effort=TPG_ANIMATION_EFFORT,
        threads=settings.encoder_threads,
    )
    return data


_Writer = Callable[[Frames, int, int, EncodeOptions, ImageSettings], bytes]
_WRITERS: Mapping[str, _Writer] = {"webp": _webp, "avif": _avif, "apng": _apng, "gif": _gif, "tpg": _tpg}
