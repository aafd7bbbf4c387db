"""Image work in a process of its own: :func:`make` is the task that :class:`openmogr.workers.WorkerPool` runs."""

from __future__ import annotations

import importlib
import os
import pickle
from collections.abc import Iterable
from contextlib import suppress

from fastcrc import crc64 as _crc64_of
from PIL import Image

from openmogr.engine.crossing import Few, Request, pack_answer, pack_damage, pack_error
from openmogr.errors import CosError, InternalError
from openmogr.image.errors import out_of_memory
from openmogr.image.faces.detector import prepare_faces
from openmogr.image.formats.registry import CONTAINERS
from openmogr.image.model import Source
from openmogr.image.processor import Processor
from openmogr.image.settings import ImageSettings
from openmogr.image.text.fonts import font_versions
from openmogr.workers import Answer, Handler, Job

__all__ = ["make"]

# What is else imported by the first job that needs it.
_PRELOADED = ("numpy", "numpy.ma", "openmogr_pixels", "PIL.ImageCms")

# Sources of up to so many bytes are read before memory was asked for.
_IN_MEMORY = 8 << 20
_CRC_CHUNK = 1 << 20


class _Cancelled(Exception):
    """The server has no more use for the result."""


class _Gate:
    def __init__(self, job: Job) -> None:
        self._job = job

    def admit(self, cost: int) -> None:
        if not self._job.admit(cost):
            raise _Cancelled


def make(options: object) -> Handler:
    """The task: imports what jobs need, and gives their handler.

    Args:
        options: an :class:`ImageSettings` where all may come, or :class:`Few`.
    """
    if isinstance(options, Few):
        settings = options.settings
        _prepare(options.formats)
        Image.preinit()
    else:
        assert isinstance(options, ImageSettings)
        settings = options
        for name in _PRELOADED:
            with suppress(ImportError):
                importlib.import_module(name)
        _prepare(CONTAINERS)
        Image.init()
        # Looked for once, and before the folders are closed.
        font_versions(settings)
        prepare_faces()
    owners, anonymous = Processor(settings), Processor(settings.for_anonymous())

    def handle(job: Job) -> Answer:
        request = pickle.loads(job.request)  # noqa: S301 - from the server, over a socket that only it has
        assert isinstance(request, Request)
        source = _source(job.inputs[0], request.name)
        # Further ones are read when memory was asked for.
        further = {
            name: Source(descriptor=descriptor, name=name)
            for name, descriptor in zip(request.further, job.inputs[1:], strict=True)
        }
        for number, (one, crc64) in enumerate(zip((source, *further.values()), request.crc64s, strict=False)):
            if crc64 is not None and _crc64(one) != crc64:
                return Answer(pack_damage(number))
        processor = anonymous if request.anonymous else owners
        try:
            outcome = processor.run(request.pipelines, source, further, info=request.info, gate=_Gate(job))
        except CosError as error:
            return Answer(pack_error(error))
        except _Cancelled:
            return Answer(b"{}")
        except MemoryError:
            return Answer(pack_error(out_of_memory("a worker")))
        except Exception as error:
            return Answer(pack_error(InternalError(detail=f"{type(error).__name__}: {error}", number=-901)))
        return Answer(*pack_answer(outcome))

    return handle


def _prepare(formats: Iterable[str]) -> None:
    """Register the readers of packages that are there; of others a request says what is missing."""
    for name in formats:
        with suppress(CosError):
            CONTAINERS[name].check_readable()


def _source(descriptor: int, name: str) -> Source:
    # Everybody who reads it would have a copy of a file; of bytes there is one.
    if (size := os.fstat(descriptor).st_size) <= _IN_MEMORY:
        return Source(data=os.pread(descriptor, size, 0), name=name)
    return Source(descriptor=descriptor, name=name)


def _crc64(source: Source) -> int:
    crc64 = 0
    with source.open() as stream:
        while chunk := stream.read(_CRC_CHUNK):
            crc64 = _crc64_of.xz(chunk, crc64)
    return crc64
