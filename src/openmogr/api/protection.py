"""Who may fetch what is public: origin protection, and pages that may show images (``docs/spec/api/overview.md#8``).

Both rule requests without a signature alone; the owner, and whom the owner gave a signed URL, may fetch everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from openmogr.api.access import check_owner
from openmogr.api.documents import read_document
from openmogr.api.errors import MalformedXML, OriginProtected, RefererRefused
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.xml import Node, child_text, children, parse, render

__all__ = [
    "check_original",
    "check_referer",
    "delete_origin_protection",
    "delete_referer",
    "get_hotlink",
    "get_origin_protection",
    "get_referer",
    "put_hotlink",
    "put_origin_protection",
    "put_referer",
]

_PROTECTION, _HOTLINK, _REFERER = "origin-protect", "hotlink", "referer"
_MAX_DOMAINS = 100
_DOMAIN = re.compile(r"[A-Za-z0-9._*-]+(?::\d{1,5})?(?:/[\x21-\x7e]*)?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class _Rule:
    """Whose pages may show what is in the bucket, or whose may not.

    Attributes:
        white: whether the list names those that may.
        domains: as they were given.
        without: whether requests that name no page are answered.
    """

    white: bool
    domains: tuple[str, ...]
    without: bool

    def allows(self, referer: str) -> bool:
        """Whether a request with this ``Referer`` is answered."""
        place = re.sub(r"^[a-z][a-z0-9+.-]*://", "", referer, flags=re.IGNORECASE)
        if not place:
            return self.without
        return any(_pattern(domain).match(place) for domain in self.domains) is self.white


@lru_cache(maxsize=1024)
def _pattern(domain: str) -> re.Pattern[str]:
    """A domain with a port or without, with the beginning of a path or without; a star stands for labels."""
    host, slash, path = domain.partition("/")
    text = re.escape(host).replace(r"\*", r"[^/:]*")
    if not re.search(r":\d+$", host):
        text += r"(?::\d+)?"
    return re.compile(text + (re.escape(slash + path) if slash else r"(?=[/?#]|$)"), re.IGNORECASE)


async def check_referer(services: Services, request: Request) -> None:
    """Refuse a request that a page makes which must not. Raises ``RefererRefused``."""
    if request.is_owner:
        return
    for kind, root in ((_HOTLINK, "Hotlink"), (_REFERER, "RefererConfiguration")):
        document = await services.configurations.get(request.bucket, kind)
        if document is None:
            continue
        rule = _stored_rule(document, root)
        if rule is not None and not rule.allows(request.header("referer") or ""):
            raise RefererRefused(number=-108)


async def check_original(services: Services, request: Request, content_type: str) -> None:
    """Refuse an image itself, and operations of the requester's own making, where only styles may be fetched.

    Args:
        services: the parts of the service.
        request: a request without a style.
        content_type: of the object.

    Raises:
        OriginProtected: it is an image, the bucket is protected, and the request is not signed.
    """
    if request.is_owner or not content_type.lower().startswith("image/"):
        return
    if await services.configurations.get(request.bucket, _PROTECTION) is not None:
        raise OriginProtected(number=-154)


async def get_origin_protection(services: Services, request: Request) -> Response:
    """GET ``?origin-protect``."""
    await check_owner(services, request)
    on = await services.configurations.read(request.bucket, _PROTECTION) is not None
    return xml_response(("OriginProtectStatus", "on" if on else "off"))


async def put_origin_protection(services: Services, request: Request) -> Response:
    """PUT ``?origin-protect``: on."""
    await check_owner(services, request)
    await services.configurations.change(request.bucket, _PROTECTION, lambda _: b"on")
    return Response(200)


async def delete_origin_protection(services: Services, request: Request) -> Response:
    """DELETE ``?origin-protect``: off."""
    await check_owner(services, request)
    await services.configurations.change(request.bucket, _PROTECTION, lambda _: None)
    return Response(200)


async def get_hotlink(services: Services, request: Request) -> Response:
    """GET ``?hotlink``."""
    await check_owner(services, request)
    document = await services.configurations.read(request.bucket, _HOTLINK)
    return xml_response(("Hotlink", [("Status", "off")])) if document is None else _xml(document)


async def put_hotlink(services: Services, request: Request) -> Response:
    """PUT ``?hotlink``; a ``Status`` of ``off`` ends it. Raises ``MalformedXML``."""
    await check_owner(services, request)
    root = await read_document(services, request, "Hotlink")
    status = _choice(root, "Status", ("on", "off"))
    document = None
    if status == "on":
        kind, domains = _choice(root, "Type", ("white", "black")), _domains(root, "Url")
        urls: list[Node] = [("Url", domain) for domain in domains]
        document = render(("Hotlink", [("Status", "on"), ("Type", kind), *urls]))
    await services.configurations.change(request.bucket, _HOTLINK, lambda _: document)
    return Response(200)


async def get_referer(services: Services, request: Request) -> Response:
    """GET ``?referer`` of COS, which says the same in other words."""
    await check_owner(services, request)
    document = await services.configurations.read(request.bucket, _REFERER)
    if document is None:
        return xml_response(("RefererConfiguration", [("Status", "Disabled")]))
    return _xml(document)


async def put_referer(services: Services, request: Request) -> Response:
    """PUT ``?referer``; without a body, as the Python SDK deletes it, it is gone. Raises ``MalformedXML``."""
    await check_owner(services, request)
    if not request.has_body:
        await services.configurations.change(request.bucket, _REFERER, lambda _: None)
        return Response(200)
    root = await read_document(services, request, "RefererConfiguration")
    status = _choice(root, "Status", ("Enabled", "Disabled"))
    if status == "Disabled" and len(root) == 1:
        # What GET answers where nothing is set.
        await services.configurations.change(request.bucket, _REFERER, lambda _: None)
        return Response(200)
    kind = _choice(root, "RefererType", ("Black-List", "White-List"))
    listed = root.find("DomainList")
    if listed is None:
        raise MalformedXML("RefererConfiguration holds no DomainList.")
    domains: list[Node] = [("Domain", domain) for domain in _domains(listed, "Domain")]
    empty = "Deny"
    if root.find("EmptyReferConfiguration") is not None:
        empty = _choice(root, "EmptyReferConfiguration", ("Allow", "Deny"))
    document = render(
        (
            "RefererConfiguration",
            [
                *(("Status", status), ("RefererType", kind)),
                *(("DomainList", domains), ("EmptyReferConfiguration", empty)),
            ],
        )
    )
    await services.configurations.change(request.bucket, _REFERER, lambda _: document)
    return Response(200)


async def delete_referer(services: Services, request: Request) -> Response:
    """DELETE ``?referer``."""
    await check_owner(services, request)
    await services.configurations.change(request.bucket, _REFERER, lambda _: None)
    return Response(204)


def _xml(document: bytes) -> Response:
    return Response(200, [(b"content-type", b"application/xml")], document)


def _choice(root: Element, name: str, choices: tuple[str, ...]) -> str:
    text = (child_text(root, name) or "").strip()
    for choice in choices:
        if text.lower() == choice.lower():
            return choice
    raise MalformedXML(f"{name} must be one of {', '.join(choices)}.")


def _domains(root: Element, name: str) -> list[str]:
    texts = [(item.text or "").strip() for item in children(root, name)]
    domains = [text.partition("://")[2] if urlsplit(text).netloc else text for text in texts]
    if not 1 <= len(domains) <= _MAX_DOMAINS:
        raise MalformedXML(f"There must be 1 to {_MAX_DOMAINS} of {name}.")
    for domain in domains:
        if not _DOMAIN.fullmatch(domain):
            raise MalformedXML(
                f"{domain[:100]!r} is not a domain or address, with a port and path or without."
            )
    return domains


@lru_cache(maxsize=256)
def _stored_rule(document: bytes, root: str) -> _Rule | None:
    element = parse(document, root)
    if root == "Hotlink":
        white = child_text(element, "Type") == "white"
        domains = tuple(item.text or "" for item in children(element, "Url"))
        # Who lists the pages that may does not mean requests without one.
        return _Rule(white, domains, without=not white)
    if child_text(element, "Status") != "Enabled":
        return None
    listed = element.find("DomainList")
    assert listed is not None
    return _Rule(
        child_text(element, "RefererType") == "White-List",
        tuple(item.text or "" for item in children(listed, "Domain")),
        without=child_text(element, "EmptyReferConfiguration") == "Allow",
    )
