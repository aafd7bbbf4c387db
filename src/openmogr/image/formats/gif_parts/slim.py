"""A GIF in as few bytes as look the same: what changed of each frame, in its own colours, by runs that are alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from openmogr.image import native
from openmogr.image.formats.base import Frame, Frames
from openmogr.image.formats.delays import Delays
from openmogr.image.formats.gif_parts.write import MAX_DELAY, file_header, frame_header
from openmogr.image.quality.same_look import MIN_SIDE, looks_same
from openmogr.image.source.arrays import np
from openmogr.image.source.colour import has_alpha

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint32]

__all__ = ["exact_gif", "slim_gif"]

# How far colours may be moved, from what saves most on; the last loses nothing.
_TOLERANCES = (30, 20, 12, 8, 4, 0)
# Frames that are judged, at about equal distances.
_JUDGED = 6
_COLOURS = 256
# What stands above red, green and blue where a pixel is opaque; 0 is a transparent one.
_OPAQUE = 1 << 24

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Picture:
    """A frame as it is to be shown, how long in hundredths of a second, and what it must clear for the next one."""

    pixels: Pixels
    delay: int
    cleared: Box | None


class _TooManyColours(Exception):
    """What changes from one frame to the next has more than a colour table holds."""


def slim_gif(frames: Frames, count: int, loop_count: int) -> bytes | None:
    """The file; None where it cannot be made of the frames.

    Args:
        frames: the composed frames; asked for once for each attempt.
        count: how many there are.
        loop_count: 0 for endlessly.

    Raises:
        Exception: what taking a frame raises.
    """
    try:
        for tolerance in _TOLERANCES:
            written = _Writer(tolerance, max(count // _JUDGED, 1))
            data = written.file(_pictures(frames()), loop_count)
            if written.alike:
                return data
    except _TooManyColours:
        pass
    return None


def exact_gif(frames: Frames, loop_count: int) -> bytes | None:
    """As :func:`slim_gif`, in exactly the colours of the frames."""
    try:
        return _Writer(0, 1).file(_pictures(frames()), loop_count)
    except _TooManyColours:
        return None


class _Writer:
    def __init__(self, tolerance: int, step: int) -> None:
        self.alike = True
        self._tolerance = tolerance
        self._step = step

    def file(self, pictures: Iterator[_Picture], loop_count: int) -> bytes:
        """The bytes; ``alike`` tells whether they keep the promise."""
        parts: list[bytes] = []
        # The canvas as it should look before a frame, by which is told what changes, and as it does.
        base: Pixels | None = None
        shown: Pixels | None = None
        colours = b""
        for number, picture in enumerate(pictures):
            wanted = picture.pixels
            if base is None or shown is None:
                base = shown = np.zeros_like(wanted)
                box: Box = (0, 0, wanted.shape[1], wanted.shape[0])
            else:
                box = _united(_bounds(wanted != base), picture.cleared) or (0, 0, 1, 1)
            clears = picture.cleared is not None
            table, index, samples, shown = self._coded(wanted, base, shown, box, clears=clears)
            if not parts:
                colours = table
                parts += file_header((wanted.shape[1], wanted.shape[0]), table, loop_count)
            local = b"" if table == colours else table
            parts += frame_header(box, local, index, picture.delay, clears=clears, first=number == 0)
            parts.append(samples)
            if self._tolerance and number % self._step == 0:
                self.alike = self.alike and _alike(wanted, shown)
                if not self.alike:
                    return b""
            base = wanted
            if picture.cleared is not None:
                base = base.copy()
                for canvas in (base, shown):
                    _part(canvas, box)[...] = 0
        return b"".join([*parts, b";"])

    def _coded(
        self, wanted: Pixels, base: Pixels, before: Pixels, box: Box, *, clears: bool
    ) -> tuple[bytes, int | None, bytes, Pixels]:
        """Colour table, transparent index, samples, and a new canvas as it is shown."""
        target, below = _part(wanted, box), _part(base, box)
        opaque = target != 0
        changed = opaque & (target != below)
        # Either only what changed is drawn, or all that is opaque: which is shorter, only coding tells.
        found = [
            coded
            for drawn in ([changed] if bool((changed == opaque).all()) else [changed, opaque])
            if (coded := self._drawn(target, drawn, clears=clears)) is not None
        ]
        if not found:
            raise _TooManyColours
        table, index, samples, indices = min(found, key=lambda coded: len(coded[0]) + len(coded[2]))
        palette = np.frombuffer(table, np.uint8).reshape(-1, 3).astype(np.uint32)
        packed = _OPAQUE | palette[:, 0] << 16 | palette[:, 1] << 8 | palette[:, 2]
        shown = before.copy()
        place = _part(shown, box)
        drawn = np.ones(target.shape, bool) if index is None else indices != index
        place[drawn] = packed[indices[drawn]]
        return table, index, samples, shown

    def _drawn(
        self, target: Pixels, drawn: NDArray[np.bool_], *, clears: bool
    ) -> tuple[bytes, int | None, bytes, NDArray[np.uint8]] | None:
        colours = np.unique(target[drawn])
        # Readers clear to the transparent colour of the frame, so there has to be one.
        whole = bool(drawn.all()) and not clears
        if len(colours) + (not whole) > _COLOURS:
            return None
        index = None if whole else len(colours)
        indices = np.searchsorted(colours, target).astype(np.uint8)
        entries = colours
        if index is not None:
            indices[~drawn] = index
            entries = np.append(colours, np.uint32(0))
        table = np.stack([entries >> 16 & 255, entries >> 8 & 255, entries & 255], axis=1).astype(np.uint8)
        samples, shown = native.encode_gif_samples(
            indices.tobytes(), table.tobytes(), transparent=index, tolerance=self._tolerance
        )
        bits = max((len(table) - 1).bit_length(), 1)
        padded = table.tobytes().ljust(3 << bits, b"\x00")
        return padded, index, samples, np.frombuffer(shown, np.uint8).reshape(target.shape)


def _pictures(frames: Iterator[Frame]) -> Iterator[_Picture]:
    """The frames that differ from the one before, which lasts longer instead."""
    merged = _merged(frames)
    pixels, delay = next(merged)
    first = pixels
    while True:
        following = next(merged, None)
        # Viewers that do not start over with an empty canvas need the last frame to make room for the first one.
        after = first if following is None else following[0]
        yield _Picture(pixels, delay, _bounds((pixels != 0) & (after == 0)))
        if following is None:
            return
        pixels, delay = following


def _merged(frames: Iterator[Frame]) -> Iterator[tuple[Pixels, int]]:
    delays = Delays(MAX_DELAY)
    before: tuple[Pixels, int] | None = None
    for frame in frames:
        pixels, delay = _packed(frame.image), delays.next(frame.duration)
        if before is not None:
            if before[1] + delay <= MAX_DELAY and np.array_equal(before[0], pixels):
                before = pixels, before[1] + delay
                continue
            yield before
        before = pixels, delay
    assert before is not None
    yield before


def _packed(image: Image.Image) -> Pixels:
    samples = np.asarray(image.convert("RGBA" if has_alpha(image) else "RGB")).astype(np.uint32)
    packed = (_OPAQUE | samples[..., 0] << 16 | samples[..., 1] << 8 | samples[..., 2]).astype(np.uint32)
    if has_alpha(image):
        packed[samples[..., 3] < 128] = 0
    return packed


def _alike(wanted: Pixels, shown: Pixels) -> bool:
    return min(wanted.shape) >= MIN_SIDE and looks_same(_picture(wanted), _picture(shown))


def _picture(pixels: Pixels) -> native.Picture:
    clear = pixels == 0
    channels = [pixels >> 16 & 255, pixels >> 8 & 255, pixels & 255]
    if clear.any():
        channels.append(np.where(clear, 0, 255))
    data = np.stack(channels, axis=-1).astype(np.uint8).tobytes()
    return native.Picture("RGBA" if len(channels) == 4 else "RGB", pixels.shape[1], pixels.shape[0], data)


def _part(pixels: Pixels, box: Box) -> Pixels:
    left, top, right, bottom = box
    return pixels[top:bottom, left:right]


def _bounds(mask: NDArray[np.bool_]) -> Box | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _united(first: Box | None, second: Box | None) -> Box | None:
    if first is None or second is None:
        return first or second
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )
