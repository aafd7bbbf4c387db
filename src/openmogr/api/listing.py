"""GET Service and List Objects, versions 1 and 2 (``docs/spec/api/object-api.md#4 and #5``)."""

from __future__ import annotations

import operator
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping

from openmogr.api.access import check_bucket_read, check_owner
from openmogr.api.encoding import check_delimiter, encoder
from openmogr.api.multipart import owner_node
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.tagging import bucket_tags
from openmogr.api.xml import Node, Rendered, escaped, fragment, iso_millis, iso_seconds
from openmogr.errors import InvalidArgument
from openmogr.storage.interface import Bucket, ObjectInfo, ObjectList

__all__ = ["list_buckets", "list_objects"]

_MAX_KEYS = 1000
_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "lt": operator.lt,
    "gt": operator.gt,
    "lte": operator.le,
    "gte": operator.ge,
}


async def list_buckets(services: Services, request: Request) -> Response:
    """GET Service: all buckets, by name, or those that the parameters choose."""
    await check_owner(services, request)
    region, marker = request.params.get("region", ""), request.params.get("marker", "")
    max_keys = request.integer("max-keys", 2000, 1, 2000)
    created, tagged = _created_filter(request), _tag_filter(request)
    buckets = [
        bucket
        for bucket in await services.storage.list_buckets()
        if bucket.name > marker
        and (not region or bucket.region == region)
        and created(bucket)
        and (tagged is None or tagged(await bucket_tags(services, bucket.name)))
    ]
    page = buckets[:max_keys]
    nodes: list[Node] = [
        (
            "Bucket",
            [
                ("Name", bucket.name),
                ("Location", bucket.region),
                ("CreationDate", iso_seconds(bucket.created)),
                ("BucketType", "cos"),
            ],
        )
        for bucket in page
    ]
    truncated = len(buckets) > max_keys
    return xml_response(
        (
            "ListAllMyBucketsResult",
            [
                owner_node(services),
                ("Buckets", nodes),
                ("Marker", marker),
                ("NextMarker", page[-1].name if truncated else None),
                ("IsTruncated", str(truncated).lower()),
            ],
        )
    )


def _created_filter(request: Request) -> Callable[[Bucket], bool]:
    """``create-time`` (Unix seconds) and ``range``. Raises ``InvalidArgument``, as where only one of them is there."""
    text, name = request.params.get("create-time", ""), request.params.get("range", "")
    if not text and not name:
        return lambda bucket: True
    compare = _COMPARISONS.get(name)
    if compare is None or not (text.isascii() and text.isdigit()) or len(text) > 11:
        raise InvalidArgument(
            f"create-time is a time in Unix seconds, and range is one of {', '.join(_COMPARISONS)}; "
            "they go together."
        )
    return lambda bucket: compare(int(bucket.created.timestamp()), int(text))


def _tag_filter(request: Request) -> Callable[[Mapping[str, str]], bool] | None:
    """``tagkey`` and ``tagvalue``, None without them. Raises ``InvalidArgument``."""
    key, value = request.params.get("tagkey"), request.params.get("tagvalue")
    if key:
        return lambda tags: key in tags and value in (None, tags[key])
    if value is not None:
        raise InvalidArgument("tagvalue needs a tagkey.")
    return None


async def list_objects(services: Services, request: Request) -> Response:
    """GET Bucket; ``list-type=2`` gives the form that generic S3 clients ask for."""
    await check_bucket_read(services, request)
    encode, encoding = encoder(request)
    prefix = request.params.get("prefix", "")
    delimiter = check_delimiter(request)
    max_keys = request.integer("max-keys", _MAX_KEYS, 0, _MAX_KEYS)
    second = request.params.get("list-type") == "2"
    bucket = await services.storage.head_bucket(request.bucket)
    marker = _start(request) if second else request.params.get("marker", "")
    page = await services.storage.list_objects(
        request.bucket, prefix=prefix, delimiter=delimiter, marker=marker, max_keys=max_keys
    )
    position = _position_v2(request, page, encode) if second else _position(marker, page, encode)
    shown = not second or request.params.get("fetch-owner") == "true"
    owner = fragment(owner_node(services, full=False)) if shown else ""
    root: Node = (
        "ListBucketResult",
        [
            ("Name", request.bucket),
            ("EncodingType", encoding or None),
            ("Prefix", encode(prefix)),
            *position,
            ("MaxKeys", max_keys),
            ("Delimiter", encode(delimiter) if delimiter else None),
            ("IsTruncated", str(page.truncated).lower()),
            *(("CommonPrefixes", [("Prefix", encode(text))]) for text in page.common_prefixes),
            *(_contents(info, encode, owner) for info in page.objects),
        ],
    )
    return xml_response(root, (b"x-cos-bucket-region", bucket.region.encode()))


def _contents(info: ObjectInfo, encode: Callable[[str], str], owner: str) -> Rendered:
    # As text at once: there are a thousand of them in a page.
    return Rendered(
        f"<Contents><Key>{escaped(encode(info.key))}</Key>"
        f"<LastModified>{iso_millis(info.last_modified)}</LastModified>"
        f"<ETag>&quot;{escaped(info.etag)}&quot;</ETag><Size>{info.size}</Size>{owner}"
        f"<StorageClass>{escaped(info.attributes.storage_class)}</StorageClass></Contents>"
    )


def _position(marker: str, page: ObjectList, encode: Callable[[str], str]) -> list[Node]:
    following = page.next_marker
    return [("Marker", encode(marker)), ("NextMarker", None if following is None else encode(following))]


def _position_v2(request: Request, page: ObjectList, encode: Callable[[str], str]) -> list[Node]:
    start_after = request.params.get("start-after")
    following = page.next_marker
    token = None if following is None else urlsafe_b64encode(following.encode()).decode()
    return [
        ("StartAfter", None if start_after is None else encode(start_after)),
        ("ContinuationToken", request.params.get("continuation-token")),
        ("NextContinuationToken", token),
        ("KeyCount", len(page.objects) + len(page.common_prefixes)),
    ]


def _start(request: Request) -> str:
    """Where a listing of version 2 starts. Raises ``InvalidArgument`` for a token that is none of ours."""
    token = request.params.get("continuation-token")
    if not token:
        return request.params.get("start-after", "")
    try:
        return b64decode(token, altchars=b"-_", validate=True).decode()
    except (Base64Error, ValueError):
        raise InvalidArgument("The continuation token provided is incorrect.") from None
