"""The root of a CI host, which is CI and not the bucket: every bucket is bound (``docs/spec/api/overview.md#8``)."""

from __future__ import annotations

from openmogr.api.access import check_owner
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.errors import NotSupported

__all__ = ["ci_bind", "ci_delete", "ci_status"]


async def ci_status(services: Services, request: Request) -> Response:
    """GET of the root."""
    await check_owner(services, request)
    await services.storage.head_bucket(request.bucket)
    return xml_response(("CIStatus", "on"))


async def ci_bind(services: Services, request: Request) -> Response:
    """PUT of the root and PUT ``?unbind``: accepted without effect."""
    await check_owner(services, request)
    await services.storage.head_bucket(request.bucket)
    return Response(200)


async def ci_delete(services: Services, request: Request) -> Response:
    """DELETE of the root, which is not the bucket here."""
    await check_owner(services, request)
    raise NotSupported("A bucket is deleted at its COS host.")
