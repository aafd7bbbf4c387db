"""PUT, GET and DELETE ``?policy``, and ``?policyStatus`` of S3."""

from __future__ import annotations

from openmogr.api.access import check_owner
from openmogr.api.documents import read_bytes
from openmogr.api.policy_document import MAX_BYTES, read_policy
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.unsupported import missing_configuration
from openmogr.api.verdict import KIND

__all__ = ["delete_policy", "get_policy", "get_policy_status", "put_policy"]


async def _stored(services: Services, request: Request) -> bytes:
    await check_owner(services, request)
    document = await services.configurations.read(request.bucket, KIND)
    if document is None:
        raise missing_configuration("NoSuchBucketPolicy")
    return document


async def get_policy(services: Services, request: Request) -> Response:
    """GET ``?policy``: as it was put, in whichever language. Raises ``NoSuchBucketPolicy``."""
    return Response(200, [(b"content-type", b"application/json")], await _stored(services, request))


async def put_policy(services: Services, request: Request) -> Response:
    """PUT ``?policy``.

    Raises:
        MalformedPolicy, NotSupported: it makes no sense, or could not be kept to; the one before stays.
    """
    await check_owner(services, request)
    await services.storage.head_bucket(request.bucket)
    document = await read_bytes(request, MAX_BYTES)
    read_policy(document, request.bucket, services.settings.owner_id)
    await services.configurations.change(request.bucket, KIND, lambda _: document)
    return Response(204)


async def delete_policy(services: Services, request: Request) -> Response:
    """DELETE ``?policy``."""
    await check_owner(services, request)
    await services.configurations.change(request.bucket, KIND, lambda _: None)
    return Response(204)


async def get_policy_status(services: Services, request: Request) -> Response:
    """GET ``?policyStatus``: whether the policy allows anything to everybody from everywhere."""
    policy = read_policy(await _stored(services, request), request.bucket, services.settings.owner_id)
    return xml_response(("PolicyStatus", [("IsPublic", str(policy.is_public).lower())]))
