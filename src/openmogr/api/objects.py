"""PUT, GET, HEAD and DELETE Object, and multiple delete (``docs/spec/api/object-api.md#2``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from openmogr.api.access import check_write, head_readable, open_readable
from openmogr.api.answer import Body, Described, answer, overrides_of
from openmogr.api.attributes import check_key, forbids_overwrite, object_headers, request_attributes
from openmogr.api.body import object_chunks, receive_into, traffic_limit
from openmogr.api.conditions import required_etag
from openmogr.api.copying import copy_object
from openmogr.api.documents import read_document
from openmogr.api.errors import MalformedXML
from openmogr.api.grants import check_place
from openmogr.api.lifecycle import expiration_header
from openmogr.api.negotiation import VARY_ACCEPT, accepted_format, is_negotiated
from openmogr.api.persistent import process_upload
from openmogr.api.processing import processed_object
from openmogr.api.protection import check_original, check_referer
from openmogr.api.request import Request
from openmogr.api.response import Header, Response, xml_response
from openmogr.api.s3.integrity import shown, uploaded
from openmogr.api.score import check_unscored
from openmogr.api.services import Services
from openmogr.api.slimming import slimmed_unasked
from openmogr.api.styles import style_at_end
from openmogr.api.verdict import check_policy_at
from openmogr.api.xml import Node, child_text, children, quoted
from openmogr.errors import AccessDenied, InvalidArgument, NoSuchKey, NotSupported
from openmogr.storage.interface import ObjectInfo, Write

__all__ = ["delete_object", "delete_objects", "get_object", "put_object"]

_MAX_DELETED = 1000

# What asks for the label of generated images, and the operation that does.
_LABEL_PROCESS, _LABEL_OPERATION = "imageaigcmetadata", "imageAIGCMetadata"


async def get_object(services: Services, request: Request) -> Response:
    """GET and HEAD Object, with an operation in the query or without."""
    overrides = overrides_of(request)
    await check_referer(services, request)
    if process := request.params.get("ci-process"):
        if process.lower() == _LABEL_PROCESS:
            request.operation = "process_object"
            return await processed_object(services, request, _LABEL_OPERATION, overrides)
        if process.lower() != "originimage":
            raise NotSupported(f"ci-process={process} is not supported.")
    elif request.image_operation is not None:
        return await processed_object(services, request, request.image_operation, overrides)
    try:
        check_unscored(request, "goes with an operation")
        return await _stored_object(services, request, overrides)
    except (NoSuchKey, AccessDenied):
        # The key itself comes first; only where there is none may its end be a style.
        styled = None if process else await style_at_end(services, request)
        if styled is None:
            raise
        key, text = styled
        request.operation = "process_object"
        return await processed_object(services, replace(request, key=key), text, overrides)


async def _stored_object(services: Services, request: Request, overrides: Sequence[Header]) -> Response:
    if request.method == "HEAD":
        info = await head_readable(services, request)
        content_type = info.attributes.headers.content_type
        await check_original(services, request, content_type)
        if text := await _unasked(services, request, content_type):
            return await processed_object(services, request, text, overrides, unasked=True)

        async def nothing() -> Body:
            return Body(info.size, b"")

        described = _described(services, request, info, await expiration_header(services, info))
        return await answer(request, described, nothing, overrides)
    rate = traffic_limit(request)
    reader = await open_readable(services, request)

    async def stored() -> Body:
        await reader.verify()
        if rate is None and (data := reader.at_hand) is not None:
            return Body(len(data), data)
        return Body(
            reader.info.size, partial(object_chunks, reader, rate=rate), (), reader.aclose, reader.prepare
        )

    try:
        content_type = reader.info.attributes.headers.content_type
        await check_original(services, request, content_type)
        if text := await _unasked(services, request, content_type):
            await reader.aclose()
            return await processed_object(services, request, text, overrides, unasked=True)
        expiration = await expiration_header(services, reader.info)
        described = _described(services, request, reader.info, expiration)
        response = await answer(request, described, stored, overrides)
    except BaseException:
        await reader.aclose()
        raise
    if response.close is None:
        await reader.aclose()
    return response


async def _unasked(services: Services, request: Request, content_type: str) -> str | None:
    """The operation that gives an image as its client or its bucket likes it best; None: it stays as it is."""
    if "ci-process" in request.params:
        return None
    if is_negotiated(services, request, content_type):
        name = accepted_format(services, request, content_type)
        if name is not None:
            return f"imageMogr2/format/{name}/ignore-error/1"
    return await slimmed_unasked(services, request)


def _described(services: Services, request: Request, info: ObjectInfo, more: Sequence[Header]) -> Described:
    headers = [*object_headers(info), *shown(request, info), *more]
    if is_negotiated(services, request, info.attributes.headers.content_type):
        headers.append(VARY_ACCEPT)
    return Described(info.etag, info.last_modified, headers)


async def put_object(services: Services, request: Request) -> Response:
    """PUT Object: upload or copy, with ``Pic-Operations`` or without."""
    await check_write(services, request)
    check_key(request.key)
    if request.header("x-cos-copy-source") is not None:
        return await copy_object(services, request)
    await services.storage.head_bucket(request.bucket)
    attributes = request_attributes(request)
    if request.header("pic-operations") is not None:
        return await process_upload(services, request, attributes)
    forbid = forbids_overwrite(request)
    async with services.storage.stage() as staged:
        await receive_into(services, request, staged)
        (info,) = await services.storage.commit(
            [
                Write(
                    request.bucket,
                    request.key,
                    staged,
                    uploaded(request, attributes),
                    forbid_overwrite=forbid,
                    if_match=required_etag(request),
                )
            ]
        )
    headers = [(b"etag", quoted(info.etag).encode()), (b"x-cos-hash-crc64ecma", b"%d" % info.crc64)]
    return Response(200, headers)


async def delete_object(services: Services, request: Request) -> Response:
    """DELETE Object: 204, whether it existed or not."""
    await check_write(services, request)
    await services.storage.delete_objects(request.bucket, [request.key])
    return Response(204)


async def delete_objects(services: Services, request: Request) -> Response:
    """POST ``?delete``."""
    await check_write(services, request)
    root = await read_document(services, request, "Delete")
    objects = list(children(root, "Object"))
    keys = [child_text(item, "Key") for item in objects]
    if any(child.tag not in ("Key", "VersionId") for item in objects for child in item):
        raise NotSupported("Of an object to delete only Key and VersionId are understood.")
    if any((child_text(item, "VersionId") or "null").strip() != "null" for item in objects):
        raise InvalidArgument("The bucket is not versioned: VersionId must be null.")
    if not keys or len(keys) > _MAX_DELETED or any(not key for key in keys):
        raise MalformedXML(f"Delete holds 1 to {_MAX_DELETED} objects, each with a key.")
    for key in keys:
        check_place(request, "DeleteMultipleObjects", request.bucket, key or "")
        await check_policy_at(services, request, "DeleteMultipleObjects", request.bucket, key)
    await services.storage.delete_objects(request.bucket, [key for key in keys if key])
    deleted: list[Node] = [("Deleted", [("Key", key)]) for key in keys]
    quiet = (child_text(root, "Quiet") or "").strip().lower() == "true"
    return xml_response(("DeleteResult", [] if quiet else deleted))
