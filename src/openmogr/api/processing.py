"""Processing on download: GET and HEAD with an operation (``docs/spec/api/overview.md#5``)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from openmogr.api.access import open_readable
from openmogr.api.answer import Body, Described, answer
from openmogr.api.attributes import stored_headers
from openmogr.api.best_format import Sources, choose_format, loses, wants_best
from openmogr.api.body import object_chunks
from openmogr.api.further import FurtherSources
from openmogr.api.negotiation import VARY_ACCEPT, accepted_format, is_negotiated
from openmogr.api.protection import check_original
from openmogr.api.request import Request
from openmogr.api.response import Header, Response, http_date
from openmogr.api.results import Made, Work
from openmogr.api.score import check_unscored, score_headers, scored
from openmogr.api.services import Services
from openmogr.api.sources import OpenSource
from openmogr.api.styles import styles_of
from openmogr.api.xml import quoted
from openmogr.errors import CosError, ImageTooLarge, InternalError
from openmogr.image import (
    Pipeline,
    Result,
    Slimming,
    expand_styles,
    names_a_style,
    names_styles_only,
    parse_operation,
)
from openmogr.storage.interface import ObjectInfo, ObjectReader
from openmogr.workers import HeldBytes

__all__ = [
    "SLIM_FLAG",
    "error_number",
    "memory_headers",
    "processed_object",
    "result_body",
    "result_headers",
    "too_large",
]

# What became of ``imageSlim`` (``docs/spec/api/compression.md#8``).
SLIM_FLAG = b"x-slimflag"

# Of a result's key, which is long enough for an ETag.
_ETAG_DIGITS = 40
# Remembered results up to so many bytes are sent at once.
_IN_ONE_PIECE = 256 * 1024

# Pipelines never change, and pages ask for the same ones again and again.
_parsed = lru_cache(maxsize=1024)(parse_operation)

# ``X-ErrNo`` of refusals that are not about the image, whose own errors carry theirs (``docs/spec/api/errors.md``).
_ERROR_NUMBERS = {
    "InvalidArgument": -106,
    "NotSupported": -106,
    "NotImplemented": -106,
    "InvalidImageSource": -60987,
    "ImageTooLarge": -167,
    "NoProcessAuthority": -163,
    "NoSuchKey": -6101,
    "NoSuchBucket": -46152,
    "SlowDown": -164,
    "SignatureDoesNotMatch": -46618,
    "AccessDenied": -46661,
    "InvalidRange": -29034,
    "InternalError": -901,
}


def error_number(error: CosError) -> int | None:
    """The ``X-ErrNo`` of the refusal of a processing request."""
    return _ERROR_NUMBERS.get(error.code) if error.number is None else error.number


def result_headers(result: Result) -> list[Header]:
    """What a result has to say in headers."""
    headers: list[Header] = []
    if result.slimming is not None:
        headers.append((SLIM_FLAG, b"%d" % result.slimming.value))
    if result.rejected_size:
        told = f"the result would have {result.rejected_size} bytes"
        headers.append((b"x-openmogr-kept-source", told.encode()))
    return headers


async def processed_object(
    services: Services,
    request: Request,
    text: str,
    overrides: Sequence[Header] = (),
    *,
    unasked: bool = False,
) -> Response:
    """The answer to a GET or HEAD of an object as an operation shows it.

    Args:
        services: the parts of the service.
        request: says which object, and who asks.
        text: the operation.
        overrides: by ``overrides_of``.
        unasked: nobody wrote the operation: it stands for the object as its client or its bucket likes it better.
    """
    reader = await open_readable(services, request)
    source = OpenSource.of(reader)
    further = FurtherSources(services, request)
    plan = None
    kept = False  # whether the answer reads from the reader
    try:
        info = reader.info
        text = text if unasked else await _allowed_text(services, request, text, info)
        plan = await _plan(services, request, (source, further), text, info)
        pipeline = plan.pipeline
        # With all that makes the result: a range of what another version makes does not go with an old part.
        etag = services.results.key(source, pipeline, further.found)[:_ETAG_DIGITS]
        work = Work(source, [pipeline], further.found, is_owner=request.is_owner)

        async def produce() -> Body:
            nonlocal kept
            if info.size > services.image.max_input_bytes:
                headers = _notes_of_too_large(services, pipeline)
                kept = True
                return await _original(reader, headers)
            made = await _make(services, work, plan)
            headers = _notes(services, pipeline, made)
            worse = unasked and (made.size >= info.size or loses(made))
            if worse or (made.result is not None and made.result.is_original):
                _close(made)
                kept = True
                return await _original(reader, headers)
            return await result_body(services, made, headers)

        varies = plan.varies or (unasked and _is_negotiated(services, request, info))
        headers = _headers(services, info, etag, varies=varies)
        told = Described(etag, info.last_modified, headers)
        return _validated(services, await answer(request, told, produce, overrides))
    except BaseException:
        kept = False
        raise
    finally:
        if plan is not None and plan.made is not None:
            _close(plan.made)
        await further.aclose()
        await source.aclose()
        if not kept:
            await reader.aclose()


def _is_negotiated(services: Services, request: Request, info: ObjectInfo) -> bool:
    return is_negotiated(services, request, info.attributes.headers.content_type)


def _validated(services: Services, response: Response) -> Response:
    if response.status == 304 and services.results.remembers:
        # The source is what it was: whoever keeps the result may count its age from now on.
        response.headers.append((b"age", b"0"))
    return response


@dataclass
class _Plan:
    """How a download is made.

    Attributes:
        pipeline: what is asked for.
        instead: what gives it in the source's format, should the client's choice lose something.
        made: its result, where that was needed to choose it.
        varies: whether it depends on ``Accept``.
    """

    pipeline: Pipeline
    instead: Pipeline | None = None
    made: Made | None = None
    varies: bool = False


async def _allowed_text(services: Services, request: Request, text: str, info: ObjectInfo) -> str:
    """The operation with what its styles stand for; with more than styles, or without one, the object may be protected.

    With ``ignore-error/1`` beside a style the original would be had, and what stands before a style sees it.
    """
    if not names_styles_only(text):
        await check_original(services, request, info.attributes.headers.content_type)
    if names_a_style(text):
        return expand_styles(text, await styles_of(services, request.bucket))
    return text


async def _plan(services: Services, request: Request, sources: Sources, text: str, info: ObjectInfo) -> _Plan:
    settings = services.image
    pipeline = await sources[1].resolved(
        _parsed(text, strict=settings.strict, max_stages=settings.max_stages)
    )
    if wants_best(pipeline):
        check_unscored(request, "does not go with format/auto")
        if info.size > settings.max_input_bytes:  # which is told, or answered with the original
            return _Plan(pipeline, varies=True)
        chosen = await choose_format(services, request, sources, text, info)
        return _Plan(chosen.pipeline, made=chosen.made, varies=True)
    pipeline = scored(request, pipeline)
    content_type = info.attributes.headers.content_type
    if (
        pipeline.failure is not None
        or pipeline.info is not None
        or pipeline.encoding.format is not None
        or not _is_negotiated(services, request, info)
    ):
        return _Plan(pipeline)
    name = accepted_format(services, request, content_type)
    if name is None:
        return _Plan(pipeline, varies=True)
    chosen_text = f"{text.split('?', 1)[0]}|imageMogr2/format/{name}"
    parsed = _parsed(chosen_text, strict=settings.strict, max_stages=settings.max_stages + 1)
    return _Plan(scored(request, parsed), instead=pipeline, varies=True)


async def _make(services: Services, work: Work, plan: _Plan) -> Made:
    """The result; that of ``instead``, where the format that the client likes cannot hold the image."""
    if plan.made is not None:
        made, plan.made = plan.made, None
        return made
    (made,) = await services.results.get(work)
    if plan.instead is not None and loses(made):
        _close(made)
        # It reads the same images besides.
        (made,) = await services.results.get(replace(work, pipelines=[plan.instead]))
    return made


def _close(made: Made) -> None:
    if made.file is not None:
        made.file.close()


def too_large(services: Services) -> ImageTooLarge:
    """The refusal of a source over the limit, which is told before any byte of it is read."""
    return ImageTooLarge(f"The image is larger than {services.image.max_input_bytes} bytes.")


def _notes_of_too_large(services: Services, pipeline: Pipeline) -> list[Header]:
    """What the source says that is the answer since it is too large to be processed."""
    if not pipeline.ignore_error:
        raise too_large(services)
    return [(SLIM_FLAG, b"%d" % Slimming.failed.value)] if pipeline.slim else []


def _headers(services: Services, info: ObjectInfo, etag: str, *, varies: bool) -> list[Header]:
    headers = [
        (b"etag", quoted(etag).encode()),
        (b"last-modified", http_date(info.last_modified)),
        (b"accept-ranges", b"bytes"),
        *stored_headers(info.attributes.headers),
    ]
    if services.result_cache_control and not info.attributes.headers.cache_control:
        headers.append((b"cache-control", services.result_cache_control.encode()))
    if varies:
        headers.append(VARY_ACCEPT)
    return headers


def _notes(services: Services, pipeline: Pipeline, made: Made) -> list[Header]:
    """What the result says besides its bytes, and whether it was remembered."""
    headers: list[Header] = []
    if made.result is not None:
        headers += [*result_headers(made.result), *score_headers(pipeline, made.result)]
    if made.age is not None:
        # RFC 9111 section 5.1: nobody made it for this request.
        headers.append((b"age", b"%d" % made.age))
    return [*headers, *memory_headers(services, [made])]


def memory_headers(services: Services, made: Sequence[Made]) -> list[Header]:
    """Whether results were remembered, all of them, and for how many seconds, the youngest."""
    if not services.results.remembers or not made:
        return []
    ages = [item.age for item in made if item.age is not None]
    if len(ages) < len(made):
        return [(b"x-openmogr-cache", b"miss")]
    return [(b"x-openmogr-cache", b"hit"), (b"x-openmogr-age", b"%d" % min(ages))]


async def _original(reader: ObjectReader, headers: Sequence[Header]) -> Body:
    """The untouched source."""
    await reader.verify()
    info = reader.info
    content_type = (b"content-type", info.attributes.headers.content_type.encode())
    chunks = partial(object_chunks, reader)
    return Body(info.size, chunks, [content_type, *headers], reader.aclose, reader.prepare)


async def result_body(services: Services, made: Made, headers: Sequence[Header]) -> Body:
    """The bytes of a result, which is not the source itself."""
    assert made.result is not None
    headers = [(b"content-type", made.result.content_type.encode()), *headers]
    if made.file is None:
        return Body(made.size, made.result.data, headers)
    file = made.file

    if made.size > _IN_ONE_PIECE:
        spool = services.pool.spool
        spool.sent_from_now(file)

        async def close() -> None:
            spool.sent(file)
            file.close()

        return Body(made.size, partial(_file_chunks, file), headers, close)
    try:
        return Body(made.size, file.read(), headers)
    finally:
        file.close()


async def _file_chunks(file: HeldBytes, start: int, stop: int) -> AsyncGenerator[bytes]:
    # Of a file that has just been written, or read to be checked: it comes from the page cache.
    for position in range(start, stop, _IN_ONE_PIECE):
        if file.closed:
            raise ConnectionResetError("the client read too slowly, and gave way to others")
        try:
            yield file.read(position, min(position + _IN_ONE_PIECE, stop))
        except OSError as error:
            raise InternalError(detail=f"a result cannot be read: {error}") from error
