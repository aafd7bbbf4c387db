"""Known requests that this server has nothing for: the documented empty answer, or a 4xx, never a 5xx."""

from __future__ import annotations

from openmogr.api.access import check_owner
from openmogr.api.errors import NoSuchConfiguration
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.xml import Node
from openmogr.errors import CosError, NotImplementedHere, NotSupported

__all__ = ["BUCKET_CONFIGURATIONS", "bucket_configuration", "missing_configuration", "not_supported"]

# What GET of a configuration answers that was never put: an error code, or an empty document.
BUCKET_CONFIGURATIONS: dict[str, str | Node] = {
    "encryption": "NoSuchEncryptionConfiguration",
    "replication": "ReplicationConfigurationNotFoundError",
    "inventory": "InventoryConfigurationNotFoundError",
    "domaincertificate": "DomainConfigurationNotFoundError",
    "object-lock": "ObjectLockConfigurationNotFoundError",
    "origin": "NoSuchOriginConfiguration",
    "versioning": ("VersioningConfiguration", []),
    "logging": ("BucketLoggingStatus", []),
    "accelerate": ("AccelerateConfiguration", []),
    "domain": ("DomainConfiguration", []),
    "intelligenttiering": ("IntelligentTieringConfiguration", []),
    # The list of all; with an ``id`` one is asked for, which is not there.
    "intelligent-tiering": ("ListBucketIntelligentTieringConfigurationsOutput", [("IsTruncated", "false")]),
    # Switches of CI (``docs/spec/api/overview.md#6 and #8``)
    "guetzli": ("GuetzliStatus", "off"),
    "hdr-image-processing": ("HDRImageProcessingStatus", "off"),
}

# Switches of what only the vendor has, and what there is here instead.
_VENDORS_OWN = {
    "guetzli": "Guetzli is not implemented by this server; ?image-slim makes JPEGs smaller",
    "hdr-image-processing": "HDR processing is not implemented by this server; HDR images are mapped to sRGB",
}


async def bucket_configuration(services: Services, request: Request) -> Response:
    """A configuration that cannot be set: GET tells that it is not, DELETE has nothing to do."""
    await check_owner(services, request)
    await services.storage.head_bucket(request.bucket)
    name = next(name for name in BUCKET_CONFIGURATIONS if name in request.params)
    if request.method == "DELETE":
        return Response(204)
    if request.method not in ("GET", "HEAD"):
        if name in _VENDORS_OWN:
            raise NotImplementedHere(f"{_VENDORS_OWN[name]}.")
        raise NotSupported(f"The configuration ?{name} is not supported.")
    answer = BUCKET_CONFIGURATIONS[name]
    if name == "intelligent-tiering" and request.params.get("id"):
        raise NoSuchConfiguration()
    if isinstance(answer, str):
        raise missing_configuration(answer)
    return xml_response(answer)


def missing_configuration(code: str) -> CosError:
    """The 404 of a configuration that is not there."""
    kind: type[CosError] = type(code, (NoSuchConfiguration,), {"code": code})
    return kind()


async def not_supported(services: Services, request: Request) -> Response:
    """A request of the catalogue that is not served at all."""
    await check_owner(services, request)
    raise NotSupported()
