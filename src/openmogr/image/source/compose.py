"""Draw the frames of a GIF or an APNG over one another, as browsers do; Pillow's readers go their own ways."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from PIL import Image

__all__ = ["Canvas", "Disposal", "Part"]

Box = tuple[int, int, int, int]
_CLEAR = (0, 0, 0, 0)


class Disposal(Enum):
    """What becomes of a frame's rectangle before the next frame is drawn."""

    keep = 0
    clear = 1
    restore = 2


@dataclass(frozen=True, slots=True)
class Part:
    """A coded frame: its pixels, mode L, LA, RGB or RGBA, and how they are drawn.

    Attributes:
        image: the pixels of the rectangle.
        left: place of the rectangle on the canvas.
        top: likewise.
        over: whether what is below shows through, or is replaced with its alpha.
        disposal: what comes after.
    """

    image: Image.Image
    left: int
    top: int
    over: bool
    disposal: Disposal


class Canvas:
    """A canvas that begins transparent; rectangles that reach beyond it are cut."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._canvas = Image.new("RGBA", size, _CLEAR)
        self._box: Box = (0, 0, 0, 0)
        self._disposal = Disposal.keep
        self._before: Image.Image | None = None
        self._grey = True
        self._opaque = False

    def draw(self, part: Part) -> Image.Image:
        """The canvas with the part drawn: RGBA, without A if it is opaque, L for RGB if all parts so far were grey."""
        self._dispose()
        image = part.image
        self._grey = self._grey and image.mode in {"L", "LA"}
        self._box = self._cut((part.left, part.top, part.left + image.width, part.top + image.height))
        self._disposal = part.disposal
        if part.disposal is Disposal.restore:
            self._before = self._canvas.crop(self._box)
        window = image.convert("RGBA").crop((0, 0, self._box[2] - self._box[0], self._box[3] - self._box[1]))
        if window.width and window.height:
            if part.over:
                self._canvas.alpha_composite(window, self._box[:2])
            else:
                self._canvas.paste(window, self._box)
        return self._shown()

    def _cut(self, box: Box) -> Box:
        width, height = self._canvas.size
        left, top = min(box[0], width), min(box[1], height)
        return left, top, min(box[2], width), min(box[3], height)

    def _dispose(self) -> None:
        if self._disposal is Disposal.clear:
            self._canvas.paste(_CLEAR, self._box)
        elif self._disposal is Disposal.restore and self._before is not None:
            self._canvas.paste(self._before, self._box)
        self._before = None

    def _shown(self) -> Image.Image:
        opaque = self._canvas.getchannel("A").getextrema()[0] == 255
        if self._grey:
            return self._canvas.convert("L" if opaque else "LA")
        return self._canvas.convert("RGB") if opaque else self._canvas.copy()
