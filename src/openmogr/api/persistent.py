"""Persistent processing: uploads, copies, stored data, Complete (``docs/spec/api/persistent-processing.md#3 to #7``).

All or nothing: every rule is parsed before a byte is taken in, every result exists before one is stored, and
original and results are committed together.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from openmogr.api.access import check_write, check_write_at, open_readable
from openmogr.api.attributes import forbids_overwrite
from openmogr.api.body import receive_into
from openmogr.api.further import FurtherSources, check_further
from openmogr.api.grants import check_place
from openmogr.api.pic_operations import PicOperations, Rule, parse_pic_operations
from openmogr.api.processing import SLIM_FLAG, memory_headers, result_headers, too_large
from openmogr.api.protection import check_original
from openmogr.api.request import Request
from openmogr.api.response import Header, Response, xml_response
from openmogr.api.results import Made, Work
from openmogr.api.s3.integrity import uploaded
from openmogr.api.services import Services
from openmogr.api.sources import OpenSource
from openmogr.api.styles import styles_of
from openmogr.api.verdict import check_policy_at
from openmogr.api.xml import Node, quoted
from openmogr.errors import AccessDenied, InvalidPicOperations
from openmogr.image import ImageInfo, Result
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
    "Processed",
    "checked_operations",
    "process_assembly",
    "process_copy",
    "process_in_background",
    "process_stored",
    "process_upload",
    "processed_nodes",
    "store_and_process",
]

# Bytes of a result that are in memory on their way into the storage.
_COPIED = 1024 * 1024


@dataclass(frozen=True)
class Processed:
    """What was committed: the source, and the results in rule order."""

    source: ObjectInfo
    image_info: ImageInfo | None
    results: Sequence[tuple[ObjectInfo, Result]]
    memory: Sequence[Header] = ()


async def _operations(services: Services, request: Request) -> PicOperations:
    raw = request.headers.get(b"pic-operations", b"").strip()
    if not raw:
        raise InvalidPicOperations("The request has no Pic-Operations header.")
    styles = await styles_of(services, request.bucket) if b"style" in raw.lower() else {}
    return parse_pic_operations(raw, request.bucket, request.key, services.image, styles)


async def process_upload(services: Services, request: Request, attributes: ObjectAttributes) -> Response:
    """PUT Object with ``Pic-Operations``."""
    operations = await checked_operations(services, request)
    async with services.storage.stage() as staged:
        await receive_into(services, request, staged)
        digest = await staged.finish()
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
    attributes = uploaded(request, attributes)
    source = OpenSource(staged, digest.size, digest.etag, digest.crc64)
    write = Write(
        request.bucket, request.key, staged, attributes, forbid_overwrite=forbids_overwrite(request)
    )
    outcome = await _run(services, operations, _Input(source, staged, attributes), write, request)
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
    given = replace(_input(source), attributes=attributes)
    outcome = await _run(services, operations, given, write, request)
    return outcome.source, _flat_result(request, outcome), _notes(outcome)


async def process_in_background(
    services: Services, bucket: str, key: str, operations: PicOperations
) -> Processed:
    """Process what is stored, for the owner, without a request that waits for it."""
    async with await services.storage.open_object(bucket, key) as reader:
        return await _run(services, operations, _input(reader), None, None)


async def process_stored(services: Services, request: Request) -> Response:
    """POST ``?image_process``."""
    await check_write(services, request)
    operations = await checked_operations(services, request)
    async with await open_readable(services, request) as reader:
        await check_original(services, request, reader.info.attributes.headers.content_type)
        outcome = await _run(services, operations, _input(reader), None, request)
    return xml_response(_upload_result(request, outcome), *_notes(outcome))


def _notes(outcome: Processed) -> list[Header]:
    """What results have to say in headers, each once; where they do not agree on ``X-Slimflag``, without it."""
    said = dict.fromkeys(note for _, result in outcome.results for note in result_headers(result))
    flags = [note for note in said if note[0] == SLIM_FLAG]
    return [*(note for note in said if len(flags) < 2 or note not in flags), *outcome.memory]


async def process_assembly(
    services: Services, request: Request, assembly: Assembly, attributes: ObjectAttributes
) -> tuple[ObjectInfo, list[Node]]:
    """Complete Multipart Upload with ``Pic-Operations``: the object, and what its answer says besides."""
    operations = await checked_operations(services, request)
    write = Write(
        request.bucket,
        request.key,
        assembly,
        attributes,
        forbid_overwrite=forbids_overwrite(request),
    )
    outcome = await _run(services, operations, _input(assembly), write, request)
    return outcome.source, _flat_result(request, outcome)


@dataclass(frozen=True)
class _Input:
    """The source of all rules."""

    source: OpenSource
    content: Content
    attributes: ObjectAttributes
    info: ObjectInfo | None = None


def _input(reader: ObjectReader) -> _Input:
    return _Input(OpenSource.of(reader), reader, reader.info.attributes, reader.info)


async def checked_operations(services: Services, request: Request) -> PicOperations:
    """The header's rules, whose target buckets exist, and whose further images may be read."""
    operations = await _operations(services, request)
    for bucket in {rule.bucket for rule in operations.rules} - {request.bucket}:
        if not request.is_owner:
            raise AccessDenied()
        await services.storage.head_bucket(bucket)
    await check_further(services, request, [rule.pipeline for rule in operations.rules])
    for rule in operations.rules:
        check_place(request, "PutObject", rule.bucket, rule.key)
        await check_policy_at(services, request, "PutObject", rule.bucket, rule.key)
        await check_write_at(services, request, "PutObject", rule.bucket, rule.key)
    return operations


