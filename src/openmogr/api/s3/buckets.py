"""ListBuckets, CreateBucket and ListObjectVersions as S3 has them."""

from __future__ import annotations

import re
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from openmogr.api.access import check_bucket_read, check_owner
from openmogr.api.buckets import check_owner_of_new
from openmogr.api.buckets import create_bucket as create_cos_bucket
from openmogr.api.documents import read_document
from openmogr.api.encoding import encoder
from openmogr.api.multipart import owner_node
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.s3.errors import IllegalLocationConstraint
from openmogr.api.services import Services
from openmogr.api.xml import Node, child_text, iso_millis, quoted
from openmogr.errors import InvalidArgument, NotSupported
from openmogr.storage.interface import ObjectInfo

__all__ = ["create_bucket", "list_buckets", "list_versions"]

_MAX_BUCKETS = 10_000
_MAX_KEYS = 1000
_REGION = re.compile(r"[a-z0-9-]{1,64}")


async def list_buckets(services: Services, request: Request) -> Response:
    """GET of the service: all buckets, by name, or those that ``prefix`` and ``bucket-region`` choose."""
    await check_owner(services, request)
    get = request.params.get
    prefix, region, after = get("prefix", ""), get("bucket-region", ""), _after(get("continuation-token", ""))
    limit = request.integer("max-buckets", _MAX_BUCKETS, 1, _MAX_BUCKETS)
    buckets = [
        bucket
        for bucket in await services.storage.list_buckets()
        if bucket.name.startswith(prefix) and bucket.name > after and region in ("", bucket.region)
    ]
    page = buckets[:limit]
    token = urlsafe_b64encode(page[-1].name.encode()).decode() if len(buckets) > limit else None
    nodes: list[Node] = [
        (
            "Bucket",
            [
                ("Name", bucket.name),
                ("CreationDate", iso_millis(bucket.created)),
                ("BucketRegion", bucket.region),
            ],
        )
        for bucket in page
    ]
    return xml_response(
        (
            "ListAllMyBucketsResult",
            [
                owner_node(services, full=False),
                ("Buckets", nodes),
                ("ContinuationToken", token),
                ("Prefix", prefix or None),
            ],
        )
    )


def _after(token: str) -> str:
    try:
        return b64decode(token, altchars=b"-_", validate=True).decode()
    except (Base64Error, ValueError):
        raise InvalidArgument("The continuation token provided is incorrect.") from None


async def create_bucket(services: Services, request: Request) -> Response:
    """PUT of a bucket; the body may name its region."""
    await check_owner_of_new(services, request)
    region = await _location(services, request)
    own = request.host.region
    if region and own and region != own:
        raise IllegalLocationConstraint(f"The region {region!r} is not that of the host, {own!r}.")
    response = await create_cos_bucket(services, request, region or own or services.settings.region)
    response.headers.append((b"location", f"/{request.bucket}".encode()))
    return response


async def _location(services: Services, request: Request) -> str:
    """``LocationConstraint`` of the body; empty without one."""
    length = request.header("content-length")
    if b"transfer-encoding" not in request.headers and (length or "0") == "0":
        async for _ in request.body():
            pass
        return ""
    root = await read_document(services, request, "CreateBucketConfiguration")
    unknown = [child.tag for child in root if child.tag != "LocationConstraint" and len(child)]
    if unknown:
        raise NotSupported(f"CreateBucketConfiguration with {unknown[0][:40]} is not supported.")
    region = (child_text(root, "LocationConstraint") or "").strip()
    if region and not _REGION.fullmatch(region):
        raise IllegalLocationConstraint("A region is named by lower-case letters, digits and hyphens.")
    return region


async def list_versions(services: Services, request: Request) -> Response:
    """GET ``?versions``: every object has one version, whose id is ``null``."""
    await check_bucket_read(services, request)
    encode, encoding = encoder(request)
    get = request.params.get
    prefix, delimiter, marker = get("prefix", ""), get("delimiter", ""), get("key-marker", "")
    limit = request.integer("max-keys", _MAX_KEYS, 0, _MAX_KEYS)
    page = await services.storage.list_objects(
        request.bucket, prefix=prefix, delimiter=delimiter, marker=marker, max_keys=limit
    )
    following = page.next_marker
    owner = owner_node(services, full=False)

    def version(info: ObjectInfo) -> Node:
        return (
            "Version",
            [
                ("Key", encode(info.key)),
                ("VersionId", "null"),
                ("IsLatest", "true"),
                ("LastModified", iso_millis(info.last_modified)),
                ("ETag", quoted(info.etag)),
                ("Size", info.size),
                owner,
                ("StorageClass", info.attributes.storage_class),
            ],
        )

    return xml_response(
        (
            "ListVersionsResult",
            [
                ("Name", request.bucket),
                ("Prefix", encode(prefix)),
                ("KeyMarker", encode(marker)),
                ("VersionIdMarker", get("version-id-marker", "")),
                ("NextKeyMarker", None if following is None else encode(following)),
                ("NextVersionIdMarker", None if following is None else "null"),
                ("MaxKeys", limit),
                ("Delimiter", encode(delimiter) if delimiter else None),
                ("EncodingType", encoding or None),
                ("IsTruncated", str(page.truncated).lower()),
                *map(version, page.objects),
                *(("CommonPrefixes", [("Prefix", encode(text))]) for text in page.common_prefixes),
            ],
        )
    )
