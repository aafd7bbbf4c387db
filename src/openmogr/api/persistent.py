"""Persistent processing: uploads, copies, stored data, Complete (``docs/spec/api/persistent-processing.md#3 to #7``).

All or nothing: every rule is parsed before a byte is taken in, every result exists before one is stored, and
original and results are committed together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from openmogr.api.access import check_write, open_readable
from openmogr.api.attributes import forbids_overwrite
from openmogr.api.body import receive_into
from openmogr.api.pic_operations import PicOperations, Rule, parse_pic_operations
from openmogr.api.processing import source_of, too_large
from openmogr.api.request import Request
from openmogr.api.response import Header, Response, xml_response
from openmogr.api.services import Services
from openmogr.api.xml import Node, quoted
from openmogr.errors import AccessDenied, CosError, InvalidPicOperations
from openmogr.image import ImageInfo, Result, Source
from openmogr.storage.interface import (
    Assembly,
    Content,
    Digest,
    ObjectAttributes,
    ObjectHeaders,
    ObjectInfo,
    ObjectReader,
    Staged,
    Write,
)

__all__ = [
    "checked_operations",
    "process_assembly",
    "process_copy",
    "process_stored",
    "process_upload",
    "store_and_process",
]


@dataclass(frozen=True)
class _Outcome:
    """What was committed: the source, and the results in rule order."""

    source: ObjectInfo
    image_info: ImageInfo | None
    results: Sequence[tuple[ObjectInfo, Result]]


def _operations(services: Services, request: Request) -> PicOperations:
    raw = request.headers.get(b"pic-operations", b"").strip()
    if not raw:
        raise InvalidPicOperations("The request has no Pic-Operations header.")
    return parse_pic_operations(raw, request.bucket, request.key, services.image)


async def process_upload(services: Services, request: Request, attributes: ObjectAttributes) -> Response:
    """PUT Object with ``Pic-Operations``."""
    operations = await checked_operations(services, request)
    async with services.storage.stage() as staged:
        digest = await receive_into(services, request, staged)
        document, notes = await store_and_process(services, request, operations, attributes, (staged, digest))
    headers = [(b"etag", quoted(digest.etag).encode()), (b"x-cos-hash-crc64ecma", b"%d" % digest.crc64)]
    return Response(200, headers) if document is None else xml_response(document, *headers, *notes)


async def store_and_process(
    services: Services,
    request: Request,
    operations: PicOperations,
    attributes: ObjectAttributes,
    upload: tuple[Staged, Digest],
) -> tuple[Node | None, list[Header]]:
    """Store an upload that has been taken in, with the results of its rules.

    Returns:
        What the answer says, None where nothing was asked for; and its further headers.
    """
    staged, digest = upload
    # An empty upload has no file.
    source = Source(path=staged.path) if digest.size else Source(data=b"")
    write = Write(
        request.bucket, request.key, staged, attributes, forbid_overwrite=forbids_overwrite(request)
    )
    outcome = await _run(services, operations, _Input(source, digest.size, staged, attributes), write)
    if not operations.rules and not operations.is_pic_info:
        return None, []
    return _upload_result(request, outcome), _notes(outcome)


async def process_copy(
    services: Services, request: Request, source: ObjectReader, attributes: ObjectAttributes
) -> tuple[ObjectInfo, list[Node], list[Header]]:
    """PUT Object - Copy with ``Pic-Operations``: the copy, and what its answer says besides."""
    operations = await checked_operations(services, request)
    write = Write(
        request.bucket, request.key, source, attributes, forbid_overwrite=forbids_overwrite(request)
    )
    given = replace(await _input(services, source), attributes=attributes)
    outcome = await _run(services, operations, given, write)
    return outcome.source, _flat_result(request, outcome), _notes(outcome)


async def process_stored(services: Services, request: Request) -> Response:
    """POST ``?image_process``."""
    await check_write(services, request)
    operations = await checked_operations(services, request)
    async with await open_readable(services, request) as reader:
        outcome = await _run(services, operations, await _input(services, reader), None)
    return xml_response(_upload_result(request, outcome), *_notes(outcome))


def _notes(outcome: _Outcome) -> list[Header]:
    """What results have to say in headers, each once."""
    notes = {name.lower(): value for _, result in outcome.results for name, value in result.headers.items()}
    return [
        (name.encode(), value.encode()) for name, value in notes.items() if name.startswith("x-openmogr-")
    ]


async def process_assembly(
    services: Services, request: Request, assembly: Assembly
) -> tuple[ObjectInfo, list[Node]]:
    """Complete Multipart Upload with ``Pic-Operations``: the object, and what its answer says besides."""
    operations = await checked_operations(services, request)
    write = Write(
        request.bucket,
        request.key,
        assembly,
        assembly.info.attributes,
        forbid_overwrite=forbids_overwrite(request),
    )
    outcome = await _run(services, operations, await _input(services, assembly), write)
    return outcome.source, _flat_result(request, outcome)


@dataclass(frozen=True)
class _Input:
    """The source of all rules; ``source`` is None where it is too large to be looked into."""

    source: Source | None
    size: int
    content: Content
    attributes: ObjectAttributes
    info: ObjectInfo | None = None


async def _input(services: Services, reader: ObjectReader) -> _Input:
    info = reader.info
    source = await source_of(reader) if info.size <= services.image.max_input_bytes else None
    return _Input(source, info.size, reader, info.attributes, info)


async def checked_operations(services: Services, request: Request) -> PicOperations:
    """The header's rules, whose target buckets exist."""
    operations = _operations(services, request)
    for bucket in {rule.bucket for rule in operations.rules} - {request.bucket}:
        if not request.signed:
            raise AccessDenied()
        await services.storage.head_bucket(bucket)
    return operations


