"""Requests about queues, and about buckets that have them, which are all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from openmogr.api.access import check_owner
from openmogr.api.documents import read_document
from openmogr.api.jobs.callback import Callback
from openmogr.api.jobs.documents import queue_node, text_of, timestamp
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.xml import Node
from openmogr.errors import InvalidArgument, NotSupported
from openmogr.jobs import NoSuchQueue, Queue, QueueState
from openmogr.storage.interface import Bucket

__all__ = ["describe_buckets", "describe_queues", "enable_bucket", "update_queue"]

_CATEGORIES = ("PicProcessing", "All", "")
_MAX_NAME = 100


async def describe_queues(services: Services, request: Request) -> Response:
    """GET ``/queue`` and ``/picqueue``."""
    await check_owner(services, request)
    await services.storage.head_bucket(request.bucket)
    params = request.params
    if (category := params.get("category", "")) not in _CATEGORIES:
        raise NotSupported(f"Queues of the category {category[:100]!r} are not supported.")
    if (state := params.get("state", "")) not in ("", "All", *QueueState):
        raise InvalidArgument(f"state must be one of All, {', '.join(QueueState)}.")
    page, size = _page(request)
    queue = await services.jobs.store.queue(request.bucket)
    wanted = [text for text in params.get("queueids", "").split(",") if text]
    chosen = [
        found
        for found in (queue,)
        if (not wanted or found.id in wanted) and state in ("", "All", found.state.value)
    ]
    missing: list[Node] = [("QueueID", identifier) for identifier in wanted if identifier != queue.id]
    return xml_response(
        (
            "Response",
            [
                ("TotalCount", len(chosen)),
                ("PageNumber", page),
                ("PageSize", size),
                *(queue_node(found) for found in _part(chosen, page, size)),
                ("NonExistPIDs", missing or None),
            ],
        )
    )


def _page(request: Request) -> tuple[int, int]:
    return request.integer("pagenumber", 1, 1, 10**6), request.integer("pagesize", 10, 1, 100)


def _part(items: Sequence[Queue], page: int, size: int) -> Sequence[Queue]:
    return items[(page - 1) * size : page * size]


async def update_queue(services: Services, request: Request) -> Response:
    """PUT ``/queue/<id>`` and ``/picqueue/<id>``: name, state, and whom ends are told."""
    await check_owner(services, request)
    await services.storage.head_bucket(request.bucket)
    queue = await services.jobs.store.queue(request.bucket)
    if request.key.partition("/")[2] != queue.id:
        raise NoSuchQueue()
    root = await read_document(services, request, "Request")
    name, state = text_of(root, "Name", queue.name), text_of(root, "State", queue.state.value)
    if len(name) > _MAX_NAME:
        raise InvalidArgument(f"Name has more than {_MAX_NAME} characters.")
    if state not in tuple(QueueState):
        raise InvalidArgument(f"State must be one of {', '.join(QueueState)}.")
    url, form = queue.callback, queue.callback_format
    if root.find("NotifyConfig") is not None:
        url = (
            text_of(root, "NotifyConfig/Url", "")
            if _is_on(text_of(root, "NotifyConfig/State", "Off"))
            else ""
        )
        form = text_of(root, "NotifyConfig/ResultFormat", "XML").upper()
        if (kind := text_of(root, "NotifyConfig/Type", "Url")) != "Url":
            raise NotSupported(f"Callbacks by {kind[:100]!r} are not supported; Url is.")
        if form not in ("XML", "JSON"):
            raise InvalidArgument("ResultFormat must be XML or JSON.")
        if url:
            Callback.checked(url, services.jobs.settings)
    changed = replace(queue, name=name, state=QueueState(state), callback=url, callback_format=form)
    changed = await services.jobs.store.put_queue(changed)
    services.jobs.announce()
    return xml_response(("Response", [queue_node(changed, "Queue")]))


def _is_on(text: str) -> bool:
    if text not in ("On", "Off"):
        raise InvalidArgument("State of NotifyConfig must be On or Off.")
    return text == "On"


async def enable_bucket(services: Services, request: Request) -> Response:
    """POST ``/picbucket``: every bucket has jobs, so there is nothing to do."""
    await check_owner(services, request)
    bucket = await services.storage.head_bucket(request.bucket)
    return xml_response(("Response", [_bucket_node(bucket, "PicBucket")]))


async def describe_buckets(services: Services, request: Request) -> Response:
    """GET ``/picbucket``: all buckets of the account, chosen by region, name or beginning of a name."""
    await check_owner(services, request)
    params = request.params
    page, size = _page(request)
    names = [text for text in params.get("bucketnames", "").split(",") if text]
    regions = [text for text in params.get("regions", "").split(",") if text and text != "All"]
    found = [
        bucket
        for bucket in await services.storage.list_buckets()
        if (not names or bucket.name in names)
        and (not regions or bucket.region in regions)
        and bucket.name.startswith(params.get("bucketname", ""))
    ]
    nodes = [_bucket_node(bucket, "PicBucketList") for bucket in found[(page - 1) * size : page * size]]
    head: list[Node] = [("TotalCount", len(found)), ("PageNumber", page), ("PageSize", size)]
    return xml_response(("Response", [*head, *nodes]))


def _bucket_node(bucket: Bucket, name: str) -> Node:
    created = timestamp(int(bucket.created.timestamp()))
    return (
        name,
        [
            ("BucketId", bucket.name),
            ("Name", bucket.name),
            ("Region", bucket.region),
            ("CreateTime", created),
        ],
    )
