"""Where fonts lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from openmogr.image.errors import missing_font
from openmogr.image.settings import ImageSettings
from openmogr.image.text.faces import FONTS, Face
from openmogr.image.text.glyphs import Glyphs, font_count, read_glyphs

__all__ = ["Font", "find_font", "font_for", "font_versions"]

_NAMES = frozenset(name for face in Face for name, _ in face.value)


@dataclass(frozen=True, slots=True, eq=False)
class Font:
    """A font in a file.

    Attributes:
        path: of the file.
        index: of the font in a collection, else 0.
        family: its name.
        glyphs: the characters that it has.
    """

    path: str
    index: int
    family: str
    glyphs: Glyphs


def font_for(name: str, settings: ImageSettings) -> Font:
    """What stands for a font of ``FONTS``.

    Raises:
        NotSupported: nothing that could is installed.
    """
    found = find_font(FONTS[name], settings.fonts)
    if found is None:
        raise missing_font(
            f"no font that could stand for {name} is installed on this server; "
            f"the package fonts-noto-cjk of Debian has one, and [image] fonts says where to look"
        )
    return found


@lru_cache(maxsize=64)
def find_font(face: Face, folders: tuple[str, ...]) -> Font | None:
    """The first font of a face that lies in the folders or below; None without one. Asked again, the same."""
    files = _files(folders)
    for name, family in face.value:
        path = files.get(name)
        if path is None:
            continue
        try:
            return _opened(path, family)
        except (OSError, ValueError):  # unreadable, or no font: the next may do
            continue
    return None


def _opened(path: str, family: str) -> Font:
    for index in range(font_count(Path(path))):
        if ImageFont.truetype(path, 16, index, layout_engine=ImageFont.Layout.BASIC).getname()[0] == family:
            return Font(path, index, family, read_glyphs(Path(path), index))
    raise ValueError(f"{path} holds no {family}")


@lru_cache(maxsize=16)
def _files(folders: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for folder in folders:
        for place, _, names in os.walk(Path(folder).expanduser()):
            for name in _NAMES.intersection(names):
                found.setdefault(name, str(Path(place) / name))
    return found


def font_versions(settings: ImageSettings) -> tuple[str, ...]:
    """What every face is drawn with, as the file's own check sum tells it from other versions."""
    found = ((face.name, find_font(face, settings.fonts)) for face in Face)
    return tuple(
        f"{face} {font.family} {font.glyphs.check_sum:08x}" for face, font in found if font is not None
    )
