"""Watermarks as values (``docs/spec/api/image-mogr2.md#10``)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from openmogr.image.language.values import Color, Gravity, base64_token, color_token, number_text

__all__ = ["DEFAULT_FILL", "DEFAULT_FONT_SIZE", "Fit", "ImageWatermark", "Laying", "Scale", "TextWatermark"]

DEFAULT_FONT_SIZE = 13
DEFAULT_FILL = (0x3D, 0x3D, 0x3D)
_DEFAULT_DISSOLVE = 90


class Fit(Enum):
    """What becomes of a mark that is larger than the image; the value is that of ``blogo``."""

    scale = 1
    crop = 2


class Scale(Enum):
    """What of the image ``spcent`` is a part of; the value is that of ``scatype``."""

    width = 1
    height = 2
    area = 3


@dataclass(frozen=True, slots=True)
class Laying:
    """Where and how a mark is laid on an image.

    Attributes:
        gravity: the anchor.
        dx: pixels from the anchor's side inwards; between tiles, the gap.
        dy: likewise.
        dissolve: opacity in per cent, 1-100.
        batch: cover the whole image with tiles.
        degree: turn each tile clockwise, 0-360; 0 without ``batch``.
    """

    gravity: Gravity = Gravity.southeast
    dx: int = 0
    dy: int = 0
    dissolve: int = _DEFAULT_DISSOLVE
    batch: bool = False
    degree: float = 0

    def tokens(self) -> list[str]:
        """What differs from the defaults, as canonical text in parts."""
        plain = Laying()
        values = (
            ("gravity", self.gravity.name, plain.gravity.name),
            ("dx", self.dx, plain.dx),
            ("dy", self.dy, plain.dy),
            ("dissolve", self.dissolve, plain.dissolve),
            ("batch", int(self.batch), int(plain.batch)),
            ("degree", number_text(self.degree), number_text(plain.degree)),
        )
        return [f"{name}/{value}" for name, value, default in values if value != default]


@dataclass(frozen=True, slots=True)
class ImageWatermark:
    """Lay another image on the image.

    Attributes:
        image: its name, a URL for the service: whoever runs the pipeline gives the image of that name.
        laying: where and how.
        fit: what to do where it is the larger one; None: what lies outside is cut off.
        scale: scale it to a part of the image; None: it keeps its size.
        part: that part in thousandths.
    """

    image: str
    laying: Laying = Laying()
    fit: Fit | None = None
    scale: Scale | None = None
    part: int = 0

    @property
    def text(self) -> str:
        parts = ["watermark/1", f"image/{base64_token(self.image)}"]
        if self.fit is not None:
            parts.append(f"blogo/{self.fit.value}")
        if self.scale is not None:
            parts.append(f"scatype/{self.scale.value}/spcent/{self.part}")
        return "/".join(parts + self.laying.tokens())


@dataclass(frozen=True, slots=True)
class TextWatermark:
    """Write on the image.

    Attributes:
        words: what; lines end with a line feed.
        font: a font of the API, in lower case and without suffix, as ``openmogr.image.text`` knows them.
        size: height of the em in pixels.
        fill: RGB, 0-255 each.
        shadow: opacity of the shadow in per cent, 0-100; 0: none.
        laying: where and how.
    """

    words: str
    font: str
    size: int = DEFAULT_FONT_SIZE
    fill: Color = DEFAULT_FILL
    shadow: int = 0
    laying: Laying = Laying()

    @property
    def text(self) -> str:
        parts = ["watermark/2", f"text/{base64_token(self.words)}", f"font/{base64_token(self.font)}"]
        if self.size != DEFAULT_FONT_SIZE:
            parts.append(f"fontsize/{self.size}")
        if self.fill != DEFAULT_FILL:
            parts.append(f"fill/{color_token(self.fill)}")
        if self.shadow:
            parts.append(f"shadow/{self.shadow}")
        return "/".join(parts + self.laying.tokens())
