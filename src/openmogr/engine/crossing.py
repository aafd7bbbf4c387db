"""What crosses between the server and its image workers, in both directions.

A job's request is pickled by the server, whom its workers trust; a job's answer is JSON, checked when it is read, and
the bytes of the results one after another.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

from openmogr import errors
from openmogr.engine.errors import SourceDamaged
from openmogr.errors import CosError
from openmogr.image.language.operations import Pipeline
from openmogr.image.model import ImageInfo, Outcome, Result

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from openmogr.image.settings import ImageSettings

__all__ = ["Few", "Request", "pack_answer", "pack_damage", "pack_error", "pack_request", "unpack_answer"]


@dataclass(frozen=True)
class Few:
    """Options of a task for few jobs, which end sooner where only what they need is imported.

    Attributes:
        formats: the names of those of sources and results; what else turns up is imported by the job that meets it.
    """

    settings: ImageSettings
    formats: frozenset[str]


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


_ERRORS = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, CosError)
}


@cache
def _told_type() -> TypeAdapter[_Told]:
    # A worker, which only writes, and most commands have no use for it.
    from pydantic import TypeAdapter

    return TypeAdapter(_Told)


def _packed(told: _Told) -> bytes:
    return json.dumps(asdict(told), default=_value_of, ensure_ascii=False, separators=(",", ":")).encode(
        errors="replace"
    )


def _value_of(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode()
    assert isinstance(value, Enum)
    return value.value


def pack_answer(outcome: Outcome) -> tuple[bytes, bytes]:
    """The head of an answer, and the bytes of its results, without those that whoever asks has: the source's."""
    bodies = [b"" if result.is_original else result.data for result in outcome.results]
    results = [replace(result, data=b"") for result in outcome.results]
    return _packed(_Told(results, [len(body) for body in bodies], outcome.info)), b"".join(bodies)


def pack_damage(number: int) -> bytes:
    """That a source, counted from 0, has other bytes than were stored."""
    return _packed(_Told([], [], damaged=number))


def pack_error(error: CosError) -> bytes:
    """What went wrong, as the nearest class that both ends know: subclasses say no more to a client."""
    kind = next(base.__name__ for base in type(error).__mro__ if base.__name__ in _ERRORS)
    return _packed(_Told([], [], error=_Failure(kind, error.message, error.detail[:2000], error.number)))


def unpack_answer(head: bytes, length: int) -> tuple[Outcome, list[int]]:
    """What a worker answered: results without their data, and how long that of each is, in a body of ``length``.

    Raises:
        CosError: what it says went wrong.
        SourceDamaged: the bytes of the source are others than it was told.
        ValueError: it is no answer.
    """
    from pydantic import ValidationError

    try:
        told = _told_type().validate_json(head)
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
