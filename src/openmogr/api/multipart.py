"""Multipart upload (``docs/spec/api/object-api.md#3``)."""

from __future__ import annotations

from openmogr.api.access import check_owner, check_write
from openmogr.api.attributes import check_key, forbids_overwrite, request_attributes
from openmogr.api.body import receive_into
from openmogr.api.conditions import required_etag
from openmogr.api.copying import copy_part
from openmogr.api.documents import read_document
from openmogr.api.encoding import check_delimiter, encoder
from openmogr.api.errors import MalformedXML
from openmogr.api.persistent import process_assembly
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.s3.integrity import announced_upload, checksum_nodes, completed, expect_of_part
from openmogr.api.services import Services
from openmogr.api.xml import Node, child_text, children, iso_millis, quoted
from openmogr.errors import InvalidArgument
from openmogr.storage.interface import CompletedPart, Write

__all__ = [
    "abort_upload",
    "complete_upload",
    "initiate_upload",
    "list_parts",
    "list_uploads",
    "owner_node",
    "upload_part",
]

_MAX_PARTS = 10_000


def owner_node(services: Services, name: str = "Owner", *, full: bool = True) -> Node:
    """The owner of everything; listings show the bare number."""
    owner = services.settings.owner_id
    identity = f"qcs::cam::uin/{owner}:uin/{owner}" if full else owner
    return (name, [("ID", identity), ("DisplayName", owner)])


async def initiate_upload(services: Services, request: Request) -> Response:
    """POST ``?uploads``."""
    await check_write(services, request)
    check_key(request.key)
    attributes, headers = announced_upload(request, request_attributes(request))
    upload = await services.storage.create_upload(request.bucket, request.key, attributes)
    return xml_response(
        (
            "InitiateMultipartUploadResult",
            [("Bucket", upload.bucket), ("Key", upload.key), ("UploadId", upload.upload_id)],
        ),
        *headers,
    )


