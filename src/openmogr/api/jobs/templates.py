"""Requests about templates."""

from __future__ import annotations

from dataclasses import replace
from xml.etree.ElementTree import Element

from openmogr.api.access import check_owner
from openmogr.api.documents import read_document
from openmogr.api.errors import MalformedXML
from openmogr.api.jobs.documents import TAG, flag, template_node, text_of
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.styles import parsed_with_styles
from openmogr.api.xml import Node
from openmogr.errors import InvalidArgument, NotSupported

__all__ = ["create_template", "delete_template", "describe_templates", "update_template"]

_MAX_NAME = 64


async def _read(services: Services, request: Request) -> tuple[str, str, bool]:
    """Name, rule, and whether what is known of the image is wanted."""
    root = await read_document(services, request, "Request")
    if (tag := text_of(root, "Tag")) != TAG:
        raise NotSupported(f"Templates of the kind {tag[:100]!r} are not supported; {TAG} is.")
    name = text_of(root, "Name")
    if len(name) > _MAX_NAME:
        raise InvalidArgument(f"Name has more than {_MAX_NAME} characters.")
    process: Element | None = root.find("PicProcess")
    if process is None:
        raise MalformedXML("Request holds no PicProcess.")
    rule, is_pic_info = text_of(process, "ProcessRule", ""), flag(process, "IsPicInfo")
    if not rule and not is_pic_info:
        raise MalformedXML("PicProcess holds neither a ProcessRule nor IsPicInfo.")
    if rule:
        await parsed_with_styles(services, request.bucket, rule)
    return name, rule, is_pic_info


async def create_template(services: Services, request: Request) -> Response:
    """POST ``/template``."""
    await check_owner(services, request)
    await services.storage.head_bucket(request.bucket)
    name, rule, is_pic_info = await _read(services, request)
    template = await services.jobs.store.add_template(request.bucket, name, rule, is_pic_info=is_pic_info)
    return xml_response(("Response", [template_node(template)]))


async def update_template(services: Services, request: Request) -> Response:
    """PUT ``/template/<id>``. Raises ``NoSuchTemplate``."""
    await check_owner(services, request)
    template = await services.jobs.store.template(request.bucket, request.key.partition("/")[2])
    name, rule, is_pic_info = await _read(services, request)
    changed = replace(template, name=name, rule=rule, is_pic_info=is_pic_info)
    return xml_response(("Response", [template_node(await services.jobs.store.put_template(changed))]))


async def delete_template(services: Services, request: Request) -> Response:
    """DELETE ``/template/<id>``. Raises ``NoSuchTemplate``."""
    await check_owner(services, request)
    identifier = request.key.partition("/")[2]
    await services.jobs.store.delete_template(request.bucket, identifier)
    return xml_response(("Response", [("TemplateId", identifier)]))


async def describe_templates(services: Services, request: Request) -> Response:
    """GET ``/template``: all of a bucket, chosen by ids, or by the beginning of a name."""
    await check_owner(services, request)
    await services.storage.head_bucket(request.bucket)
    params = request.params
    if (tag := params.get("tag", TAG)) not in (TAG, "All"):
        raise NotSupported(f"Templates of the kind {tag[:100]!r} are not supported; {TAG} is.")
    wanted = [text for text in params.get("ids", "").split(",") if text]
    found = [
        template
        for template in await services.jobs.store.templates(request.bucket)
        if (not wanted or template.id in wanted) and template.name.startswith(params.get("name", ""))
    ]
    page, size = request.integer("pagenumber", 1, 1, 10**6), request.integer("pagesize", 10, 1, 100)
    nodes = [template_node(template, "TemplateList") for template in found[(page - 1) * size : page * size]]
    head: list[Node] = [("TotalCount", len(found)), ("PageNumber", page), ("PageSize", size)]
    return xml_response(("Response", [*head, *nodes]))
