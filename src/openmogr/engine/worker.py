"""Image work in a process of its own: both ends of what crosses between the server and its workers.

:func:`make` is the task that :class:`openmogr.workers.WorkerPool` runs. A job's request is pickled by the server, whom
its workers trust; a job's answer is JSON, checked when it is read, and the bytes of the results one after another.
"""

from __future__ import annotations

import importlib
import os
import pickle
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from fastcrc import crc64 as _crc64_of
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from openmogr import errors
from openmogr.engine.errors import SourceDamaged
from openmogr.errors import CosError, InternalError
from openmogr.image.errors import out_of_memory
from openmogr.image.faces.detector import prepare_faces
from openmogr.image.formats.registry import CONTAINERS
from openmogr.image.language.operations import Pipeline
from openmogr.image.model import ImageInfo, Outcome, Result, Source
from openmogr.image.processor import Processor
from openmogr.image.settings import ImageSettings
from openmogr.image.text.fonts import font_versions
from openmogr.workers import Answer, Handler, Job

__all__ = ["Request", "make", "pack_request", "unpack_answer"]

# What is else imported by the first job that needs it.
_PRELOADED = ("numpy", "numpy.ma", "openmogr_pixels", "PIL.ImageCms")

# Sources of up to so many bytes are read before memory was asked for.
_IN_MEMORY = 8 << 20
_CRC_CHUNK = 1 << 20


@dataclass(frozen=True)
class Request:
    """One job.

    Attributes:
        pipelines: what to make of the source, in order.
        info: whether to tell what the source is.
        name: of the source, for messages.
        further: the names of what further inputs hold, in order.
        anonymous: the lower limits hold.
        crc64s: those of the source and of what is read besides, which are checked before anything is made of them;
            None for what was checked, and nothing where all was.
    """

    pipelines: Sequence[Pipeline]
    info: bool
    name: str
    anonymous: bool
    further: Sequence[str] = ()
    crc64s: Sequence[int | None] = ()


def pack_request(request: Request) -> bytes:
    """For the worker."""
    return pickle.dumps(request)


class _Cancelled(Exception):
    """The server has no more use for the result."""


class _Gate:
    def __init__(self, job: Job) -> None:
        self._job = job

    def admit(self, cost: int) -> None:
        if not self._job.admit(cost):
            raise _Cancelled


def make(settings: object) -> Handler:
    """The task: imports what jobs need, and gives their handler.

    Args:
        settings: an :class:`ImageSettings`.
    """
    assert isinstance(settings, ImageSettings)
    for name in _PRELOADED:
        with suppress(ImportError):
            importlib.import_module(name)
    for container in CONTAINERS.values():
        # Registers the readers of packages that are there; of others a request says what is missing.
        with suppress(CosError):
            container.check_readable()
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
                return Answer(_TOLD.dump_json(_Told([], [], damaged=number)))
        processor = anonymous if request.anonymous else owners
        try:
            outcome = processor.run(request.pipelines, source, further, info=request.info, gate=_Gate(job))
        except CosError as error:
            return Answer(_error_head(error))
        except _Cancelled:
            return Answer(b"{}")
        except MemoryError:
            return Answer(_error_head(out_of_memory("a worker")))
        except Exception as error:
            return Answer(_error_head(InternalError(detail=f"{type(error).__name__}: {error}", number=-901)))
        return Answer(_head(outcome), b"".join(map(_data, outcome.results)))

    return handle


def _source(descriptor: int, name: str) -> Source:
    # Everybody who reads it would have a copy of a file; of bytes there is one.
    if (size := os.fstat(descriptor).st_size) <= _IN_MEMORY:
        return Source(data=os.pread(descriptor, size, 0), name=name)
    return Source(descriptor=descriptor, name=name)


@dataclass
class _Failure:
    kind: str
    message: str
    detail: str
    number: int | None


@dataclass
class _Told:
    """What crosses as JSON: results without their bytes, the length of each, or what went wrong."""

    results: list[Result]
    sizes: list[int]
    info: ImageInfo | None = None
    damaged: int | None = None
    error: _Failure | None = None


_TOLD = TypeAdapter(_Told)
_ERRORS = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, CosError)
}


def _crc64(source: Source) -> int:
    crc64 = 0
    with source.open() as stream:
        while chunk := stream.read(_CRC_CHUNK):
            crc64 = _crc64_of.xz(chunk, crc64)
    return crc64


def _data(result: Result) -> bytes:
    # Who asks has the source.
    return b"" if result.is_original else result.data


def _head(outcome: Outcome) -> bytes:
    results = [replace(result, data=b"") for result in outcome.results]
    sizes = [len(_data(result)) for result in outcome.results]
    return _TOLD.dump_json(_Told(results, sizes, outcome.info))


def _error_head(error: CosError) -> bytes:
    # The nearest class that the other end knows; a worker's own subclasses say no more to a client.
    kind = next(base.__name__ for base in type(error).__mro__ if base.__name__ in _ERRORS)
    return _TOLD.dump_json(
        _Told([], [], error=_Failure(kind, error.message, error.detail[:2000], error.number))
    )


def unpack_answer(head: bytes, length: int) -> tuple[Outcome, list[int]]:
    """What a worker answered: results without their data, and how long that of each is, in a body of ``length``.

    Raises:
        CosError: what it says went wrong.
        SourceDamaged: the bytes of the source are others than it was told.
        ValueError: it is no answer.
    """
    try:
        told = _TOLD.validate_json(head)
        if told.damaged is not None:
            raise SourceDamaged(told.damaged)
        if (error := told.error) is not None:
            raise _ERRORS[error.kind](error.message, detail=error.detail, number=error.number)
    except (KeyError, ValidationError) as error:
        raise ValueError(f"a worker's answer is not understood: {error}") from error
    if (
        len(told.sizes) != len(told.results)
        or sum(told.sizes) != length
        or any(size < 0 for size in told.sizes)
    ):
        raise ValueError("the lengths of results do not agree")
    return Outcome(told.results, told.info), told.sizes