async def upload_part(services: Services, request: Request) -> Response:
    """PUT ``?partNumber=&uploadId=``, with bytes or a copy source."""
    await check_write(services, request)
    text = request.params.get("partNumber", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    if not 1 <= number <= _MAX_PARTS:
        raise InvalidArgument(f"partNumber must be an integer from 1 to {_MAX_PARTS}.")
    upload_id = request.params["uploadId"]
    # An unknown upload is told before the body is received.
    page = await services.storage.list_parts(request.bucket, request.key, upload_id, max_parts=1)
    if request.header("x-cos-copy-source") is not None:
        return await copy_part(services, request, page.upload, number)
    expect_of_part(request, page.upload)
    async with services.storage.stage() as staged:
        await receive_into(services, request, staged)
        checksum = None if request.s3 is None else request.s3.checksum
        part = await services.storage.put_part(
            request.bucket, request.key, upload_id, number, staged, checksum
        )
    return Response(
        200, [(b"etag", quoted(part.etag).encode()), (b"x-cos-hash-crc64ecma", b"%d" % part.crc64)]
    )


async def list_parts(services: Services, request: Request) -> Response:
    """GET ``?uploadId=``."""
    await check_owner(services, request)
    encode, encoding = encoder(request)
    marker = request.integer("part-number-marker", 0, 0, _MAX_PARTS)
    max_parts = request.integer("max-parts", 1000, 1, 1000)
    page = await services.storage.list_parts(
        request.bucket, request.key, request.params["uploadId"], marker=marker, max_parts=max_parts
    )
    parts: list[Node] = [
        (
            "Part",
            [
                ("PartNumber", part.number),
                ("LastModified", iso_millis(part.last_modified)),
                ("ETag", quoted(part.etag)),
                ("Size", part.size),
                *checksum_nodes(request, part.checksum, kind=False),
            ],
        )
        for part in page.parts
    ]
    return xml_response(
        (
            "ListPartsResult",
            [
                ("Bucket", request.bucket),
                ("Encoding-type", encoding),
                ("Key", encode(request.key)),
                ("UploadId", page.upload.upload_id),
                owner_node(services, full=False),
                ("PartNumberMarker", marker),
                owner_node(services, "Initiator"),
                *parts,
                ("NextPartNumberMarker", page.next_marker),
                ("StorageClass", page.upload.attributes.storage_class.title()),
                ("MaxParts", max_parts),
                ("IsTruncated", str(page.truncated).lower()),
            ],
        )
    )


async def complete_upload(services: Services, request: Request) -> Response:
    """POST ``?uploadId=``, with ``Pic-Operations`` or without."""
    await check_write(services, request)
    root = await read_document(services, request, "CompleteMultipartUpload")
    parts = []
    for item in children(root, "Part"):
        number, etag = (child_text(item, "PartNumber") or "").strip(), child_text(item, "ETag")
        if not (number.isascii() and number.isdigit()) or len(number) > 9 or etag is None:
            raise MalformedXML("Every Part needs a PartNumber and an ETag.")
        parts.append(CompletedPart(int(number), etag.strip().strip('"').lower()))
    if not parts:
        raise MalformedXML("CompleteMultipartUpload holds no Part.")
    assembly = await services.storage.assemble(request.bucket, request.key, request.params["uploadId"], parts)
    async with assembly:
        attributes = completed(request, root, assembly)
        if request.header("pic-operations") is not None:
            info, results = await process_assembly(services, request, assembly, attributes)
        else:
            write = Write(
                request.bucket,
                request.key,
                assembly,
                attributes,
                forbid_overwrite=forbids_overwrite(request),
                if_match=required_etag(request),
            )
            (info,) = await services.storage.commit([write])
            results = []
    etag = quoted(info.etag)
    return xml_response(
        (
            "CompleteMultipartUploadResult",
            [
                ("Location", f"http://{request.location(request.bucket, request.key)}"),
                ("Bucket", request.bucket),
                ("Key", request.key),
                ("ETag", etag),
                *checksum_nodes(request, info.attributes.checksum),
                *results,
            ],
        ),
        (b"etag", etag.encode()),
        (b"x-cos-hash-crc64ecma", b"%d" % assembly.info.crc64),
    )


async def abort_upload(services: Services, request: Request) -> Response:
    """DELETE ``?uploadId=``."""
    await check_write(services, request)
    await services.storage.abort_upload(request.bucket, request.key, request.params["uploadId"])
    return Response(204)


async def list_uploads(services: Services, request: Request) -> Response:
    """GET ``?uploads`` of a bucket."""
    await check_owner(services, request)
    encode, encoding = encoder(request)
    get = request.params.get
    delimiter = check_delimiter(request)
    max_uploads = request.integer("max-uploads", 1000, 1, 1000)
    page = await services.storage.list_uploads(
        request.bucket,
        prefix=get("prefix", ""),
        delimiter=delimiter,
        key_marker=get("key-marker", ""),
        upload_id_marker=get("upload-id-marker", ""),
        max_uploads=max_uploads,
    )
    uploads: list[Node] = [
        (
            "Upload",
            [
                ("Key", encode(upload.key)),
                ("UploadId", upload.upload_id),
                owner_node(services, "Initiator"),
                owner_node(services),
                ("StorageClass", upload.attributes.storage_class.title()),
                ("Initiated", iso_millis(upload.initiated)),
            ],
        )
        for upload in page.uploads
    ]
    prefixes: list[Node] = [("CommonPrefixes", [("Prefix", encode(text))]) for text in page.common_prefixes]
    next_key = page.next_key_marker
    return xml_response(
        (
            "ListMultipartUploadsResult",
            [
                ("Bucket", request.bucket),
                ("Encoding-Type", encoding),
                ("KeyMarker", encode(get("key-marker", ""))),
                ("UploadIdMarker", get("upload-id-marker", "")),
                ("NextKeyMarker", None if next_key is None else encode(next_key)),
                ("NextUploadIdMarker", page.next_upload_id_marker),
                ("MaxUploads", max_uploads),
                ("Prefix", encode(get("prefix", ""))),
                ("Delimiter", encode(delimiter)),
                ("IsTruncated", str(page.truncated).lower()),
                *uploads,
                *prefixes,
            ],
        )
    )
