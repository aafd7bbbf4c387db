"""Values that operations share, and how canonical texts write them."""

from __future__ import annotations

import base64
from enum import Enum

__all__ = ["AigcLabel", "Color", "Gravity", "base64_token", "color_token", "number_text"]

Color = tuple[int, int, int]
# Names and texts of the label of generated images, in the order of the documentation.
AigcLabel = tuple[tuple[str, str], ...]


class Gravity(Enum):
    """The nine anchors (``docs/spec/api/image-mogr2.md#5``); the value is the place in half sides."""

    northwest = (0, 0)
    north = (1, 0)
    northeast = (2, 0)
    west = (0, 1)
    center = (1, 1)
    east = (2, 1)
    southwest = (0, 2)
    south = (1, 2)
    southeast = (2, 2)


def number_text(value: float) -> str:
    """With up to six decimals, and no more than are needed."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def base64_token(text: str) -> str:
    """URL-safe Base64 of UTF-8, without padding."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def color_token(color: Color) -> str:
    """Base64 of ``#RRGGBB``; samples are 0-255."""
    return base64_token("#{:02X}{:02X}{:02X}".format(*color))
