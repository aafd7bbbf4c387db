"""``?image-slim``: downloads that are slimmed without being asked for it (``docs/spec/api/overview.md#8``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from xml.etree.ElementTree import Element

from openmogr.api.access import check_owner
from openmogr.api.documents import read_document
from openmogr.api.errors import MalformedXML
from openmogr.api.request import Request
from openmogr.api.response import Response, xml_response
from openmogr.api.services import Services
from openmogr.api.xml import Node, child_text, children, parse, render
from openmogr.errors import InvalidArgument
from openmogr.image import SLIM_SUFFIXES

__all__ = ["delete_image_slim", "get_image_slim", "put_image_slim", "slimmed_unasked"]

_KIND = "image-slim"
_MODES = ("API", "Auto")

# What cannot be slimmed is answered as it is.
_OPERATION = "imageSlim|imageMogr2/ignore-error/1"


@dataclass(frozen=True, slots=True)
class _Slimming:
    """Modes in the order of the documentation, and suffixes without the dot, in lower case, as they were given."""

    modes: tuple[str, ...]
    suffixes: tuple[str, ...]


async def slimmed_unasked(services: Services, request: Request) -> str | None:
    """The operation that stands for a download of the object itself; None: the object is the answer.

    Clients of S3 get what was stored, which they compare with checksums.
    """
    if request.s3 is not None or "ci-process" in request.params:
        return None
    _, dot, suffix = request.key.rpartition("/")[2].lower().rpartition(".")
    if not dot or suffix not in SLIM_SUFFIXES:
        return None
    document = await services.configurations.get(request.bucket, _KIND)
    if document is None:
        return None
    found = _stored(document)
    return _OPERATION if "Auto" in found.modes and suffix in found.suffixes else None


async def get_image_slim(services: Services, request: Request) -> Response:
    """GET ``?image-slim``."""
    await check_owner(services, request)
    document = await services.configurations.read(request.bucket, _KIND)
    return xml_response(("ImageSlim", [("Status", "off")]) if document is None else _node(_stored(document)))


async def put_image_slim(services: Services, request: Request) -> Response:
    """PUT ``?image-slim``.

    Raises:
        MalformedXML: no mode or another one; for ``Auto`` no suffix.
        InvalidArgument: a suffix of a format that is not slimmed.
    """
    await check_owner(services, request)
    document = render(_node(_read(await read_document(services, request, "ImageSlim"))))
    await services.configurations.change(request.bucket, _KIND, lambda _: document)
    return Response(200)


async def delete_image_slim(services: Services, request: Request) -> Response:
    """DELETE ``?image-slim``: from now on downloads are what was stored."""
    await check_owner(services, request)
    await services.configurations.change(request.bucket, _KIND, lambda _: None)
    return Response(200)


def _read(root: Element) -> _Slimming:
    given = [mode.strip().lower() for mode in (child_text(root, "SlimMode") or "").split(",")]
    if not all(mode in map(str.lower, _MODES) for mode in given):
        raise MalformedXML("SlimMode must be API, Auto, or both with a comma between.")
    modes = tuple(mode for mode in _MODES if mode.lower() in given)
    listed = root.find("Suffixs")
    texts = (
        [] if listed is None else [(item.text or "").strip().lower() for item in children(listed, "Suffix")]
    )
    suffixes = tuple(dict.fromkeys(text.removeprefix(".") for text in texts))
    for suffix in suffixes:
        if suffix not in SLIM_SUFFIXES:
            known = ", ".join(sorted(SLIM_SUFFIXES))
            raise InvalidArgument(f"Suffix is {suffix[:40]!r}, which is none of {known}.")
    if "Auto" in modes and not suffixes:
        raise MalformedXML("For SlimMode Auto, Suffixs must hold at least one Suffix.")
    return _Slimming(modes, suffixes)


def _node(slimming: _Slimming) -> Node:
    suffixes: list[Node] = [("Suffix", suffix) for suffix in slimming.suffixes]
    return (
        "ImageSlim",
        [
            ("SlimMode", ",".join(slimming.modes)),
            ("Status", "on"),
            *([("Suffixs", suffixes)] if suffixes else []),
        ],
    )


@lru_cache(maxsize=256)
def _stored(document: bytes) -> _Slimming:
    return _read(parse(document, "ImageSlim"))
