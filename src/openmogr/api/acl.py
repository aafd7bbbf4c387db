"""ACLs of buckets and objects: presets (``docs/spec/api/object-api.md#6``)."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from openmogr.api.access import check_owner
from openmogr.api.attributes import parse_acl
from openmogr.api.documents import read_document
from openmogr.api.errors import InvalidRequest, MalformedXML
from openmogr.api.multipart import owner_node
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.xml import Node, child_text, children
from openmogr.errors import NotSupported
from openmogr.storage.interface import Acl

__all__ = ["get_bucket_acl", "get_object_acl", "put_bucket_acl", "put_object_acl"]

_GROUPS = "http://cam.qcloud.com/groups/global/"
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type='
_PERMISSIONS = frozenset({"READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"})
_MAX_GRANTS = 100
_GROUP_GRANTS = {
    Acl.PUBLIC_READ: (("AllUsers", "READ"),),
    Acl.PUBLIC_READ_WRITE: (("AllUsers", "READ"), ("AllUsers", "WRITE")),
    Acl.AUTHENTICATED_READ: (("AuthenticatedUsers", "READ"),),
}
_GRANT_HEADERS = tuple(
    f"x-cos-grant-{kind}" for kind in ("read", "write", "read-acp", "write-acp", "full-control")
)


def _policy(services: Services, acl: Acl) -> Node:
    owner = owner_node(services)
    grants: list[Node] = [
        ("Grant", [(f'Grantee {_XSI}"Group"', [("URI", _GROUPS + group)]), ("Permission", permission)])
        for group, permission in _GROUP_GRANTS.get(acl, ())
    ]
    members = owner[1]
    grants.append(("Grant", [(f'Grantee {_XSI}"CanonicalUser"', members), ("Permission", "FULL_CONTROL")]))
    return ("AccessControlPolicy", [owner, ("AccessControlList", grants)])


async def get_bucket_acl(services: Services, request: Request) -> Response:
    """GET ``?acl`` of a bucket."""
    await check_owner(services, request)
    bucket = await services.storage.head_bucket(request.bucket)
    return xml_response(_policy(services, bucket.acl), (b"x-cos-acl", bucket.acl.encode()))


async def put_bucket_acl(services: Services, request: Request) -> Response:
    """PUT ``?acl`` of a bucket."""
    await check_owner(services, request)
    await services.storage.head_bucket(request.bucket)
    await services.storage.set_bucket_acl(request.bucket, await _wanted(services, request, bucket=True))
    return Response(200)


async def get_object_acl(services: Services, request: Request) -> Response:
    """GET ``?acl`` of an object; the header tells an inherited ACL from a private one."""
    await check_owner(services, request)
    acl = (await services.storage.head_object(request.bucket, request.key)).attributes.acl
    return xml_response(_policy(services, acl), (b"x-cos-acl", acl.encode()))


async def put_object_acl(services: Services, request: Request) -> Response:
    """PUT ``?acl`` of an object."""
    await check_owner(services, request)
    await services.storage.head_object(request.bucket, request.key)
    acl = await _wanted(services, request, bucket=False)
    await services.storage.set_object_acl(request.bucket, request.key, acl)
    return Response(200)


async def _wanted(services: Services, request: Request, *, bucket: bool) -> Acl:
    """The ACL that headers or the body ask for. Grants to single accounts add nothing: there is one."""
    preset = request.header("x-cos-acl")
    granted = any(request.header(name) for name in _GRANT_HEADERS)
    if preset is not None or granted:
        if request.has_body:
            raise InvalidRequest("An ACL is given by headers or by a body, not by both.")
        return parse_acl(preset, bucket=bucket)
    root = await read_document(services, request, "AccessControlPolicy")
    return _from_document(root, bucket=bucket)


def _check_groups(found: set[tuple[str, str]], *, bucket: bool) -> None:
    """Refuse what no preset says, as leave to write alone: it would be kept, and never be given."""
    writers = {("AllUsers", "WRITE")} if bucket and ("AllUsers", "READ") in found else set()
    readers = {("AllUsers", "READ"), *({("AuthenticatedUsers", "READ")} if bucket else ())}
    for group, permission in sorted(found - readers - writers):
        if group in ("AllUsers", "AuthenticatedUsers"):
            raise NotSupported(
                f"{permission} for {group} is not supported; presets of x-cos-acl tell what is."
            )


def _from_document(root: Element, *, bucket: bool) -> Acl:
    grants = root.find("AccessControlList")
    if grants is None:
        raise MalformedXML("AccessControlPolicy holds no AccessControlList.")
    found: set[tuple[str, str]] = set()
    for count, grant in enumerate(children(grants, "Grant"), start=1):
        grantee, permission = grant.find("Grantee"), (child_text(grant, "Permission") or "").strip()
        if grantee is None or permission not in _PERMISSIONS or count > _MAX_GRANTS:
            raise MalformedXML("A Grant holds a Grantee and a Permission; there are at most 100.")
        uri = (child_text(grantee, "URI") or "").strip()
        if uri:
            found.add((uri.rpartition("/")[2], permission))
    _check_groups(found, bucket=bucket)
    if bucket and ("AllUsers", "WRITE") in found and ("AllUsers", "READ") in found:
        return Acl.PUBLIC_READ_WRITE
    if ("AllUsers", "READ") in found:
        return Acl.PUBLIC_READ
    if bucket and ("AuthenticatedUsers", "READ") in found:
        return Acl.AUTHENTICATED_READ
    return Acl.PRIVATE
