"""Pixels that stay outside Pillow as long as they can, for ``openmogr_pixels`` to crop, scale and write.

The module is an extra: without it Pillow does all of this, with the same results but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from PIL import Image

if TYPE_CHECKING:
    from PIL._imaging import ImagingCore, PixelAccess

try:
    from openmogr_pixels import (
        Picture,
        PixelsError,
        decode_jpeg,
        decode_png,
        encode_gif_samples,
        encode_jpeg,
        encode_png,
        optimise_png,
        recode_jpeg,
    )
    from openmogr_pixels.pillow import from_pillow, to_pillow

    AVAILABLE = True
except ImportError:
    AVAILABLE = False

__all__ = [
    "AVAILABLE",
    "Box",
    "LateImage",
    "Picture",
    "Pixels",
    "PixelsError",
    "Reader",
    "Size",
    "Undecoded",
    "Window",
    "decode_jpeg",
    "decode_png",
    "encode_gif_samples",
    "encode_jpeg",
    "encode_png",
    "flattened",
    "from_pillow",
    "optimise_png",
    "picture_of",
    "recode_jpeg",
    "scaled",
    "window_before",
]

Size = tuple[int, int]
Box = tuple[int, int, int, int]
Window = tuple[float, float, float, float]
_Turns = tuple[Image.Transpose, ...]

# Where pixels are. Names of the native module are not looked up where it is missing.
Pixels: TypeAlias = "Picture | Image.Image"

_MODES = {"L", "LA", "RGB", "RGBA"}
_FILTERS: dict[Image.Resampling, Literal["lanczos", "bicubic"]] = {
    Image.Resampling.LANCZOS: "lanczos",
    Image.Resampling.BICUBIC: "bicubic",
}
# Times that a first, quick reduction leaves for the exact scaling, and from which side in pixels on.
_GAP = 3.0
_MIN_REDUCED = 8

_SWAPPING = {
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_270,
}
# What is mirrored, across and down, besides.
_LEFT_RIGHT = {
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_90,
    Image.Transpose.TRANSVERSE,
}
_TOP_BOTTOM = {
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
}


@dataclass(frozen=True, slots=True)
class Reader:
    """How a format has ``openmogr_pixels`` decode a file.

    Attributes:
        mode: of the pixels.
        size: of the pixels.
        read: the pixels in a window, or all of them; None where there is anything that Pillow should judge.
        slower_whole: Pillow is as fast where it is to have all pixels anyway.
    """

    mode: str
    size: Size
    read: Callable[[Box | None], Picture | None] = field(repr=False)
    slower_whole: bool = False


class Undecoded:
    """A file that is decoded when it is known which of its pixels are wanted, and by whom.

    Args:
        reader: by the native module.
        decode: by Pillow, of the same mode and size; raises over damage.
    """

    def __init__(self, reader: Reader, decode: Callable[[], Image.Image]) -> None:
        self.mode, self.size = reader.mode, reader.size
        self._reader = reader
        self._decode = decode
        self._whole: Pixels | None = None

    def whole(self) -> Pixels:
        """All pixels; asked again, the same."""
        if self._whole is None:
            self._whole = self._reader.read(None) or self._decode()
        return self._whole

    def window(self, box: Box) -> Pixels:
        """Those in ``box``."""
        if self._whole is None and (found := self._reader.read(box)) is not None:
            return found
        return _cropped(self.whole(), box)

    def pillow(self) -> Image.Image:
        """All pixels, for Pillow."""
        if self._whole is None and self._reader.slower_whole:
            self._whole = self._decode()
        return _in_pillow(self.whole())


class LateImage(Image.Image):
    """An image whose pixels Pillow gets when something asks it for them.

    What comes before that is done elsewhere, and on fewer pixels: windows are cut out while decoding, scaling comes
    before turning and before the conversion of colours.

    Args:
        raw: where the pixels are.
        turns: what is still to be done with them, in order.
        finish: what is to be done then, with each pixel by itself; it keeps mode and size.
        finished: all raw pixels with that done, as soon as somebody wanted it, for all images of the same pixels.
    """

    def __init__(
        self,
        raw: Pixels | Undecoded,
        turns: Sequence[Image.Transpose] = (),
        finish: Callable[[Image.Image], Image.Image] | None = None,
        finished: list[Image.Image] | None = None,
    ) -> None:
        super().__init__()
        self._finished: list[Image.Image] = [] if finished is None else finished
        self._raw, self._turns, self._finish = raw, tuple(turns), finish
        self._mode = raw.mode
        self._size = _turned(raw.size, self._turns)

    @property
    def im(self) -> ImagingCore:
        if self._im is None:
            self._im = self._made().im
        return super().im

    @im.setter
    def im(self, im: ImagingCore) -> None:
        self._im = im

    @property
    def late(self) -> bool:
        """Whether Pillow has no pixels yet."""
        return self._im is None

    @property
    def picture(self) -> Picture | None:
        """The pixels without Pillow, where it has nothing to do with them."""
        if not self.late or self._turns or self._finish or isinstance(self._raw, Image.Image):
            return None
        found = self._raw.whole() if isinstance(self._raw, Undecoded) else self._raw
        return None if isinstance(found, Image.Image) else found

    def load(self) -> PixelAccess | None:
        assert self.im is not None
        return super().load()

    def again(self) -> LateImage:
        """An image of its own, of the same pixels."""
        return LateImage(self._raw, self._turns, self._finish, self._finished)

    def finishing(self, finish: Callable[[Image.Image], Image.Image] | None) -> LateImage:
        """An image of its own, of the same raw pixels, with which something else is done in the end."""
        return LateImage(self._raw, self._turns, finish)

    def averaged(self, side: int) -> Image.Image:
        """Pixels with the same mean, no more than ``side`` in each direction where there is much to do with each."""
        if not self.late or self._finish is None or self._finished or self.mode not in ("L", "RGB"):
            return self
        width, height = self._raw.size
        if max(width, height) <= side:
            return self
        small = self._unfinished().resize((min(width, side), min(height, side)), Image.Resampling.BOX)
        return LateImage(small, (), self._finish)

    def crop(self, box: Window | None = None) -> Image.Image:
        if not self.late or box is None or min(box[:2]) < 0 or box[2] > self.width or box[3] > self.height:
            return super().crop(box)
        left, top, right, bottom = (round(side) for side in window_before(box, self._raw.size, self._turns))
        window = left, top, right, bottom
        raw = self._raw.window(window) if isinstance(self._raw, Undecoded) else _cropped(self._raw, window)
        return LateImage(raw, self._turns, self._finish)

    def transpose(self, method: Image.Transpose) -> Image.Image:
        if not self.late:
            return super().transpose(method)
        return LateImage(self._raw, (*self._turns, method), self._finish, self._finished)

    def scaled(self, size: Size, resample: Image.Resampling, window: Window) -> Image.Image:
        """As the function of this name."""
        enlarges = size[0] * size[1] >= (window[2] - window[0]) * (window[3] - window[1])
        # What was scaled already is small, and to scale columns before rows would clip at other places.
        done = self._turns and not self._finish and not isinstance(self._raw, Undecoded)
        if done or (self._finish and enlarges):
            return _as_image(_resized(self, size, resample, window))
        before = window_before(window, self._raw.size, self._turns)
        raw = self._raw.whole() if isinstance(self._raw, Undecoded) else self._raw
        made = _resized(raw, _turned(size, self._turns), resample, before)
        return LateImage(made, self._turns, self._finish)

    def _made(self) -> Image.Image:
        if self._finish is None:
            image = self._unfinished()
        else:
            if not self._finished:
                self._finished.append(self._finish(self._unfinished()))
            image = self._finished[0]
        for method in self._turns:
            image = image.transpose(method)
        return image

    def _unfinished(self) -> Image.Image:
        return self._raw.pillow() if isinstance(self._raw, Undecoded) else _in_pillow(self._raw)


def picture_of(image: Image.Image, *, cross: bool = False) -> Picture | None:
    """The pixels for the native module to write; None: Pillow is to write them.

    Args:
        image: mode L, LA, RGB or RGBA.
        cross: take them out of Pillow where they are there, since that pays.
    """
    if isinstance(image, LateImage) and (found := image.picture) is not None:
        return found
    return from_pillow(image) if cross and AVAILABLE and image.mode in _MODES else None


def flattened(image: Image.Image) -> Image.Image | None:
    """The image on white, without alpha; None: Pillow is to do it."""
    picture = image.picture if isinstance(image, LateImage) else None
    return None if picture is None else LateImage(picture.flatten())


def scaled(image: Image.Image, size: Size, resample: Image.Resampling, window: Window) -> Image.Image:
    """A window of the image, scaled.

    Args:
        image: mode L, LA, RGB or RGBA; colour is weighed by alpha.
        size: of the result.
        resample: ``LANCZOS`` or ``BICUBIC``.
        window: left, top, right and bottom, in pixels and parts of pixels.
    """
    if isinstance(image, LateImage) and image.late:
        return image.scaled(size, resample, window)
    return _as_image(_resized(image, size, resample, window))


def _as_image(pixels: Pixels) -> Image.Image:
    return pixels if isinstance(pixels, Image.Image) else LateImage(pixels)


def _in_pillow(pixels: Pixels) -> Image.Image:
    return pixels if isinstance(pixels, Image.Image) else to_pillow(pixels)


def _cropped(pixels: Pixels, box: Box) -> Pixels:
    return pixels.crop(box) if isinstance(pixels, Image.Image) else pixels.crop(*box)


def _resized(pixels: Pixels, size: Size, resample: Image.Resampling, window: Window) -> Pixels:
    if isinstance(pixels, Image.Image):
        # The quick reduction is only exact enough while the second step has pixels to weigh.
        gap = _GAP if min(size) >= _MIN_REDUCED else None
        if not AVAILABLE or pixels.mode not in _MODES:
            return pixels.resize(size, resample, window, reducing_gap=gap)
        if gap is not None and pixels.mode in {"L", "RGB"}:
            # Pixels that do not cross are saved twice.
            pixels, window = _reduced(pixels, size, window, gap)
        pixels = from_pillow(pixels)
    return pixels.resize(*size, box=window, filter=_FILTERS[resample])


def _reduced(image: Image.Image, size: Size, window: Window, gap: float) -> tuple[Image.Image, Window]:
    left, top, right, bottom = window
    across = max(int((right - left) / size[0] / gap), 1)
    down = max(int((bottom - top) / size[1] / gap), 1)
    if across == down == 1:
        return image, window
    reduced = image.reduce((across, down))
    within = min(right / across, reduced.width), min(bottom / down, reduced.height)
    return reduced, (left / across, top / down, *within)


def _turned(size: Size, turns: _Turns) -> Size:
    """The size after turns, or before them."""
    swapped = sum(method in _SWAPPING for method in turns) % 2
    return (size[1], size[0]) if swapped else size


def window_before(window: Window, size: Size, turns: _Turns) -> Window:
    """Where a window was before the turns of an image that had ``size`` then."""
    for number in range(len(turns) - 1, -1, -1):
        method, (width, height) = turns[number], _turned(size, turns[:number])
        left, top, right, bottom = window
        if method in _SWAPPING:
            left, top, right, bottom = top, left, bottom, right
        if method in _LEFT_RIGHT:
            left, right = width - right, width - left
        if method in _TOP_BOTTOM:
            top, bottom = height - bottom, height - top
        window = left, top, right, bottom
    return window