async def _run(
    services: Services, operations: PicOperations, given: _Input, original: Write | None
) -> _Outcome:
    """Execute all rules and commit.

    Args:
        services: the parts of the service.
        operations: the checked header.
        given: the source.
        original: how the source itself is stored; None where it is stored already.
    """
    if given.size > services.image.max_input_bytes:
        given = _Input(None, given.size, given.content, given.attributes, given.info)
    info_wanted = [_image_info_of(services, given)] if operations.is_pic_info else []
    done = await asyncio.gather(
        *(_execute(services, rule, given) for rule in operations.rules), *info_wanted, return_exceptions=True
    )
    for item in done:
        if isinstance(item, BaseException):
            # Numbers of downloads mean nothing here.
            if isinstance(item, CosError):
                item.headers.pop("X-ErrNo", None)
            raise item
    results = [item for item in done if isinstance(item, Result)]
    image_info = next((item for item in done if isinstance(item, ImageInfo)), None)
    async with _writes(services, operations.rules, results, given) as writes:
        infos = await services.storage.commit(writes if original is None else [original, *writes])
    if original is None:
        assert given.info is not None
        source, stored = given.info, infos
    else:
        source, stored = infos[0], infos[1:]
    for info in stored:
        if (info.bucket, info.key) == (source.bucket, source.key):
            source = info
    return _Outcome(source, image_info, list(zip(stored, results, strict=True)))


async def _execute(services: Services, rule: Rule, given: _Input) -> Result:
    if given.source is None:
        if not rule.pipeline.ignore_error:
            raise too_large(services)
        return Result(b"", given.attributes.headers.content_type, "", 0, 0, 100, is_original=True)
    return await services.pool.execute(rule.pipeline, given.source)


async def _image_info_of(services: Services, given: _Input) -> ImageInfo:
    if given.source is None:
        raise too_large(services)
    return await services.pool.image_info(given.source)


@asynccontextmanager
async def _writes(
    services: Services, rules: Sequence[Rule], results: Sequence[Result], given: _Input
) -> AsyncIterator[list[Write]]:
    """The results, staged: as ``docs/spec/api/persistent-processing.md#3`` says, with the request's class."""
    async with AsyncExitStack() as stack:
        writes = []
        for rule, result in zip(rules, results, strict=True):
            content, content_type = given.content, given.attributes.headers.content_type
            if not result.is_original:
                staged = await stack.enter_async_context(services.storage.stage())
                await staged.write(result.data)
                content, content_type = staged, result.content_type
            attributes = ObjectAttributes(
                headers=ObjectHeaders(content_type=content_type),
                storage_class=given.attributes.storage_class,
            )
            writes.append(Write(rule.bucket, rule.key, content, attributes))
        yield writes


def _upload_result(request: Request, outcome: _Outcome) -> Node:
    source = outcome.source
    original: list[Node] = [
        ("Key", source.key),
        ("Location", request.location(source.bucket, source.key)),
        ("ETag", quoted(source.etag)),
    ]
    if outcome.image_info is not None:
        original.append(_image_info(outcome.image_info))
    return ("UploadResult", [("OriginalInfo", original), *_process_results(request, outcome)])


def _flat_result(request: Request, outcome: _Outcome) -> list[Node]:
    nodes = [] if outcome.image_info is None else [_image_info(outcome.image_info)]
    return [*nodes, *_process_results(request, outcome)]


def _image_info(info: ImageInfo) -> Node:
    return (
        "ImageInfo",
        [
            ("Format", info.format),
            ("Width", info.width),
            ("Height", info.height),
            ("Quality", info.quality),
            ("Ave", info.ave),
            ("Orientation", info.orientation),
            ("FrameCount", info.frame_count if info.frame_count > 1 else None),
        ],
    )


def _process_results(request: Request, outcome: _Outcome) -> list[Node]:
    objects: list[Node] = [
        (
            "Object",
            [
                ("Key", info.key),
                ("Location", request.location(info.bucket, info.key)),
                ("Format", result.format),
                ("Width", result.width),
                ("Height", result.height),
                ("Size", info.size),
                ("Quality", result.quality),
                ("ETag", quoted(info.etag)),
                ("FrameCount", result.frame_count if result.frame_count > 1 else None),
            ],
        )
        for info, result in outcome.results
    ]
    return [("ProcessResults", objects)] if objects else []
