"""GetObjectAttributes, and what S3 asks of locks that no object has."""

from __future__ import annotations

from openmogr.api.access import check_owner, head_readable
from openmogr.api.conditions import check_preconditions
from openmogr.api.errors import InvalidRequest
from openmogr.api.request import Request
from openmogr.api.response import Response, http_date, xml_response
from openmogr.api.s3.integrity import checksum_nodes
from openmogr.api.services import Services
from openmogr.api.xml import Node
from openmogr.errors import InvalidArgument, NotSupported

__all__ = ["get_attributes", "object_lock"]

_ATTRIBUTES = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


async def get_attributes(services: Services, request: Request) -> Response:
    """GET ``?attributes``: those that ``x-amz-object-attributes`` names."""
    assert request.s3 is not None
    named = [
        text.strip() for text in request.s3.given.get("object-attributes", "").split(",") if text.strip()
    ]
    if not named or any(name not in _ATTRIBUTES for name in named):
        raise InvalidArgument(f"x-amz-object-attributes must name some of {', '.join(_ATTRIBUTES)}.")
    info = await head_readable(services, request)
    check_preconditions(request, info.etag, info.last_modified)
    count = "" if info.appendable else info.etag.partition("-")[2]
    found: dict[str, Node] = {
        "ETag": ("ETag", info.etag),
        "Checksum": ("Checksum", checksum_nodes(request, info.attributes.checksum) or None),
        # Where the parts began is not kept once they are one object.
        "ObjectParts": ("ObjectParts", [("PartsCount", int(count))] if count.isdigit() else None),
        "StorageClass": ("StorageClass", info.attributes.storage_class),
        "ObjectSize": ("ObjectSize", info.size),
    }
    document: Node = ("GetObjectAttributesResponse", [found[name] for name in _ATTRIBUTES if name in named])
    return xml_response(document, (b"last-modified", http_date(info.last_modified)))


async def object_lock(services: Services, request: Request) -> Response:
    """``?retention`` and ``?legal-hold``: no bucket has locks."""
    await check_owner(services, request)
    await services.storage.head_object(request.bucket, request.key)
    if request.method == "GET":
        raise InvalidRequest("Bucket is missing Object Lock Configuration.")
    raise NotSupported("Object lock is not supported.")
