"""Write one image in a format; animations are in ``animate``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from openmogr.errors import CosError, InternalError
from openmogr.image.errors import out_of_memory
from openmogr.image.formats.base import EncodeOptions, Target
from openmogr.image.settings import ImageSettings

__all__ = ["EncodeOptions", "encode", "encoding_errors"]


def encode(image: Image.Image, options: EncodeOptions, settings: ImageSettings) -> bytes:
    """The bytes of a file.

    Args:
        image: mode L, LA, RGB or RGBA, sRGB or in the space of ``options.profile``. Alpha is put on white where the
            format has none.
        options: how.
        settings: limits and threads.

    Raises:
        ImageResolutionExceed: the format cannot hold the size.
        NotSupported: the codec is not installed.
        InternalError: the encoder failed.
    """
    container = options.target.container
    container.check_size(image.size, settings)
    with encoding_errors(options.target):
        return container.encode(image, options, settings)


@contextmanager
def encoding_errors(target: Target) -> Iterator[None]:
    """Turn what an encoder raises into an internal error that names the format."""
    try:
        yield
    except CosError:
        raise
    except Exception as error:
        if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
            raise out_of_memory(f"{target.name} encoder: {error!r}") from error
        raise InternalError(
            f"the {target.name} encoder failed",
            detail=f"{type(error).__name__}: {error}",
            number=-901,
        ) from error
