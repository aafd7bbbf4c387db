"""Images that pipelines read besides their source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Self

from PIL import Image

from openmogr.errors import CosError
from openmogr.image.errors import bad_further_image
from openmogr.image.language.tokens import readable
from openmogr.image.model import Source
from openmogr.image.settings import ImageSettings
from openmogr.image.source.open import OpenedImage, open_image
from openmogr.image.steps.geometry import Size
from openmogr.image.steps.transform import upright

__all__ = ["FurtherImages"]

# Pillow keeps all modes but grey in 4 bytes.
_PIXEL = 4


class FurtherImages:
    """Images by name, each opened and decoded once. Whatever is wrong with one is told with its name.

    Args:
        sources: the images; those that nobody asks for are not touched.
        settings: the limits, which are those of sources.
    """

    def __init__(self, sources: Mapping[str, Source], settings: ImageSettings) -> None:
        self._sources = sources
        self._settings = settings
        self._opened: dict[str, OpenedImage | CosError] = {}
        self._images: dict[str, Image.Image] = {}
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def size(self, name: str) -> Size:
        """Width and height of an image when it is upright, before anything of it is decoded.

        Raises:
            InvalidImageSource: it is no image, is animated, or exceeds the limits of sources.
        """
        opened = self._open(name)
        turned = opened.declared_orientation >= 5
        return (opened.height, opened.width) if turned else (opened.width, opened.height)

    def memory(self, name: str) -> int:
        """Bytes that decoding and keeping it takes; raises as :meth:`size`."""
        opened = self._open(name)
        per_pixel = opened.container.decoder_bytes + _PIXEL
        return self._sources[name].size + opened.width * opened.height * per_pixel

    def image(self, name: str) -> Image.Image:
        """The pixels in sRGB, upright, in mode L, LA, RGB or RGBA.

        Raises:
            InvalidImageSource: as :meth:`size`, and where it is damaged.
        """
        if name not in self._images:
            opened = self._open(name)
            with _named(name):
                image = upright(opened.first().image, opened.orientation)
                # Decoded here, so that damage is told with its name.
                image.load()
            self._images[name] = image
        return self._images[name]

    def _open(self, name: str) -> OpenedImage:
        found = self._opened.get(name)
        if found is None:
            try:
                found = self._checked(name)
            except CosError as error:
                found = error
            self._opened[name] = found
        if isinstance(found, CosError):
            raise found
        return found

    def _checked(self, name: str) -> OpenedImage:
        source = self._sources.get(name)
        if source is None:
            raise bad_further_image(f"{_shown(name)} was not given")
        with _named(name):
            opened = self._closing.enter_context(open_image(source, self._settings))
        if opened.animated:
            raise bad_further_image(f"{_shown(name)} is animated, which a watermark must not be")
        return opened


@contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except CosError as error:
        # What is not its fault stays what it is: a shortage of memory, a fault of ours.
        if error.status >= 500:
            raise
        raise bad_further_image(f"{_shown(name)} cannot be used: {error.message}", error.detail) from error


def _shown(name: str) -> str:
    # Behind a question mark there may be a signature.
    return f"the watermark image {readable(name.partition('?')[0])}"
