"""Tags of objects and buckets (``docs/spec/api/object-api.md#7``)."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from openmogr.api.access import check_owner
from openmogr.api.attributes import check_tags
from openmogr.api.documents import read_document
from openmogr.api.errors import MalformedXML, NoSuchTagSet
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.xml import Node, child_text, children, parse, render

__all__ = [
    "bucket_tags",
    "delete_bucket_tagging",
    "delete_object_tagging",
    "get_bucket_tagging",
    "get_object_tagging",
    "put_bucket_tagging",
    "put_object_tagging",
    "tagging_document",
]

_KIND = "tagging"
_MAX_OBJECT_TAGS, _MAX_BUCKET_TAGS = 10, 50


def _node(tags: Mapping[str, str]) -> Node:
    items: list[Node] = [("Tag", [("Key", key), ("Value", value)]) for key, value in tags.items()]
    return ("Tagging", [("TagSet", items)])


def tagging_document(tags: Mapping[str, str]) -> bytes:
    """Tags as they are kept with a bucket."""
    return render(_node(tags))


async def bucket_tags(services: Services, bucket: str) -> Mapping[str, str]:
    """The tags of a bucket that exists."""
    document = await services.storage.get_bucket_document(bucket, _KIND)
    return {} if document is None else _tags(parse(document, "Tagging"), _MAX_BUCKET_TAGS)


async def _read_tags(services: Services, request: Request, max_tags: int) -> Mapping[str, str]:
    return _tags(await read_document(services, request, "Tagging"), max_tags)


def _tags(root: Element, max_tags: int) -> Mapping[str, str]:
    tag_set = root.find("TagSet")
    if tag_set is None:
        raise MalformedXML("Tagging holds no TagSet.")
    pairs = []
    for item in children(tag_set, "Tag"):
        key, value = child_text(item, "Key"), child_text(item, "Value")
        if key is None:
            raise MalformedXML("A Tag holds no Key.")
        pairs.append((key, value or ""))
    return check_tags(pairs, max_tags)


async def get_object_tagging(services: Services, request: Request) -> Response:
    """GET ``?tagging`` of an object; no tags are an empty set."""
    await check_owner(services, request)
    info = await services.storage.head_object(request.bucket, request.key)
    return xml_response(_node(info.attributes.tags))


async def put_object_tagging(services: Services, request: Request) -> Response:
    """PUT ``?tagging`` of an object."""
    await check_owner(services, request)
    tags = await _read_tags(services, request, _MAX_OBJECT_TAGS)
    await services.storage.set_object_tags(request.bucket, request.key, tags)
    return Response(200)


async def delete_object_tagging(services: Services, request: Request) -> Response:
    """DELETE ``?tagging`` of an object."""
    await check_owner(services, request)
    await services.storage.set_object_tags(request.bucket, request.key, {})
    return Response(204)


async def get_bucket_tagging(services: Services, request: Request) -> Response:
    """GET ``?tagging`` of a bucket; 404 without tags."""
    await check_owner(services, request)
    document = await services.storage.get_bucket_document(request.bucket, _KIND)
    if document is None:
        raise NoSuchTagSet()
    return Response(200, [(b"content-type", b"application/xml")], document)


async def put_bucket_tagging(services: Services, request: Request) -> Response:
    """PUT ``?tagging`` of a bucket."""
    await check_owner(services, request)
    tags = await _read_tags(services, request, _MAX_BUCKET_TAGS)
    document = tagging_document(tags) if tags else None
    await services.storage.put_bucket_document(request.bucket, _KIND, document)
    return Response(200)


async def delete_bucket_tagging(services: Services, request: Request) -> Response:
    """DELETE ``?tagging`` of a bucket."""
    await check_owner(services, request)
    await services.storage.put_bucket_document(request.bucket, _KIND, None)
    return Response(204)
