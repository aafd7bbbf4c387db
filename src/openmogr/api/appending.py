"""Append Object: ``POST ?append&position=``, as the reference of COS has it (document 436/7741)."""

from __future__ import annotations

from openmogr.api.access import check_write
from openmogr.api.attributes import check_key, request_attributes
from openmogr.api.body import receive_into
from openmogr.api.request import Request
from openmogr.api.response import Response
from openmogr.api.services import Services
from openmogr.api.xml import quoted
from openmogr.errors import InvalidArgument, NotSupported

__all__ = ["append_object"]

# Longer than any object may become.
_MAX_DIGITS = 15


async def append_object(services: Services, request: Request) -> Response:
    """POST ``?append&position=``: make an appendable object, or put the body behind one.

    Headers about the object count when it is made, and are checked each time.

    Raises:
        InvalidArgument: ``position`` is no number.
        NotSupported: it is to be processed, too.
        ObjectNotAppendable, PositionNotEqualToLength: of the object that is there; nothing is changed.
    """
    await check_write(services, request)
    check_key(request.key)
    position = request.params.get("position", "")
    if not (position.isascii() and position.isdigit()) or len(position) > _MAX_DIGITS:
        raise InvalidArgument("position must be the length of the object in bytes; 0 makes one.")
    if request.header("pic-operations") is not None:
        raise NotSupported("Pic-Operations with ?append is not supported: the object is never complete.")
    if request.header("x-cos-copy-source") is not None:
        raise NotSupported("x-cos-copy-source with ?append is not supported.")
    await services.storage.head_bucket(request.bucket)
    attributes = request_attributes(request)
    async with services.storage.stage() as staged:
        await receive_into(services, request, staged)
        info = await services.storage.append_object(
            request.bucket, request.key, int(position), staged, attributes
        )
    return Response(
        200,
        [
            (b"etag", quoted(info.etag).encode()),
            (b"x-cos-hash-crc64ecma", b"%d" % info.crc64),
            (b"x-cos-next-append-position", b"%d" % info.size),
        ],
    )
