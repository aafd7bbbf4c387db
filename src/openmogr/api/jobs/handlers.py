"""Requests about jobs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from xml.etree.ElementTree import Element

from openmogr.api.access import check_owner
from openmogr.api.attributes import check_key
from openmogr.api.documents import read_document
from openmogr.api.errors import MalformedXML
from openmogr.api.further import check_further
from openmogr.api.jobs.callback import Callback
from openmogr.api.jobs.documents import TAG, flag, job_node, parse_states, text_of
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.styles import parsed_with_styles
from openmogr.api.xml import Node, children
from openmogr.errors import InvalidArgument, NotSupported
from openmogr.jobs import JobFilter, JobRequest, NoSuchQueue
from openmogr.storage.errors import ReadOnlyBucket

__all__ = ["cancel_job", "describe_jobs", "submit_job"]

_MAX_USER_DATA = 1024
_MAX_PAGE = 100
_IDENTIFIERS = re.compile(r"[a-z][0-9a-f]{33}(?:,[a-z][0-9a-f]{33}){0,99}")
_OUTPUTS = ("Region", "Bucket", "Object")


async def submit_job(services: Services, request: Request) -> Response:
    """POST ``/jobs`` and ``/pic_jobs``.

    Raises:
        MalformedXML: something is missing.
        InvalidArgument, NotSupported: something is not understood.
        NoSuchTemplate, NoSuchQueue, NoSuchBucket: what is named is not there.
    """
    await check_owner(services, request)
    bucket = await services.storage.head_bucket(request.bucket)
    root = await read_document(services, request, "Request")
    if (tag := text_of(root, "Tag")) != TAG:
        raise NotSupported(f"Jobs of the kind {tag[:100]!r} are not supported; {TAG} is.")
    queue = await services.jobs.store.queue(request.bucket)
    queue_id = text_of(root, "QueueId", queue.id)
    if queue_id != queue.id:
        raise NoSuchQueue()
    operations = list(children(root, "Operation"))
    if len(operations) != 1:
        raise MalformedXML("A job holds one Operation.")
    asked = await _operation(services, request, operations[0], text_of(root, "Input/Object"))
    url, form = _callback(services, root, queue.callback, queue.callback_format)
    job = await services.jobs.store.add(
        request.bucket,
        queue_id,
        replace(asked, callback=url, callback_format=form),
    )
    services.jobs.announce()
    return xml_response(("Response", [job_node(job, bucket.region)]))


async def _operation(services: Services, request: Request, root: Element, key: str) -> JobRequest:
    template_id, name = text_of(root, "TemplateId", ""), ""
    process = root.find("PicProcess")
    rule, is_pic_info = "", False
    if template_id:  # it has precedence
        template = await services.jobs.store.template(request.bucket, template_id)
        rule, is_pic_info, name = template.rule, template.is_pic_info, template.name
    elif process is not None:
        rule, is_pic_info = text_of(process, "ProcessRule", ""), flag(process, "IsPicInfo")
    if not rule and not is_pic_info:
        raise MalformedXML("Operation holds neither a TemplateId nor a PicProcess with something to do.")
    if rule:
        pipeline = await parsed_with_styles(services, request.bucket, rule)
        if pipeline.info is not None:
            raise InvalidArgument(f"{pipeline.info.value} gives no picture that could be stored.")
        await check_further(services, None, [pipeline])
    region, bucket, output = (
        text_of(root, f"Output/{part}", None if rule and part != "Region" else "") for part in _OUTPUTS
    )
    if output:
        if output.endswith("/"):
            raise InvalidArgument("Output/Object must not end with a slash.")
        check_key(output.removeprefix("/"))
        await services.storage.head_bucket(bucket)
        if services.storage.is_read_only(bucket):
            raise ReadOnlyBucket()
    user_data = text_of(root, "UserData", "")
    if len(user_data) > _MAX_USER_DATA or not (user_data.isascii() and user_data.isprintable()):
        raise InvalidArgument(f"UserData must be at most {_MAX_USER_DATA} printable characters of ASCII.")
    level = text_of(root, "JobLevel", "0")
    if level not in ("0", "1", "2"):
        raise InvalidArgument("JobLevel must be 0, 1 or 2.")
    return JobRequest(
        object=key.removeprefix("/"),
        rule=rule,
        is_pic_info=is_pic_info,
        template_id=template_id,
        template_name=name,
        region=region,
        bucket=bucket,
        output=output.removeprefix("/"),
        user_data=user_data,
        level=int(level),
    )


def _callback(services: Services, root: Element, url: str, form: str) -> tuple[str, str]:
    """Whom the end is told and how: as the job says, else as its queue does."""
    if (kind := text_of(root, "CallBackType", "Url")) != "Url":
        raise NotSupported(f"Callbacks by {kind[:100]!r} are not supported; Url is.")
    given = text_of(root, "CallBack", "")
    if given:
        url, form = ("" if given == "no" else given), "XML"
    form = text_of(root, "CallBackFormat", form).upper()
    if form not in ("XML", "JSON"):
        raise InvalidArgument("CallBackFormat must be XML or JSON.")
    if url:
        Callback.checked(url, services.jobs.settings)
    return url, form


async def describe_jobs(services: Services, request: Request) -> Response:
    """GET ``/jobs/<id>``, or of several ids with commas; GET ``/jobs``: a page of them."""
    await check_owner(services, request)
    region = (await services.storage.head_bucket(request.bucket)).region
    identifiers = request.key.partition("/")[2]
    if not identifiers:
        return await _list_jobs(services, request, region)
    if not _IDENTIFIERS.fullmatch(identifiers):
        raise InvalidArgument(
            "A job is named by a letter and 33 hexadecimal digits; at most 100 with commas."
        )
    nodes: list[Node] = []
    for identifier in dict.fromkeys(identifiers.split(",")):
        job = await services.jobs.store.get(request.bucket, identifier)
        nodes.append(("NonExistJobIds", identifier) if job is None else job_node(job, region))
    return xml_response(("Response", nodes))


async def _list_jobs(services: Services, request: Request, region: str) -> Response:
    params = request.params
    if (tag := params.get("tag", TAG)) != TAG:
        raise NotSupported(f"Jobs of the kind {tag[:100]!r} are not supported; {TAG} is.")
    order = params.get("orderbytime", "Desc")
    if order not in ("Desc", "Asc"):
        raise InvalidArgument("orderByTime must be Desc or Asc.")
    token = params.get("nexttoken", "")
    if token and not (token.isascii() and token.isdigit() and len(token) <= 18):
        raise InvalidArgument("nextToken must be what the page before said.")
    page = await services.jobs.store.page(
        request.bucket,
        JobFilter(
            queue_id=params.get("queueid", ""),
            states=parse_states(params.get("states", "All")),
            since=_moment(params.get("startcreationtime", ""), "startCreationTime"),
            until=_moment(params.get("endcreationtime", ""), "endCreationTime"),
            newest_first=order == "Desc",
            size=request.integer("size", 10, 1, _MAX_PAGE),
            token=token,
        ),
    )
    nodes: list[Node] = [job_node(job, region) for job in page.jobs]
    return xml_response(("Response", [*nodes, ("NextToken", page.next_token)]))


def _moment(text: str, name: str) -> int | None:
    if not text:
        return None
    try:
        # A plus sign that was not encoded has become a space.
        moment = datetime.strptime(text.replace(" ", "+"), "%Y-%m-%dT%H:%M:%S%z")
        return int(moment.timestamp())
    except (ValueError, OverflowError):
        raise InvalidArgument(f"{name} must be a time like 2022-07-18T15:16:43+0800.") from None


async def cancel_job(services: Services, request: Request) -> Response:
    """PUT ``/jobs/<id>?cancel``. What runs or has ended is left as it is, and told."""
    await check_owner(services, request)
    region = (await services.storage.head_bucket(request.bucket)).region
    identifier = request.key.partition("/")[2]
    job = await services.jobs.store.cancel(request.bucket, identifier)
    node: Node = ("NonExistJobIds", identifier) if job is None else job_node(job, region)
    return xml_response(("Response", [node]))
