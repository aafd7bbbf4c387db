"""Which handler answers a request: by method, by what the path names, and by the query's subresource."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from openmogr.api import acl, buckets, cors, listing, multipart, objects, tagging
from openmogr.api.access import check_owner
from openmogr.api.errors import MethodNotAllowed
from openmogr.api.form import post_object
from openmogr.api.persistent import process_stored
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.unsupported import BUCKET_CONFIGURATIONS, bucket_configuration, not_supported
from openmogr.errors import InvalidArgument

__all__ = ["Handler", "find_handler"]

Handler: TypeAlias = Callable[[Services, Request], Awaitable[Response]]
_Routes: TypeAlias = Mapping[str, Mapping[str, Handler]]


async def _ci_status(services: Services, request: Request) -> Response:
    """GET of the root of a CI host: every bucket is bound."""
    await check_owner(services, request)
    await services.storage.head_bucket(request.bucket)
    return xml_response(("CIStatus", "on"))


async def _ci_unbind(services: Services, request: Request) -> Response:
    """PUT ``?unbind``: accepted without effect."""
    await check_owner(services, request)
    await services.storage.head_bucket(request.bucket)
    return Response(200)


_ANY_METHOD = ("GET", "HEAD", "PUT", "POST", "DELETE")

# Subresources in the order in which they are looked for; the empty one is the bucket or object itself.
_BUCKET: _Routes = {
    "acl": {"GET": acl.get_bucket_acl, "PUT": acl.put_bucket_acl},
    "tagging": {
        "GET": tagging.get_bucket_tagging,
        "PUT": tagging.put_bucket_tagging,
        "DELETE": tagging.delete_bucket_tagging,
    },
    "cors": {"GET": cors.get_cors, "PUT": cors.put_cors, "DELETE": cors.delete_cors},
    "location": {"GET": buckets.bucket_location},
    "uploads": {"GET": multipart.list_uploads},
    "delete": {"POST": objects.delete_objects},
    "versions": dict.fromkeys(_ANY_METHOD, not_supported),
    "unbind": {"PUT": _ci_unbind},
    **{name: dict.fromkeys(_ANY_METHOD, bucket_configuration) for name in BUCKET_CONFIGURATIONS},
    "": {
        "GET": listing.list_objects,
        "HEAD": buckets.head_bucket,
        "PUT": buckets.create_bucket,
        "DELETE": buckets.delete_bucket,
        "POST": post_object,
    },
}

_OBJECT: _Routes = {
    "acl": {"GET": acl.get_object_acl, "PUT": acl.put_object_acl},
    "tagging": {
        "GET": tagging.get_object_tagging,
        "PUT": tagging.put_object_tagging,
        "DELETE": tagging.delete_object_tagging,
    },
    "uploads": {"POST": multipart.initiate_upload},
    "uploadId": {
        "PUT": multipart.upload_part,
        "GET": multipart.list_parts,
        "POST": multipart.complete_upload,
        "DELETE": multipart.abort_upload,
    },
    "image_process": {"POST": process_stored},
    "append": {"POST": not_supported},
    "select": {"POST": not_supported},
    "restore": {"POST": not_supported},
    "": {
        "GET": objects.get_object,
        "HEAD": objects.get_object,
        "PUT": objects.put_object,
        "DELETE": objects.delete_object,
    },
}
_BUCKET_NAMES, _OBJECT_NAMES = tuple(_BUCKET)[:-1], tuple(_OBJECT)[:-1]


def find_handler(request: Request) -> Handler:
    """The handler of a request.

    Raises:
        MethodNotAllowed: the resource has none for that method.
        InvalidArgument: a version is asked for, and there are none.
    """
    method = request.method
    if method == "OPTIONS":
        return cors.preflight
    if not request.bucket:
        if method not in ("GET", "HEAD") or request.key:
            raise MethodNotAllowed()
        return listing.list_buckets
    params = request.params
    if params:
        if params.get("versionId", "null") not in ("", "null"):
            raise InvalidArgument("The bucket is not versioned: versionId must be null.")
        routes, names = (_OBJECT, _OBJECT_NAMES) if request.key else (_BUCKET, _BUCKET_NAMES)
        name = next((name for name in names if name in params), "")
    else:
        routes, name = (_OBJECT if request.key else _BUCKET), ""
    if not name and not request.key and request.host.ci and method == "GET":
        return _ci_status
    handler = routes[name].get(method)
    if handler is None:
        raise MethodNotAllowed()
    return handler
