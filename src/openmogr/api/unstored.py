"""POST ``/-/process``, an extension of ours: what an operation makes of the body. Nothing of it is stored."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

from openmogr.api.best_format import wants_best
from openmogr.api.body import receive_into
from openmogr.api.further import FurtherSources, check_further
from openmogr.api.processing import result_body, result_headers, too_large
from openmogr.api.request import Request
from openmogr.api.response import Header, Response
from openmogr.api.results import Made, Work
from openmogr.api.score import score_headers, scored
from openmogr.api.services import Services
from openmogr.api.settings import Processing
from openmogr.api.sources import OpenSource
from openmogr.errors import AccessDenied, InvalidArgument, NotSupported, SlowDown
from openmogr.image import Pipeline, names_a_style, parse_operation
from openmogr.storage.interface import Staged

__all__ = ["process_unstored"]

_NOT_KEPT: Header = (b"cache-control", b"no-store")


async def process_unstored(services: Services, request: Request) -> Response:
    """The result of the operation in the query, of the picture in the body, with the limits of who asks.

    Raises:
        AccessDenied: it is not signed, and has to be.
        InvalidArgument, NotSupported: there is no operation, or one that needs a bucket or is for downloads.
        InvalidImageSource: it reads an object that the request may not read.
        ImageTooLarge: the body is longer than a source may be.
        SlowDown: too many bodies are being taken in.
        CosError: as processing on download.
    """
    if services.settings.process is not Processing.EVERYBODY and not request.is_owner:
        raise AccessDenied("Pictures are processed here for signed requests only.")
    pipeline = scored(request, _pipeline(services, request))
    await check_further(services, request, [pipeline])
    if services.bodies.locked():
        services.observer.refused("busy")
        raise SlowDown("Too many pictures are waiting to be processed.")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(services.bodies)
        staged = await stack.enter_async_context(services.storage.stage())
        limit = (services.image.max_input_bytes, too_large(services))
        await receive_into(services, request, staged, limit)
        digest = await staged.finish()
        # Opened now: whoever sends slowly holds no objects.
        further = await stack.enter_async_context(FurtherSources(services, request))
        pipeline = await further.resolved(pipeline)
        source = OpenSource(staged, digest.size, digest.etag, digest.crc64)
        stack.push_async_callback(source.aclose)
        work = Work(source, [pipeline], further.found, is_owner=request.is_owner, remembered=False)
        (made,) = await services.results.get(work)
        headers = [*_headers(pipeline, made), _NOT_KEPT]
        if made.result is None or not made.result.is_original:
            body = await result_body(services, made, headers)
            response = Response(200, list(body.headers), length=body.size, close=body.close)
            if isinstance(body.content, bytes):
                response.body = body.content
            else:
                response.stream = body.content(0, body.size)
            return response
        # The body itself is the answer, and stays until it was sent.
        media_type = (b"content-type", made.result.content_type.encode())
        headers = [media_type, *headers]
        if not made.result.rejected_size:
            headers.append((b"x-openmogr-kept-source", b"the body is the result"))
        if not digest.size:
            return Response(200, headers)
        kept = stack.pop_all()
        return Response(200, headers, stream=_chunks(staged), length=digest.size, close=kept.aclose)


def _pipeline(services: Services, request: Request) -> Pipeline:
    text = request.image_operation
    if text is None:
        raise InvalidArgument("/-/process needs an operation: /-/process?imageMogr2/format/webp")
    if names_a_style(text):
        raise InvalidArgument("Styles belong to buckets, and this request has none.")
    pipeline = parse_operation(text, strict=services.image.strict, max_stages=services.image.max_stages)
    if wants_best(pipeline):
        raise NotSupported("format/auto is for downloads, whose client says what it can show.")
    return pipeline


def _headers(pipeline: Pipeline, made: Made) -> list[Header]:
    if made.result is None:
        return []
    return [*result_headers(made.result), *score_headers(pipeline, made.result)]


async def _chunks(staged: Staged) -> AsyncGenerator[bytes]:
    async for chunk in staged.stream():
        yield chunk
