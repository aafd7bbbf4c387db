"""Styles of a bucket: their configuration, and downloads by a name (``docs/spec/api/overview.md#6``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from xml.etree.ElementTree import Element

from openmogr.api.access import check_owner
from openmogr.api.documents import read_document
from openmogr.api.errors import MalformedXML, TooManyStyles
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.xml import Node, child_text, children, parse, render
from openmogr.errors import InvalidArgument
from openmogr.image import ImageSettings, Pipeline, expand_styles, names_a_style, parse_operation

__all__ = [
    "STYLES",
    "delete_style",
    "get_separators",
    "get_styles",
    "parsed_with_styles",
    "put_separators",
    "put_style",
    "style_at_end",
    "style_document",
    "style_names",
    "styles_of",
]

STYLES, _SEPARATORS_KIND = "style", "style-separators"
_MAX_STYLES = 100
_MAX_BODY = 4096
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SEPARATORS = "-_/!"
_DEFAULT_SEPARATORS = "!"


async def styles_of(services: Services, bucket: str) -> Mapping[str, str]:
    """Operation texts by the names of the bucket's styles."""
    document = await services.configurations.get(bucket, STYLES)
    return {} if document is None else _stored(document)


async def parsed_with_styles(services: Services, bucket: str, text: str) -> Pipeline:
    """The pipeline of an operation that may name styles of a bucket.

    Raises:
        InvalidArgument, NotSupported: as ``expand_styles`` and ``parse_operation`` say.
    """
    text = expand_styles(text, await styles_of(services, bucket))
    return parse_operation(text, strict=services.image.strict, max_stages=services.image.max_stages)


async def style_at_end(services: Services, request: Request) -> tuple[str, str] | None:
    """The key before the last separator of the request's key, and the style behind it; None without such a style."""
    styles = await styles_of(services, request.bucket)
    if not styles:
        return None
    document = await services.configurations.get(request.bucket, _SEPARATORS_KIND)
    separators = _DEFAULT_SEPARATORS if document is None else document.decode()
    place = max(request.key.rfind(separator) for separator in separators)
    key, name = request.key[:place], request.key[place + 1 :]
    return (key, f"style/{name}") if place > 0 and name in styles else None


async def put_style(services: Services, request: Request) -> Response:
    """PUT ``?style``: add a style or replace that of its name.

    Raises:
        InvalidArgument, NotSupported: the name or the operation is none, or the operation names a style.
        TooManyStyles: there are 100.
    """
    await check_owner(services, request)
    root = await read_document(services, request, "AddStyle")
    name, body = _text(root, "StyleName"), _text(root, "StyleBody")

    def change(document: bytes | None) -> bytes:
        return style_document(document, name, body, services.image)

    await services.configurations.change(request.bucket, STYLES, change)
    return Response(200)


def style_document(document: bytes | None, name: str, body: str, settings: ImageSettings) -> bytes:
    """The document ``STYLES`` of a bucket with a style added, or put in the place of that of its name.

    Raises:
        InvalidArgument, NotSupported: the name or the operation is none, or the operation names a style.
        TooManyStyles: there are 100.
    """
    if not _NAME.fullmatch(name):
        raise InvalidArgument("StyleName must be 1 to 64 letters, digits, dots, hyphens and underscores.")
    if len(body) > _MAX_BODY:
        raise InvalidArgument(f"StyleBody has more than {_MAX_BODY} characters.")
    if names_a_style(body):
        raise InvalidArgument("StyleBody must not name a style.")
    parse_operation(body, strict=settings.strict, max_stages=settings.max_stages)
    styles = {} if document is None else dict(_stored(document))
    if name not in styles and len(styles) >= _MAX_STYLES:
        raise TooManyStyles()
    return _document({**styles, name: body})


def style_names(document: bytes | None) -> frozenset[str]:
    """The names of the styles of a document ``STYLES``."""
    return frozenset(() if document is None else _stored(document))


async def get_styles(services: Services, request: Request) -> Response:
    """GET ``?style``: all, or the one that the body or ``style-name`` names.

    Raises:
        InvalidArgument: there is none of that name.
    """
    await check_owner(services, request)
    document = await services.configurations.read(request.bucket, STYLES)
    styles = {} if document is None else _stored(document)
    name = await _asked(services, request, "GetStyle")
    if name:
        styles = {name: _found(styles, name)}
    return xml_response(_node(styles))


async def delete_style(services: Services, request: Request) -> Response:
    """DELETE ``?style``: the one that the body or ``style-name`` names.

    Raises:
        InvalidArgument: none is named, or there is none of that name.
    """
    await check_owner(services, request)
    name = await _asked(services, request, "DeleteStyle")
    if not name:
        raise InvalidArgument("DELETE ?style needs the name of a style.")

    def change(document: bytes | None) -> bytes | None:
        styles = {} if document is None else dict(_stored(document))
        _found(styles, name)
        del styles[name]
        return _document(styles) if styles else None

    await services.configurations.change(request.bucket, STYLES, change)
    return Response(200)


async def get_separators(services: Services, request: Request) -> Response:
    """GET ``?style-separator``, which is ours: what may stand between a key and a style."""
    await check_owner(services, request)
    document = await services.configurations.read(request.bucket, _SEPARATORS_KIND)
    separators = _DEFAULT_SEPARATORS if document is None else document.decode()
    return xml_response(("StyleSeparator", [("Separator", separator) for separator in separators]))


async def put_separators(services: Services, request: Request) -> Response:
    """PUT ``?style-separator``: one or several of ``-``, ``_``, ``/`` and ``!``.

    Raises:
        InvalidArgument: another one, one twice, or none.
    """
    await check_owner(services, request)
    root = await read_document(services, request, "StyleSeparator")
    texts = [(item.text or "").strip() for item in children(root, "Separator")]
    if not texts or len(set(texts)) < len(texts) or any(len(t) != 1 or t not in _SEPARATORS for t in texts):
        raise InvalidArgument(f"Separator must be one of {' '.join(_SEPARATORS)}, each at most once.")
    await services.configurations.change(request.bucket, _SEPARATORS_KIND, lambda _: "".join(texts).encode())
    return Response(200)


async def _asked(services: Services, request: Request, root: str) -> str:
    """The style's name: of the query, since some clients drop such bodies, else of the body, if there is one."""
    if name := request.params.get("style-name"):
        return name
    if not request.has_body:
        return ""
    return _text(await read_document(services, request, root), "StyleName")


def _text(root: Element, name: str) -> str:
    text = (child_text(root, name) or "").strip()
    if not text:
        raise MalformedXML(f"{root.tag} holds no {name}.")
    return text


def _found(styles: Mapping[str, str], name: str) -> str:
    if name not in styles:
        raise InvalidArgument(f"There is no style named {name[:100]!r}.")
    return styles[name]


def _node(styles: Mapping[str, str]) -> Node:
    rules: list[Node] = [
        ("StyleRule", [("StyleName", name), ("StyleBody", body)]) for name, body in styles.items()
    ]
    return ("StyleList", rules)


def _document(styles: Mapping[str, str]) -> bytes:
    return render(_node(styles))


@lru_cache(maxsize=256)
def _stored(document: bytes) -> Mapping[str, str]:
    rules = children(parse(document, "StyleList"), "StyleRule")
    return {child_text(rule, "StyleName") or "": child_text(rule, "StyleBody") or "" for rule in rules}
