"""Bytes of objects on their way out, and of uploads on their way in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from openmogr.api.attributes import content_md5
from openmogr.api.errors import IncompleteBody, MissingContentLength
from openmogr.api.request import Request
from openmogr.api.services import Services
from openmogr.errors import CosError, InvalidArgument
from openmogr.storage.errors import BadDigest, EntityTooLarge, StoreUnavailable
from openmogr.storage.interface import ObjectReader, Staged

__all__ = ["object_chunks", "receive_into", "traffic_limit"]

_log = logging.getLogger("openmogr.api")


def traffic_limit(request: Request) -> float | None:
    """``x-cos-traffic-limit`` (header or parameter, bit/s), in bytes/s. Raises ``InvalidArgument``."""
    text = request.header("x-cos-traffic-limit") or request.params.get("x-cos-traffic-limit")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 819_200 <= int(text[:12]) <= 838_860_800:
        raise InvalidArgument("x-cos-traffic-limit must be from 819200 to 838860800.")
    return int(text) / 8


async def _paced(chunks: AsyncGenerator[bytes], rate: float | None) -> AsyncGenerator[bytes]:
    """The same chunks at no more than ``rate`` bytes per second."""
    clock = asyncio.get_running_loop().time
    start, sent = clock(), 0
    async with aclosing(chunks):
        async for chunk in chunks:
            yield chunk
            if rate is not None:
                sent += len(chunk)
                await asyncio.sleep(max(0.0, start + sent / rate - clock()))


def object_chunks(
    reader: ObjectReader, start: int, stop: int, rate: float | None = None
) -> AsyncGenerator[bytes]:
    """Bytes ``start`` to ``stop`` (exclusive) of an open object."""
    chunks = _reader_chunks(reader, start, stop)
    return chunks if rate is None else _paced(chunks, rate)


async def _reader_chunks(reader: ObjectReader, start: int, stop: int) -> AsyncGenerator[bytes]:
    try:
        async for chunk in reader.stream(start, stop):
            yield chunk
    except StoreUnavailable as error:
        # The answer has begun, so that all there is left to say is that it ends too early.
        _log.warning(
            "%s/%s breaks off: %s %s", reader.info.bucket, reader.info.key, error.message, error.detail
        )
        raise ConnectionResetError("the store of the object does not give the rest") from error


async def receive_into(
    services: Services, request: Request, staged: Staged, too_long: tuple[int, CosError] | None = None
) -> None:
    """Take the body of an upload in and check it against what its headers say.

    Args:
        services: the parts of the service.
        request: the upload.
        staged: where it goes.
        too_long: bytes that it may have, and what is raised where it has more; None: the limit of objects.

    Raises:
        MissingContentLength, EntityTooLarge, InvalidDigest: before a byte is read.
        IncompleteBody, BadDigest: after.
    """
    length = request.header("content-length")
    if length is None and b"transfer-encoding" not in request.headers:
        raise MissingContentLength()
    limit, refusal = too_long or (services.max_object_bytes, EntityTooLarge())
    if length is not None and int(length) > limit:
        raise refusal
    expected = content_md5(request)
    rate = traffic_limit(request)
    chunks = request.body() if rate is None else _paced(request.body(), rate)
    async for chunk in chunks:
        if staged.size + len(chunk) > limit:
            raise refusal
        await staged.write(chunk)
    if length is not None and staged.size != int(length):
        raise IncompleteBody()
    # Without anything to compare it with, the storage sums up when it writes.
    if expected is not None and expected != (await staged.finish()).md5:
        raise BadDigest()
