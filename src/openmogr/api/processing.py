"""Processing on download: GET and HEAD with an operation (``docs/spec/api/overview.md#5``)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from openmogr import __version__
from openmogr.api.access import open_readable
from openmogr.api.attributes import stored_headers
from openmogr.api.body import object_chunks
from openmogr.api.conditions import check_preconditions, is_not_modified, requested_range
from openmogr.api.request import Request
from openmogr.api.response import Header, Response, http_date
from openmogr.api.services import Services
from openmogr.api.xml import quoted
from openmogr.errors import CosError, ImageTooLarge
from openmogr.image import Result, Source, parse_operation
from openmogr.storage.interface import ObjectInfo, ObjectReader

__all__ = ["add_error_number", "processed_object", "source_of", "too_large"]

# ``X-ErrNo`` of refusals that are not about the picture, whose own errors carry theirs (``docs/spec/api/errors.md``).
_ERROR_NUMBERS = {
    "InvalidArgument": "-106",
    "NotSupported": "-106",
    "ImageTooLarge": "-167",
    "NoProcessAuthority": "-163",
    "NoSuchKey": "-6101",
    "NoSuchBucket": "-46152",
    "SlowDown": "-164",
    "SignatureDoesNotMatch": "-46618",
    "AccessDenied": "-46661",
    "InvalidRange": "-29034",
    "InternalError": "-901",
}


def add_error_number(error: CosError) -> None:
    """Give the refusal of a processing request its ``X-ErrNo``, unless it has one."""
    number = _ERROR_NUMBERS.get(error.code)
    if error.message == "Request has expired":
        number = "-46619"
    if number is not None:
        error.headers.setdefault("X-ErrNo", number)


async def processed_object(services: Services, request: Request, text: str) -> Response:
    """The answer to a GET or HEAD whose query holds the operation ``text``."""
    reader = await open_readable(services, request)
    # Whoever comes to own the reader takes its aclose out of this list.
    owned: list[Callable[[], Awaitable[None]]] = [reader.aclose]
    try:
        pipeline = parse_operation(text, strict=services.image.strict, max_stages=services.image.max_stages)
        info = reader.info
        # With the version: another one may encode otherwise, and a range of its output does not go with an old part.
        parts = f"{__version__}\n{info.etag}\n{info.crc64}\n{pipeline.normalised}"
        etag = hashlib.sha1(parts.encode(), usedforsecurity=False).hexdigest()
        check_preconditions(request, etag, info.last_modified)
        if is_not_modified(request, etag, info.last_modified):
            return Response(304, _headers(info, etag))
        if info.size > services.image.max_input_bytes:
            if not pipeline.ignore_error:
                raise too_large(services)
            original = _original(request, reader, etag)
            owned.clear()
            return original

        async def work() -> Result:
            async with reader:
                return await services.pool.execute(pipeline, await source_of(reader))

        owned.clear()
        key = (info.bucket, info.key, info.etag, info.crc64, info.last_modified, pipeline.normalised)
        running = services.processing.join(key)
        if running is None:
            result = await services.processing.run(key, work)
        else:
            await reader.aclose()
            result = await running
        return _answer(request, info, etag, result)
    finally:
        for close in owned:
            await close()


def too_large(services: Services) -> ImageTooLarge:
    """The refusal of a source over the limit, which is told before any byte of it is read."""
    return ImageTooLarge(f"The image is larger than {services.image.max_input_bytes} bytes.")


async def source_of(reader: ObjectReader) -> Source:
    """An open object as a source; its length has been checked."""
    if reader.info.size and (path := reader.path) is not None:
        return Source(path=path, name=reader.info.key)
    return Source(data=await reader.read(), name=reader.info.key)


def _headers(info: ObjectInfo, etag: str) -> list[Header]:
    return [
        (b"etag", quoted(etag).encode()),
        (b"last-modified", http_date(info.last_modified)),
        (b"accept-ranges", b"bytes"),
        *stored_headers(info.attributes.headers),
    ]


def _answer(request: Request, info: ObjectInfo, etag: str, result: Result) -> Response:
    content_type = result.content_type
    if result.is_original:
        content_type = info.attributes.headers.content_type
    headers = [
        (b"content-type", content_type.encode()),
        *_headers(info, etag),
        *((name.lower().encode(), value.encode()) for name, value in result.headers.items()),
    ]
    size = len(result.data)
    part = requested_range(request, size, etag, info.last_modified)
    status, body = 200, result.data
    if part is not None:
        headers.append((b"content-range", part.content_range))
        status, body = 206, result.data[part.start : part.stop]
    return Response(status, headers, body=body, length=len(body))


def _original(request: Request, reader: ObjectReader, etag: str) -> Response:
    """The untouched source, where ``ignore-error/1`` asks for it and the source is too large to look into."""
    info = reader.info
    part = requested_range(request, info.size, etag, info.last_modified)
    headers = [(b"content-type", info.attributes.headers.content_type.encode()), *_headers(info, etag)]
    start, stop = (0, info.size) if part is None else (part.start, part.stop)
    if part is not None:
        headers.append((b"content-range", part.content_range))
    return Response(
        200 if part is None else 206,
        headers,
        stream=object_chunks(reader, start, stop),
        length=stop - start,
        close=reader.aclose,
    )
