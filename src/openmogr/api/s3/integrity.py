"""Checksums where objects and parts are stored and told: nothing of this happens for requests of COS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from xml.etree.ElementTree import Element

from openmogr.api.errors import InvalidRequest
from openmogr.api.request import Request
from openmogr.api.response import Header
from openmogr.api.s3.body import CheckedBody
from openmogr.api.s3.checksums import (
    ALGORITHMS,
    Expected,
    algorithm_named,
    check_value,
    checksum_header,
    joined,
    type_of,
    upload_checksum,
)
from openmogr.api.xml import Node, child_text, children
from openmogr.storage.errors import BadDigest, InvalidPart
from openmogr.storage.interface import (
    Assembly,
    Checksum,
    ObjectAttributes,
    ObjectInfo,
    ObjectReader,
    Part,
    Upload,
)

__all__ = [
    "announced_upload",
    "checksum_nodes",
    "completed",
    "copied",
    "copied_part",
    "expect_of_part",
    "shown",
    "uploaded",
]


def uploaded(request: Request, attributes: ObjectAttributes) -> ObjectAttributes:
    """The same with the checksum of the body, which has come in."""
    if request.s3 is None or request.s3.checksum is None:
        return attributes
    return replace(attributes, checksum=request.s3.checksum)


def shown(request: Request, info: ObjectInfo) -> list[Header]:
    """What only an answer of S3 tells of an object: how many tags it has, and its checksum where that is wanted."""
    if request.s3 is None:
        return []
    headers: list[Header] = []
    if info.attributes.tags:
        headers.append((b"x-amz-tagging-count", b"%d" % len(info.attributes.tags)))
    return [*headers, *checksum_header(info.attributes.checksum)] if request.s3.shows_checksum else headers


def announced_upload(request: Request, attributes: ObjectAttributes) -> tuple[ObjectAttributes, list[Header]]:
    """The attributes of an upload in parts, with the checksum it is to have; and what the answer says of that.

    Raises:
        InvalidRequest, InvalidArgument: there is no such checksum.
    """
    if request.s3 is None:
        return attributes, []
    given = request.s3.given
    checksum = upload_checksum(given.get("checksum-algorithm") or None, given.get("checksum-type") or None)
    if checksum is None:
        return attributes, []
    headers = [
        (b"x-amz-checksum-algorithm", checksum.algorithm.encode()),
        (b"x-amz-checksum-type", type_of(checksum).encode()),
    ]
    return replace(attributes, checksum=checksum), headers


def expect_of_part(request: Request, upload: Upload) -> None:
    """Have a part summed up as its upload needs it. Raises ``InvalidRequest`` for a checksum of another algorithm."""
    wanted = upload.attributes.checksum
    if request.s3 is None or wanted is None:
        return
    if not isinstance(request.receive, CheckedBody):
        request.receive = CheckedBody(request.receive, request.s3)
    body = request.receive
    if body.expected is None:
        body.expected = Expected(ALGORITHMS[wanted.algorithm])
    elif body.expected.algorithm.name != wanted.algorithm:
        raise InvalidRequest(
            f"Checksum Type mismatch occurred, expected checksum Type: {wanted.algorithm.lower()}, "
            f"actual checksum Type: {body.expected.algorithm.name.lower()}."
        )


async def copied(request: Request, source: ObjectReader, old: Checksum | None) -> Checksum | None:
    """The checksum of a copy: that of the source, or of the algorithm that is asked for."""
    name = None if request.s3 is None else request.s3.given.get("checksum-algorithm")
    if not name:
        return None if old is None or old.composite else old
    algorithm = algorithm_named(name)
    if old is not None and not old.composite and old.algorithm == algorithm.name:
        return old
    return await _summed(algorithm.name, source.stream())


async def copied_part(source: ObjectReader, upload: Upload, start: int, stop: int) -> Checksum | None:
    """The checksum of a part that is copied, where its upload needs one."""
    wanted = upload.attributes.checksum
    return None if wanted is None else await _summed(wanted.algorithm, source.stream(start, stop))


async def _summed(algorithm: str, chunks: AsyncIterator[bytes]) -> Checksum:
    running = ALGORITHMS[algorithm].begin()
    async for chunk in chunks:
        running.update(chunk)
    return Expected(ALGORITHMS[algorithm]).check(running.digest(), None)


def completed(request: Request, root: Element, assembly: Assembly) -> ObjectAttributes:
    """The attributes of an object made of parts, after the checksums that Complete names were compared.

    Raises:
        InvalidPart, BadDigest: they are others.
        InvalidRequest, InvalidArgument: they make no sense.
    """
    attributes = assembly.info.attributes
    checksum = attributes.checksum
    if checksum is not None:
        checksum = joined(checksum, assembly.parts)
        attributes = replace(attributes, checksum=checksum)
    if request.s3 is None:
        return attributes
    _check_parts(list(children(root, "Part")), assembly.parts)
    given = request.s3.given
    size = given.get("mp-object-size", "")
    if size and size != str(assembly.info.size):
        raise InvalidRequest(
            f"The object has {assembly.info.size} bytes, and x-amz-mp-object-size says {size}."
        )
    _check_whole(request, checksum)
    return attributes


def _check_parts(elements: Sequence[Element], parts: Sequence[Part]) -> None:
    for element, part in zip(elements, parts, strict=True):
        for algorithm in ALGORITHMS.values():
            value = child_text(element, f"Checksum{algorithm.name}")
            if value is None or part.checksum is None or part.checksum.algorithm != algorithm.name:
                if value is not None:
                    raise InvalidPart(f"Part {part.number} was uploaded without a {algorithm.name} checksum.")
                continue
            if value.strip() != part.checksum.value:
                raise InvalidPart(f"Part {part.number} has another {algorithm.name} checksum.")


def _check_whole(request: Request, checksum: Checksum | None) -> None:
    """``x-amz-checksum-*`` of Complete, which is that of the object."""
    assert request.s3 is not None
    given = request.s3.given
    kind = given.get("checksum-type")
    if kind is not None and (checksum is None or kind != type_of(checksum)):
        raise InvalidRequest("x-amz-checksum-type is not that with which the upload was initiated.")
    values = {
        item.name: value
        for item in ALGORITHMS.values()
        if (value := given.get(f"checksum-{item.name.lower()}"))
    }
    if not values:
        return
    if len(values) > 1 or checksum is None or checksum.algorithm not in values:
        raise InvalidRequest("The checksum is not of the algorithm with which the upload was initiated.")
    value = values[checksum.algorithm]
    algorithm = ALGORITHMS[checksum.algorithm]
    check_value(algorithm, value.partition("-")[0], algorithm.header)
    if checksum.composite and "-" not in value:
        value = f"{value}-{checksum.value.rpartition('-')[2]}"
    if value != checksum.value:
        raise BadDigest(f"The {algorithm.name} you specified did not match the calculated checksum.")


def checksum_nodes(request: Request, checksum: Checksum | None, *, kind: bool = True) -> list[Node]:
    """What documents of S3 tell of a checksum."""
    if request.s3 is None or checksum is None or not checksum.value:
        return []
    nodes: list[Node] = [(f"Checksum{checksum.algorithm}", checksum.value)]
    return [*nodes, ("ChecksumType", type_of(checksum))] if kind else nodes
