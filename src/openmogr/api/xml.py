"""XML out and in: no namespaces, unknown elements ignored (``docs/spec/api/object-api.md``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from openmogr.api.errors import MalformedXML

__all__ = [
    "Node",
    "Rendered",
    "child_text",
    "children",
    "escaped",
    "fragment",
    "iso_millis",
    "iso_seconds",
    "parse",
    "quoted",
    "render",
    "url_encode",
]


class Rendered(str):
    """Elements as they stand in the document."""


# An element: its name and its text or children. A child with the value None is left out.
Node: TypeAlias = "tuple[str, str | int | Sequence[Node] | None] | Rendered"

# What XML 1.0 cannot hold in any way; a client may put it into parameters that answers repeat.
_UNSAYABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SPECIAL = re.compile('[&<>"\\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]')
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})


def render(node: Node) -> bytes:
    """A document of one root element."""
    pieces = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    _render(node, pieces)
    return "".join(pieces).encode("utf-8", "replace")


def fragment(node: Node) -> Rendered:
    """An element to be put into others."""
    pieces: list[str] = []
    _render(node, pieces)
    return Rendered("".join(pieces))


def escaped(text: str) -> str:
    """Text as it stands between tags."""
    return _UNSAYABLE.sub("\ufffd", text.translate(_ESCAPES)) if _SPECIAL.search(text) else text


def _render(node: Node, pieces: list[str]) -> None:
    if isinstance(node, Rendered):
        pieces.append(node)
        return
    name, value = node
    if value is None:
        return
    if isinstance(value, (str, int)):
        text = escaped(str(value))
        pieces.append(f"<{name}>{text}</{name.partition(' ')[0]}>" if text else f"<{name}/>")
        return
    if not value:
        pieces.append(f"<{name}/>")
        return
    pieces.append(f"<{name}>")
    for child in value:
        _render(child, pieces)
    # Attributes are part of the name, and end tags have none.
    pieces.append(f"</{name.partition(' ')[0]}>")


def parse(document: bytes, root: str) -> Element:
    """The root element, with namespaces removed throughout.

    Raises:
        MalformedXML: not XML, with entities or a DTD, or with another root.
    """
    try:
        element: Element = fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise MalformedXML(detail=str(error)) from None
    for part in element.iter():
        part.tag = part.tag.rpartition("}")[2]
    if element.tag != root:
        raise MalformedXML(f"The root element must be {root}.")
    return element


def children(element: Element, name: str) -> Iterable[Element]:
    """Child elements of that name."""
    return element.findall(name)


def child_text(element: Element, name: str) -> str | None:
    """The text of the first child of that name: None without such a child, empty where it has no text."""
    child = element.find(name)
    return None if child is None else child.text or ""


def quoted(etag: str) -> str:
    """An ETag as headers and XML show it."""
    return f'"{etag}"'


def url_encode(text: str) -> str:
    """What ``encoding-type=url`` does to keys."""
    return quote(text, safe="/")


def iso_millis(moment: datetime) -> str:
    """``2026-01-10T03:37:30.000Z``, the form of listings."""
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def iso_seconds(moment: datetime) -> str:
    """``2026-01-10T18:20:30Z``, the form of copies and buckets."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
