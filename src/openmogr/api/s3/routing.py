"""Which handler answers a request of S3: the tables of COS, with what S3 has besides or otherwise."""

from __future__ import annotations

from openmogr.api import routing as cos
from openmogr.api.policies import get_policy_status
from openmogr.api.request import Request
from openmogr.api.routing import (
    ANY_METHOD,
    LISTING,
    Handler,
    Table,
    handler_in,
    route,
    table_of,
)
from openmogr.api.s3.buckets import create_bucket, list_buckets, list_versions
from openmogr.api.s3.configurations import CONFIGURATIONS, s3_configuration
from openmogr.api.s3.objects import get_attributes, object_lock
from openmogr.api.unsupported import not_supported
from openmogr.errors import NotSupported

__all__ = ["BUCKET", "OBJECT", "SERVICE", "find_s3_handler"]

_LIST_BUCKETS = route(list_buckets, "prefix", "bucket-region", "continuation-token", "max-buckets")
SERVICE: Table = {"": {"GET": _LIST_BUCKETS, "HEAD": _LIST_BUCKETS}}

BUCKET: Table = {
    **cos.BUCKET,
    "policystatus": {"GET": route(get_policy_status)},
    "versions": {"GET": route(list_versions, *LISTING, "key-marker", "version-id-marker", "max-keys")},
    **{
        name: dict.fromkeys(ANY_METHOD, route(s3_configuration, "id", "continuation-token"))
        for name in CONFIGURATIONS
    },
    "": {**cos.BUCKET[""], "PUT": route(create_bucket)},
}

_LOCK = {"GET": route(object_lock), "PUT": route(object_lock)}
OBJECT: Table = {
    "attributes": {"GET": route(get_attributes)},
    "retention": _LOCK,
    "legal-hold": _LOCK,
    "torrent": {"GET": route(not_supported)},
    **cos.OBJECT,
}

# Further names by which S3 means something other than the object or bucket itself, in lower case.
_SUBRESOURCES = frozenset({
    "session", "renameobject", "metadatainventorytable", "metadatajournaltable", "abac", "encryption", "annotation",
    "attributes", "publicaccessblock", "ownershipcontrols", "policystatus", "requestpayment", "notification",
    "analytics", "metrics", "metadataconfiguration", "metadatatable",
})  # fmt: skip


def find_s3_handler(request: Request) -> Handler:
    """The handler of a request that has been prepared; raises as ``find_handler`` of COS."""
    table = table_of(request, SERVICE, BUCKET, OBJECT)
    for name in request.params:
        if name in _SUBRESOURCES and name not in table:
            raise NotSupported(f"The query parameter {name!r} is not supported here.")
    return handler_in(table, request)
