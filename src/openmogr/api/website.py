"""Static websites: their configuration, and the pages of ``<bucket>.cos-website.…`` (document 436/31930 of COS).

A website is a way of finding keys: for a folder its index document, for what cannot be had the error document. What is
found is answered as at any other host, to whoever may read it, image operations included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import quote
from xml.etree.ElementTree import Element

from openmogr.api.access import check_owner, head_readable
from openmogr.api.documents import read_raw_document
from openmogr.api.errors import MalformedXML
from openmogr.api.objects import get_object
from openmogr.api.request import Request
from openmogr.api.response import Response
from openmogr.api.services import Services
from openmogr.api.unsupported import missing_configuration
from openmogr.api.xml import child_text, parse
from openmogr.errors import AccessDenied, CosError, InvalidArgument, NoSuchKey, NotSupported

__all__ = ["delete_website", "get_website", "put_website", "serve_page"]

_KIND = "website"
_MAX_KEY_BYTES = 850
_MEMBERS = {
    "IndexDocument": ("Suffix",),
    "ErrorDocument": ("Key", "OriginalHttpStatus"),
    "RedirectAllRequestsTo": ("Protocol", "HostName"),
    "AutoAddressing": ("Status",),
}
# Of the request for a page, which do not go with the error document that stands for it.
_OF_THE_PAGE = frozenset({
    b"range", b"if-range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Site:
    """How pages are found.

    Attributes:
        index: the end of the key of a folder's page; empty: none.
        error: the key of what is answered for errors of clients; empty: the error itself.
        original_status: the error document is answered with the error's status, and not with 200.
        scheme: to which all requests are sent; empty: none are.
        host: and at which host; empty: at their own.
        extension: ``.html`` may be left out.
    """

    index: str
    error: str
    original_status: bool
    scheme: str
    host: str
    extension: bool


async def get_website(services: Services, request: Request) -> Response:
    """GET ``?website``. Raises ``NoSuchWebsiteConfiguration``."""
    await check_owner(services, request)
    document = await services.configurations.read(request.bucket, _KIND)
    if document is None:
        raise missing_configuration("NoSuchWebsiteConfiguration")
    return Response(200, [(b"content-type", b"application/xml")], document)


async def put_website(services: Services, request: Request) -> Response:
    """PUT ``?website``.

    Raises:
        MalformedXML, InvalidArgument: it does not make sense.
        NotSupported: it holds what is not carried out, such as routing rules.
    """
    await check_owner(services, request)
    document, root = await read_raw_document(services, request, "WebsiteConfiguration")
    _site(root)
    await services.configurations.change(request.bucket, _KIND, lambda _: document)
    return Response(200)


async def delete_website(services: Services, request: Request) -> Response:
    """DELETE ``?website``."""
    await check_owner(services, request)
    await services.configurations.change(request.bucket, _KIND, lambda _: None)
    return Response(204)


async def serve_page(services: Services, request: Request) -> Response:
    """GET and HEAD at the host of a website.

    Raises:
        NoSuchWebsiteConfiguration: the bucket is none.
        CosError: the page cannot be had, and there is no error document.
    """
    document = await services.configurations.get(request.bucket, _KIND)
    if document is None:
        await services.storage.head_bucket(request.bucket)
        raise missing_configuration("NoSuchWebsiteConfiguration")
    site = _stored(document)
    if site.scheme and (site.host or request.header("x-forwarded-proto") != site.scheme):
        return _redirect(301, f"{site.scheme}://{site.host or request.host_text}", request)
    error: CosError | None = None
    for key in _keys(site, request.key):
        try:
            return await get_object(services, replace(request, key=key))
        except (NoSuchKey, AccessDenied) as caught:
            error = error or caught
        except CosError as caught:
            error = caught
            break
    if error is None:
        error = NoSuchKey()
    if await _is_folder(services, site, request):
        return _redirect(302, "", replace(request, key=request.key + "/"))
    return await _error_page(services, site, request, error)


def _keys(site: _Site, key: str) -> Sequence[str]:
    """Where the page of a path may lie, in the order in which it is looked for."""
    if not key or key.endswith("/"):
        return [key + site.index] if site.index else [key] if key else []
    return [key, f"{key}.html"] if site.extension else [key]


async def _is_folder(services: Services, site: _Site, request: Request) -> bool:
    """Whether a path lacks no more than the slash at its end."""
    if not request.key or request.key.endswith("/") or not site.index:
        return False
    try:
        await head_readable(services, replace(request, key=f"{request.key}/{site.index}"))
    except CosError:
        return False
    return True


async def _error_page(services: Services, site: _Site, request: Request, error: CosError) -> Response:
    """The error document, which everybody has to be able to read. Raises the error where it cannot be had."""
    if not site.error or error.status >= 500:
        raise error
    headers = {name: value for name, value in request.headers.items() if name not in _OF_THE_PAGE}
    asked = replace(
        request, key=site.error, headers=headers, image_operation=None, params={}, is_owner=False, grant=None
    )
    try:
        response = await get_object(services, asked)
    except CosError:
        raise error from None
    if site.original_status:
        response.status = error.status
    return response


def _redirect(status: int, origin: str, request: Request) -> Response:
    """Another address of the same path and query."""
    query = f"?{request.raw_query}" if request.raw_query else ""
    path = quote(request.key)
    if path.startswith("/"):  # two slashes at the beginning would name another host
        path = "%2F" + path[1:]
    return Response(status, [(b"location", f"{origin}/{path}{query}".encode())])


@lru_cache(maxsize=256)
def _stored(document: bytes) -> _Site:
    return _site(parse(document, "WebsiteConfiguration"))


def _site(root: Element) -> _Site:
    for part in root:
        if part.tag not in _MEMBERS:
            raise NotSupported(f"{part.tag[:100]} of a website is not supported.")
        if unknown := [child.tag for child in part if child.tag not in _MEMBERS[part.tag]]:
            raise NotSupported(f"{unknown[0][:100]} in {part.tag} of a website is not supported.")
    index, error = _text(root, "IndexDocument", "Suffix"), _text(root, "ErrorDocument", "Key")
    scheme, host = (
        _text(root, "RedirectAllRequestsTo", "Protocol"),
        _text(root, "RedirectAllRequestsTo", "HostName"),
    )
    if "/" in index or any(len(text.encode()) > _MAX_KEY_BYTES for text in (index, error)):
        raise InvalidArgument("Suffix is the end of a key and holds no slash; keys have up to 850 bytes.")
    if not index and not host:
        raise MalformedXML("WebsiteConfiguration needs an IndexDocument with a Suffix.")
    if scheme not in ("", "http", "https"):
        raise InvalidArgument("Protocol must be http or https.")
    if not all(char.isalnum() or char in "-.:[]" for char in host):
        raise InvalidArgument("HostName must be a host, with a port or without.")
    return _Site(
        index=index,
        error=error,
        original_status=_switch(root, "ErrorDocument", "OriginalHttpStatus", default=True),
        scheme=scheme or ("https" if host else ""),
        host=host,
        extension=_switch(root, "AutoAddressing", "Status", default=False),
    )


def _text(root: Element, part: str, name: str) -> str:
    found = root.find(part)
    return "" if found is None else (child_text(found, name) or "").strip()


def _switch(root: Element, part: str, name: str, *, default: bool) -> bool:
    text = _text(root, part, name) or ("Enabled" if default else "Disabled")
    if text not in ("Enabled", "Disabled"):
        raise MalformedXML(f"{name} must be Enabled or Disabled.")
    return text == "Enabled"
