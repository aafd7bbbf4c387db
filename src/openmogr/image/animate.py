"""Write animations: GIF, APNG, WebP, AVIF and TPG, frames in sRGB with their durations in milliseconds."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from openmogr.image import headers
from openmogr.image.codecs import tpg_encoder
from openmogr.image.color import flatten, has_alpha
from openmogr.image.decode import Frame
from openmogr.image.encode import (
    AVIF_SPEED,
    WEBP_METHOD,
    EncodeOptions,
    check_size,
    encoding_errors,
    quantised,
)
from openmogr.image.quality import encoder_setting
from openmogr.image.settings import ImageSettings

if TYPE_CHECKING:
    from PIL._imaging import PixelAccess

__all__ = ["Animation", "can_animate", "encode_animation"]


# Written without alpha; `docs/operations.md` says so.
_ON_WHITE = "tpg"

# Frames are many; this effort is what one second of a small animation may take.
TPG_ANIMATION_EFFORT = 3


@dataclass(frozen=True, slots=True)
class Animation:
    """What was written.

    Attributes:
        data: the file.
        size: of the frames.
        frame_count: how many are left after equal ones were merged.
        transparency_dropped: some frame was transparent, and lies on white since the format is written without alpha.
    """

    data: bytes
    size: tuple[int, int]
    frame_count: int
    transparency_dropped: bool


def can_animate(container: str) -> bool:
    """Whether animations are written in this container."""
    return container in _WRITERS


def encode_animation(
    frames: Iterable[Frame], count: int, plays: int, options: EncodeOptions, settings: ImageSettings
) -> Animation:
    """The bytes of an animated file.

    Args:
        frames: all of one size; taken one by one, and kept in memory only where the format's writer needs
            all of them (GIF, APNG, AVIF).
        count: how many there are.
        plays: how often it is shown, 0 for endlessly.
        options: how to write.
        settings: limits and threads.

    Raises:
        ImageResolutionExceed: the format cannot hold the size.
        CosError: what taking a frame raises.
        InternalError: the encoder failed.
    """
    iterator = iter(frames)
    first = next(iterator)
    check_size(first.image.size, options.target, settings)
    name = options.target.container.name
    dropped = False

    def watched() -> Iterator[Frame]:
        nonlocal dropped
        for frame in _chained(first, iterator):
            dropped = dropped or (name == _ON_WHITE and _is_transparent(frame.image))
            yield frame

    with encoding_errors(options.target):
        data = _WRITERS[name](watched(), count, plays, options, settings)
        written = _count(name, data)
    return Animation(data, first.image.size, written, dropped)


def _is_transparent(image: Image.Image) -> bool:
    """Whether some pixel is not opaque."""
    return has_alpha(image) and image.getchannel("A").getextrema()[0] != 255


def _chained(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


def _count(name: str, data: bytes) -> int:
    stream = io.BytesIO(data)
    if name == "gif":
        return headers.gif_layout(stream, len(data)).frames
    with Image.open(stream) as image:
        return int(getattr(image, "n_frames", 1))


class _Sequence(Image.Image):
    """Frames that come one by one, in the shape in which Pillow's writers take an animation.

    Writers seek to each frame in turn; ``durations`` grows as they do, and an entry is read after its frame.
    """

    def __init__(self, frames: Iterator[Frame], count: int, size: tuple[int, int]) -> None:
        super().__init__()
        self._frames = frames
        self._mode = "RGBA"
        self._size = size
        self._wanted = 0
        self._loaded = -1
        self.n_frames = count
        self.is_animated = True
        self.durations: list[int] = []
        self.transparent = False

    def seek(self, frame: int) -> None:
        if frame >= self.n_frames:
            raise EOFError
        self._wanted = frame

    def tell(self) -> int:
        return self._wanted

    def load(self) -> PixelAccess | None:
        while self._loaded < self._wanted:
            frame = next(self._frames)
            self._loaded += 1
            self.durations.append(frame.duration)
            image = frame.image
            self.im = (image if image.mode == "RGBA" else image.convert("RGBA")).im
            self.transparent = self.transparent or _is_transparent(frame.image)
        return super().load()


def _webp(
    frames: Iterator[Frame], count: int, plays: int, options: EncodeOptions, settings: ImageSettings
) -> bytes:
    first = next(frames)
    sequence = _Sequence(_chained(first, frames), count, first.image.size)
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


def _together(frames: Iterator[Frame]) -> tuple[list[Image.Image], list[int]]:
    """All frames in one mode, RGBA if any is transparent, else RGB."""
    images: list[Image.Image] = []
    durations: list[int] = []
    for frame in frames:
        image = frame.image
        if has_alpha(image) and image.getchannel("A").getextrema() == (255, 255):
            image = image.convert("RGB")
        images.append(image)
        durations.append(frame.duration)
    mode = "RGBA" if any(has_alpha(image) for image in images) else "RGB"
    return [image if image.mode == mode else image.convert(mode) for image in images], durations


def _avif(
    frames: Iterator[Frame], count: int, plays: int, options: EncodeOptions, settings: ImageSettings
) -> bytes:
    images, durations = _together(frames)
    out = io.BytesIO()
    images[0].save(
        out,
        "AVIF",
        save_all=True,
        append_images=images[1:],
        duration=durations,
        quality=encoder_setting("avif", options.quality),
        speed=AVIF_SPEED,
        max_threads=settings.encoder_threads,
    )
    return out.getvalue()


def _apng(
    frames: Iterator[Frame], count: int, plays: int, options: EncodeOptions, settings: ImageSettings
) -> bytes:
    images, durations = _together(frames)
    out = io.BytesIO()
    images[0].save(
        out,
        "PNG",
        save_all=True,
        append_images=images[1:],
        duration=_short(durations),
        loop=plays,
        disposal=0,
        blend=0,
    )
    return out.getvalue()


def _short(durations: list[int]) -> list[int]:
    # fcTL has 16 bits for the numerator of a delay in milliseconds.
    return [min(duration, 65_535) for duration in durations]


def _gif(
    frames: Iterator[Frame], count: int, plays: int, options: EncodeOptions, settings: ImageSettings
) -> bytes:
    images, durations = _together(frames)
    transparent = has_alpha(images[0])
    pictures = [quantised(image) for image in images]
    extra: dict[str, object] = {} if plays == 1 else {"loop": max(plays - 1, 0)}
    if transparent:
        # Only clearing makes a pixel transparent again.
        extra["disposal"] = 2
    out = io.BytesIO()
    pictures[0].save(
        out,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=_centiseconds(durations),
        optimize=False,
        **extra,
    )
    return out.getvalue()


def _centiseconds(durations: list[int]) -> list[int]:
    """Multiples of 10 ms whose sums stay within 5 ms of the real ones."""
    rounded: list[int] = []
    passed = shown = 0
    for duration in durations:
        passed += duration
        delay = max((passed - shown + 5) // 10 * 10, 0)
        rounded.append(min(delay, 655_350))
        shown += delay
    return rounded


def _tpg(
    frames: Iterator[Frame], count: int, plays: int, options: EncodeOptions, settings: ImageSettings
) -> bytes:
    codec = tpg_encoder()
    durations: list[int] = []

    def images() -> Iterator[Image.Image]:
        for frame in frames:
            durations.append(frame.duration)
            yield flatten(frame.image)

    def delays() -> Iterator[int]:
        # Asked for a delay once the frame is there; the rounding knows the frames before it.
        for number in range(count):
            yield _centiseconds(durations)[number] // 10

    data: bytes = codec.encode_animation(
        images(),
        delays(),
        quality=encoder_setting("tpg", options.quality),
        effort=TPG_ANIMATION_EFFORT,
        threads=settings.encoder_threads,
    )
    return data


_Writer = Callable[[Iterator[Frame], int, int, EncodeOptions, ImageSettings], bytes]
_WRITERS: Mapping[str, _Writer] = {"webp": _webp, "avif": _avif, "apng": _apng, "gif": _gif, "tpg": _tpg}
