"""The formats by name: media types and what each can hold (``docs/spec/api/image-mogr2.md#3``)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["CONTAINERS", "TARGETS", "Container", "Target", "target_for"]


@dataclass(frozen=True, slots=True)
class Container:
    """A file format.

    Attributes:
        name: as ``imageInfo`` says it.
        pillow: the name of Pillow's plugin.
        content_type: media type.
        lossy: whether a quality acts on it.
        alpha: whether it holds transparency.
        animated: whether it holds several frames that this server writes.
    """

    name: str
    pillow: str
    content_type: str
    lossy: bool
    alpha: bool
    animated: bool


CONTAINERS = MappingProxyType(
    {
        container.name: container
        for container in (
            Container("jpeg", "JPEG", "image/jpeg", lossy=True, alpha=False, animated=False),
            Container("png", "PNG", "image/png", lossy=False, alpha=True, animated=False),
            Container("apng", "PNG", "image/apng", lossy=False, alpha=True, animated=True),
            Container("webp", "WEBP", "image/webp", lossy=True, alpha=True, animated=True),
            Container("gif", "GIF", "image/gif", lossy=False, alpha=True, animated=True),
            Container("bmp", "BMP", "image/bmp", lossy=False, alpha=False, animated=False),
            Container("tiff", "TIFF", "image/tiff", lossy=False, alpha=True, animated=False),
            Container("avif", "AVIF", "image/avif", lossy=True, alpha=True, animated=True),
            Container("heif", "HEIF", "image/heif", lossy=True, alpha=True, animated=False),
            Container("tpg", "TPG", "image/tpg", lossy=True, alpha=True, animated=True),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Target:
    """A name that ``format/<name>`` takes."""

    name: str
    container: Container
    content_type: str
    optimise: bool = False


def _targets() -> dict[str, Target]:
    targets = {
        name: Target(name, container, container.content_type) for name, container in CONTAINERS.items()
    }
    jpeg, heif = CONTAINERS["jpeg"], CONTAINERS["heif"]
    targets["jpg"] = Target("jpg", jpeg, jpeg.content_type)
    targets["yjpeg"] = Target("yjpeg", jpeg, jpeg.content_type, optimise=True)
    targets["heic"] = Target("heic", heif, "image/heic")
    return targets


TARGETS = MappingProxyType(_targets())


def target_for(container: str) -> Target:
    """The target that keeps a source's format."""
    return TARGETS[container]
