"""Answers in the dialect of S3: names of headers, elements and errors, and the namespace of its documents."""

from __future__ import annotations

import re
from collections.abc import Sequence

from openmogr.api.request import Request
from openmogr.api.response import Header, Response
from openmogr.api.s3.checksums import checksum_header
from openmogr.api.xml import Node, Rendered, render
from openmogr.errors import CosError

__all__ = ["error_answer", "in_s3"]

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

# Documents that S3 has; those of CI alone stay as they are.
_ROOTS = frozenset({
    "AccelerateConfiguration", "AccessControlPolicy", "BucketLoggingStatus", "CORSConfiguration",
    "CompleteMultipartUploadResult", "CopyObjectResult", "CopyPartResult", "DeleteResult",
    "GetObjectAttributesResponse", "InitiateMultipartUploadResult", "ListAllMyBucketsResult", "ListBucketResult",
    "ListBucketIntelligentTieringConfigurationsOutput", "ListBucketAnalyticsConfigurationResult",
    "LifecycleConfiguration", "ListMetricsConfigurationsResult", "ListMultipartUploadsResult", "ListPartsResult",
    "ListVersionsResult", "LocationConstraint", "NotificationConfiguration", "PolicyStatus", "PostResponse",
    "RequestPaymentConfiguration", "Tagging", "VersioningConfiguration", "WebsiteConfiguration",
})  # fmt: skip
_RAW_ROOT = re.compile(rb"\s*(?:<\?[^>]*\?>\s*)?<([A-Za-z]+)(?=[\s/>])(?![^>]*xmlns=)")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NAMES = {"Encoding-type": "EncodingType", "Encoding-Type": "EncodingType"}
# What only COS says.
_DROPPED = frozenset({"CRC64"})
_GROUPS = ("http://cam.qcloud.com/groups/global/", "http://acs.amazonaws.com/groups/global/")

# Headers that are COS's own and have no counterpart.
_KEPT = frozenset({b"x-cos-hash-crc64ecma"})

# Codes that S3 spells, or means, otherwise; with the status where that differs too.
_CODES: dict[str, tuple[str, int | None]] = {
    "NotSupported": ("NotImplemented", 501),
    "FileAlreadyExists": ("PreconditionFailed", 412),
    "KeyTooLong": ("KeyTooLongError", None),
    "InvalidObjectName": ("InvalidArgument", None),
    "InvalidDelimiter": ("InvalidArgument", None),
    "InvalidCopySource": ("InvalidArgument", None),
    "NotSupportedStorageClass": ("InvalidStorageClass", None),
    "XMLSizeLimit": ("MaxMessageLengthExceeded", None),
    "NoSuchEncryptionConfiguration": ("ServerSideEncryptionConfigurationNotFoundError", None),
    "InventoryConfigurationNotFoundError": ("NoSuchConfiguration", None),
}


def in_s3(request: Request, response: Response, request_id: str) -> Response:
    """The same answer as S3 gives it."""
    assert request.s3 is not None
    if response.document is not None:
        response.body = render(_document(response.document))
    elif (
        not request.key
        and response.body
        and (match := _RAW_ROOT.match(response.body))
        and match[1].decode() in _ROOTS
    ):
        end = match.end()
        response.body = response.body[:end] + f' xmlns="{NAMESPACE}"'.encode() + response.body[end:]
    response.document = None
    response.headers = [
        (_header_name(name), value) for name, value in response.headers if name != b"x-cos-acl"
    ]
    if response.status != 200:  # a checksum is that of a whole, which is there
        response.headers = [item for item in response.headers if not item[0].startswith(b"x-amz-checksum-")]
    if request.operation in ("put_object", "upload_part") and response.status == 200:
        response.headers += checksum_header(request.s3.checksum)
    response.headers.append((b"x-amz-request-id", request_id.encode()))
    return response


def _header_name(name: bytes) -> bytes:
    if name in _KEPT or not name.startswith(b"x-cos-"):
        return name
    return b"x-amz-id-2" if name == b"x-cos-trace-id" else b"x-amz-" + name[6:]


def _document(node: Node) -> Node:
    if isinstance(node, Rendered):
        return node
    name, value = node
    if name not in _ROOTS:
        return node
    return (f'{name} xmlns="{NAMESPACE}"', _value(name, value))


def _value(name: str, value: str | int | Sequence[Node] | None) -> str | int | Sequence[Node] | None:
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, str):
        if name == "StorageClass":
            return value.upper()
        return value.replace(*_GROUPS) if name == "URI" else value
    children: list[Node] = []
    for item in value:
        # What is rendered, objects of listings, is alike in both dialects.
        if isinstance(item, Rendered):
            children.append(item)
        elif item[0] not in _DROPPED:
            children.append((_NAMES.get(item[0], item[0]), _value(*item)))
    return children


def error_answer(request: Request, error: CosError, headers: list[Header], ids: tuple[str, str]) -> Response:
    """An error as S3 has it; ``ids`` are those of the request and of its trace."""
    code, status = _CODES.get(error.code, (error.code, None))
    members: list[Node] = [
        ("Code", code),
        ("Message", readable(error.message or code).replace("x-cos-", "x-amz-")),
        ("Resource", readable(request.path) or "/"),
        ("RequestId", ids[0]),
        ("HostId", ids[1]),
    ]
    if request.bucket:
        members[2:2] = [("BucketName", readable(request.bucket))]
    if region := error.headers.get("x-amz-bucket-region"):
        members.append(("Region", region))
    if request.method == "HEAD":
        return Response(status or error.status, headers, length=0)
    return Response(status or error.status, headers, render(("Error", members)))


def readable(text: str) -> str:
    """Without what XML 1.0 cannot hold: a client may put any byte into the path that is repeated."""
    return _NOT_XML.sub("\ufffd", text)
