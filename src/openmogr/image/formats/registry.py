"""The formats by name: one line each, and what follows from it (``docs/spec/api/image-mogr2.md#3``)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from openmogr.image.formats.avif import Avif
from openmogr.image.formats.base import Format, Target
from openmogr.image.formats.bmp import Bmp
from openmogr.image.formats.gif import Gif
from openmogr.image.formats.heif import Heif
from openmogr.image.formats.jpeg import Jpeg
from openmogr.image.formats.jxl import Jxl
from openmogr.image.formats.png import Apng, Png
from openmogr.image.formats.tiff import Tiff
from openmogr.image.formats.tpg import Tpg
from openmogr.image.formats.webp import WebP

__all__ = [
    "CONTAINERS",
    "MEDIA_TYPES",
    "SHOWN_EVERYWHERE",
    "SUFFIXES",
    "TARGETS",
    "Format",
    "Target",
    "container_of_type",
    "is_target",
    "media_types_of",
    "target_for",
    "written_formats",
]

_FORMATS: tuple[Format, ...] = (
    Jpeg(),
    Png(),
    Apng(),
    WebP(),
    Gif(),
    Bmp(),
    Tiff(),
    Avif(),
    Heif(),
    Tpg(),
    Jxl(),
)


def _targets() -> dict[str, Target]:
    found = [
        (place > 0, Target(name.name, container, name.content_type, name.suffixes, name.optimise))
        for container in _FORMATS
        for place, name in enumerate(container.names)
    ]
    # Formats first, their other names behind them.
    return {target.name: target for _, target in sorted(found, key=lambda pair: pair[0])}


# By their first name.
CONTAINERS: Mapping[str, Format] = MappingProxyType({container.name: container for container in _FORMATS})

# By each name that ``format/<name>`` takes.
TARGETS: Mapping[str, Target] = MappingProxyType(_targets())

# Names of formats, and media types, by the suffix of files; in lower case, with the dot.
SUFFIXES: Mapping[str, str] = MappingProxyType(
    {suffix: target.container.name for target in TARGETS.values() for suffix in target.suffixes}
)
MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {suffix: target.content_type for target in TARGETS.values() for suffix in target.suffixes}
)


def target_for(container: str) -> Target:
    """The target that keeps a source's format."""
    return TARGETS[container]


@cache
def written_formats() -> tuple[Target, ...]:
    """Each format by its first name, without those whose packages are not installed; none is loaded to find out."""
    return tuple(
        TARGETS[name]
        for name, container in CONTAINERS.items()
        if container.extra is None or container.extra.is_installed
    )


@cache
def media_types_of(name: str | None) -> frozenset[str]:
    """The media types of a format by one of its names, or of all formats."""
    container = None if name is None else TARGETS[name].container
    return frozenset(
        target.content_type
        for target in TARGETS.values()
        if container is None or target.container is container
    )


def is_target(name: str) -> bool:
    """Whether ``format/<name>`` means a format."""
    return name in TARGETS


def container_of_type(content_type: str) -> str | None:
    """The name of the format of a media type, whose parameters do not count; None for others."""
    kind = content_type.partition(";")[0].strip().lower()
    return next((target.container.name for target in TARGETS.values() if target.content_type == kind), None)


# Names of the formats that every client shows.
SHOWN_EVERYWHERE: tuple[str, ...] = tuple(
    container.name for container in _FORMATS if container.shown_everywhere
)

# Suffixes of the formats that ``imageSlim`` makes smaller, without the dot.
SLIM_SUFFIXES: frozenset[str] = frozenset(
    suffix.removeprefix(".") for suffix, name in SUFFIXES.items() if CONTAINERS[name].slim
)
