"""PUT, HEAD and DELETE Bucket, and its location."""

from __future__ import annotations

import re

from openmogr.api.access import check_bucket_read, check_owner
from openmogr.api.attributes import check_tags, header_tags, parse_acl
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.tagging import tagging_document
from openmogr.storage.errors import InvalidBucketName

__all__ = ["bucket_location", "check_owner_of_new", "create_bucket", "delete_bucket", "head_bucket"]

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?-\d{6,}")
_MAX_BUCKET_TAGS = 50


async def create_bucket(services: Services, request: Request, region: str | None = None) -> Response:
    """PUT Bucket, in a region or, without one, in that of the host or of the server."""
    await check_owner_of_new(services, request)
    if not _NAME.fullmatch(request.bucket):
        raise InvalidBucketName(
            "A bucket is named by lower-case letters, digits and inner hyphens, then -APPID: "
            "examplebucket-1250000000."
        )
    acl = parse_acl(request.header("x-cos-acl"), bucket=True)
    tags = check_tags(header_tags(request).items(), _MAX_BUCKET_TAGS)
    # The body, CreateBucketConfiguration, chooses among availability zones, which there are none of.
    region = region or request.host.region or services.settings.region
    await services.storage.create_bucket(request.bucket, region=region, acl=acl)
    if tags:
        await services.storage.put_bucket_document(request.bucket, "tagging", tagging_document(tags))
    return Response(200, [(b"x-cos-bucket-region", region.encode())])


async def check_owner_of_new(services: Services, request: Request) -> None:
    """As ``check_owner``, but the bucket need not exist."""
    if not request.is_owner:
        await check_owner(services, request)


async def head_bucket(services: Services, request: Request) -> Response:
    """HEAD Bucket."""
    await check_bucket_read(services, request)
    bucket = await services.storage.head_bucket(request.bucket)
    return Response(200, [(b"x-cos-bucket-region", bucket.region.encode())], length=0)


async def delete_bucket(services: Services, request: Request) -> Response:
    """DELETE Bucket."""
    await check_owner(services, request)
    await services.storage.delete_bucket(request.bucket)
    return Response(204)


async def bucket_location(services: Services, request: Request) -> Response:
    """GET ``?location``."""
    await check_owner(services, request)
    bucket = await services.storage.head_bucket(request.bucket)
    return xml_response(("LocationConstraint", bucket.region))
