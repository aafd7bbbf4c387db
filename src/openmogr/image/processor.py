"""Run a pipeline over a source, synchronously, on the calling thread."""

from __future__ import annotations

from openmogr.errors import InternalError
from openmogr.image.model import ImageInfo, Result, Source
from openmogr.image.operations import Pipeline
from openmogr.image.settings import ImageSettings

__all__ = ["Processor"]


class Processor:
    """The image work itself. Holds no state but its settings, so any number of threads may share one."""

    def __init__(self, settings: ImageSettings) -> None:
        self.settings = settings

    def execute(self, pipeline: Pipeline, source: Source) -> Result:
        """The result of ``pipeline`` over ``source``.

        Raises:
            CosError: as ``api/errors.md`` section 5 maps situations, with ``X-ErrNo`` among its headers.
        """
        raise InternalError

    def image_info(self, source: Source) -> ImageInfo:
        """What an ``UploadResult`` says about a source.

        Raises:
            CosError: as for :meth:`execute`.
        """
        raise InternalError