async def _run(
    services: Services,
    operations: PicOperations,
    given: _Input,
    original: Write | None,
    request: Request | None,
) -> Processed:
    """Execute all rules and commit.

    Args:
        services: the parts of the service.
        operations: the checked header.
        given: the source.
        original: how the source itself is stored; None where it is stored already.
        request: what asks for it; None: the owner, without one.
    """
    made = await _execute(services, operations, given, request)
    image_info = next((item.info for item in made if item.info is not None), None)
    done = [item for item in made if item.result is not None]
    results = [item.result for item in done if item.result is not None]
    try:
        async with _writes(services, operations.rules, done, given) as writes:
            infos = await services.storage.commit(writes if original is None else [original, *writes])
    finally:
        for item in made:
            if item.file is not None:
                item.file.close()
    memory = memory_headers(services, done)
    if original is None:
        assert given.info is not None
        source, stored = given.info, infos
    else:
        source, stored = infos[0], infos[1:]
    for info in stored:
        if (info.bucket, info.key) == (source.bucket, source.key):
            source = info
    return Processed(source, image_info, list(zip(stored, results, strict=True)), memory)


async def _execute(
    services: Services, operations: PicOperations, given: _Input, request: Request | None
) -> list[Made]:
    """The results in rule order, and then the info."""
    pipelines = [rule.pipeline for rule in operations.rules]
    if given.source.size > services.image.max_input_bytes:
        if operations.is_pic_info or not all(pipeline.ignore_error for pipeline in pipelines):
            raise too_large(services)
        content_type = given.attributes.headers.content_type
        return [Made(Result(b"", content_type, "", 0, 0, 100, is_original=True)) for _ in pipelines]
    if not pipelines and not operations.is_pic_info:
        return []
    try:
        async with FurtherSources(services, request) as further:
            pipelines = [await further.resolved(pipeline) for pipeline in pipelines]
            is_owner = request is None or request.is_owner
            work = Work(given.source, pipelines, further.found, operations.is_pic_info, is_owner=is_owner)
            return await services.results.get(work)
    finally:
        await given.source.aclose()


@asynccontextmanager
async def _writes(
    services: Services, rules: Sequence[Rule], done: Sequence[Made], given: _Input
) -> AsyncIterator[list[Write]]:
    """The results, staged: as ``docs/spec/api/persistent-processing.md#3`` says, with the request's class."""
    async with AsyncExitStack() as stack:
        writes = []
        for rule, made in zip(rules, done, strict=True):
            content, content_type = given.content, given.attributes.headers.content_type
            if made.result is not None and not made.result.is_original:
                staged = await stack.enter_async_context(services.storage.stage())
                await _copy(made, made.result, staged)
                content, content_type = staged, made.result.content_type
            attributes = ObjectAttributes(
                headers=ObjectHeaders(content_type=content_type),
                storage_class=given.attributes.storage_class,
            )
            writes.append(Write(rule.bucket, rule.key, content, attributes))
        yield writes


async def _copy(made: Made, result: Result, staged: Staged) -> None:
    if made.file is None:
        await staged.write(result.data)
        return
    # A file has just been written, or read to be checked: it comes from the page cache.
    for start in range(0, made.size, _COPIED):
        await staged.write(made.file.read(start, min(start + _COPIED, made.size)))


def _upload_result(request: Request, outcome: Processed) -> Node:
    return processed_nodes(outcome, request.location)


def processed_nodes(outcome: Processed, location: Callable[[str, str], str]) -> Node:
    """``UploadResult``; ``location`` says where a bucket's key is reached."""
    source = outcome.source
    original: list[Node] = [
        ("Key", source.key),
        ("Location", location(source.bucket, source.key)),
        ("ETag", quoted(source.etag)),
    ]
    if outcome.image_info is not None:
        original.append(_image_info(outcome.image_info))
    return ("UploadResult", [("OriginalInfo", original), *_process_results(outcome, location)])


def _flat_result(request: Request, outcome: Processed) -> list[Node]:
    nodes = [] if outcome.image_info is None else [_image_info(outcome.image_info)]
    return [*nodes, *_process_results(outcome, request.location)]


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


def _process_results(outcome: Processed, location: Callable[[str, str], str]) -> list[Node]:
    objects: list[Node] = [
        (
            "Object",
            [
                ("Key", info.key),
                ("Location", location(info.bucket, info.key)),
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
