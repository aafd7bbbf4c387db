"""Texts as images. FreeType draws them, without shaping by further libraries: that a machine may have or not."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from openmogr.errors import InvalidArgument
from openmogr.image.language.watermarks import TextWatermark
from openmogr.image.settings import ImageSettings
from openmogr.image.steps.geometry import Size
from openmogr.image.text.fonts import font_for

__all__ = ["drawn", "drawn_size"]

# Of the em: from one line to the next, and what every line takes above and below its baseline.
_PITCH = 1.2
_ABOVE, _BELOW = 0.88, 0.22
# How far a shadow falls, to the right and down, and how soft it is.
_SHADOW_SHIFT, _SHADOW_BLUR = 0.06, 0.03


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, and where its baseline begins."""

    text: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class _Block:
    font: ImageFont.FreeTypeFont
    lines: tuple[_Line, ...]
    size: Size


def drawn_size(step: TextWatermark, settings: ImageSettings) -> Size:
    """Width and height of what :func:`drawn` gives; raises as it does."""
    width, height = _block(step, settings).size
    reach = _reach(step)
    return width + reach, height + reach


def drawn(step: TextWatermark, settings: ImageSettings) -> Image.Image:
    """The text in RGBA on nothing, with its shadow. Lines are aligned to the side of the anchor.

    Raises:
        NotSupported: there is no font for it.
        InvalidArgument: the font lacks characters.
    """
    block = _block(step, settings)
    size = drawn_size(step, settings)
    ink = Image.new("L", size)
    draw = ImageDraw.Draw(ink)
    for line in block.lines:
        draw.text((line.x, line.y), line.text, 255, block.font, anchor="ls")
    text = Image.new("RGB", size, step.fill)
    text.putalpha(ink)
    if not step.shadow:
        return text
    shift = _shift(step)
    soft = ImageChops.offset(ink, shift, shift).filter(ImageFilter.GaussianBlur(step.size * _SHADOW_BLUR))
    shadow = Image.new("RGB", size)
    shadow.putalpha(soft.point([round(level * step.shadow / 100) for level in range(256)]))
    return Image.alpha_composite(shadow, text)


def _shift(step: TextWatermark) -> int:
    return max(round(step.size * _SHADOW_SHIFT), 1)


def _reach(step: TextWatermark) -> int:
    """How far the shadow reaches beyond the text, to the right and down."""
    return 2 * _shift(step) if step.shadow else 0


def _block(step: TextWatermark, settings: ImageSettings) -> _Block:
    found = font_for(step.font, settings)
    lines = step.words.split("\n")
    if missing := found.glyphs.missing("".join(lines)):
        listed = ", ".join(f"{character!r} (U+{ord(character):04X})" for character in missing[:10])
        raise InvalidArgument(
            f"the font {found.family}, which stands for {step.font}, has no character {listed}", number=-106
        )
    # The basic layout is the same everywhere; the other one depends on whether FriBiDi is installed.
    font = ImageFont.truetype(found.path, step.size, found.index, layout_engine=ImageFont.Layout.BASIC)
    boxes = [_box(font, line, number * step.size * _PITCH, step.size) for number, line in enumerate(lines)]
    top = min(box[1] for box in boxes)
    width = max(box[2] - box[0] for box in boxes)
    height = max(box[3] for box in boxes) - top
    across = step.laying.gravity.value[0]
    placed = tuple(
        _Line(
            line, (width - (box[2] - box[0])) * across // 2 - box[0], round(number * step.size * _PITCH) - top
        )
        for number, (line, box) in enumerate(zip(lines, boxes, strict=True))
    )
    return _Block(font, placed, (max(width, 1), max(height, 1)))


def _box(font: ImageFont.FreeTypeFont, line: str, baseline: float, em: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a line from the beginning of the first one's baseline: ink and advance."""
    y = round(baseline)
    left, top, right, bottom = font.getbbox(line, anchor="ls") if line else (0, 0, 0, 0)
    return (
        min(math.floor(left), 0),
        min(y + math.floor(top), y - math.ceil(em * _ABOVE)),
        max(math.ceil(right), math.ceil(font.getlength(line))),
        max(y + math.ceil(bottom), y + math.ceil(em * _BELOW)),
    )
