"""Configurations of buckets that only S3 has, none of which can be set."""

from __future__ import annotations

from collections.abc import Mapping

from openmogr.api.access import check_owner
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.unsupported import missing_configuration
from openmogr.api.xml import Node
from openmogr.errors import NotSupported

__all__ = ["CONFIGURATIONS", "s3_configuration"]

# What GET answers: an error code, or the document of the state that holds. Names in lower case.
CONFIGURATIONS: Mapping[str, str | Node] = {
    "publicaccessblock": "NoSuchPublicAccessBlockConfiguration",
    "ownershipcontrols": "OwnershipControlsNotFoundError",
    "metadataconfiguration": "MetadataConfigurationNotFound",
    "metadatatable": "MetadataConfigurationNotFound",
    "requestpayment": ("RequestPaymentConfiguration", [("Payer", "BucketOwner")]),
    "notification": ("NotificationConfiguration", []),
    "analytics": ("ListBucketAnalyticsConfigurationResult", [("IsTruncated", "false")]),
    "metrics": ("ListMetricsConfigurationsResult", [("IsTruncated", "false")]),
}


async def s3_configuration(services: Services, request: Request) -> Response:
    """GET tells that it is not set, DELETE has nothing to do, PUT is refused."""
    await check_owner(services, request)
    await services.storage.head_bucket(request.bucket)
    name = next(name for name in CONFIGURATIONS if name in request.params)
    if request.method == "DELETE":
        return Response(204)
    if request.method not in ("GET", "HEAD"):
        raise NotSupported(f"The configuration ?{name} is not supported.")
    answer = CONFIGURATIONS[name]
    if isinstance(answer, str):
        raise missing_configuration(answer)
    if request.params.get("id"):
        raise missing_configuration("NoSuchConfiguration")
    return xml_response(answer)
