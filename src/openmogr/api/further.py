"""Further objects that operations read: which ones their URLs mean, and whether a request may have them read.

Nothing is fetched from anywhere: a URL is taken apart as if it were a request to this server
(``docs/spec/api/image-mogr2.md#10.2``). Whoever may not read an object may not have it laid on another one either.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from openmogr.api.access import head_readable, open_readable
from openmogr.api.coverage import may_read_further
from openmogr.api.errors import InvalidRequest, InvalidURI, OriginProtected, RefererRefused
from openmogr.api.grants import check_place
from openmogr.api.hosts import Style
from openmogr.api.parameters import SUBRESOURCES
from openmogr.api.protection import check_original, check_referer
from openmogr.api.request import Request, read_request
from openmogr.api.services import Services
from openmogr.api.sources import OpenSource
from openmogr.asgi import Message
from openmogr.errors import AccessDenied, CosError, InvalidImageSource, NoSuchBucket, NoSuchKey
from openmogr.image import Pipeline
from openmogr.storage.interface import ObjectInfo

__all__ = ["FurtherSources", "check_further"]

# What ``X-ErrNo`` says of an image that cannot be fetched (docs/spec/api/errors.md#5).
_NUMBER = -60987

_UNREADABLE = (AccessDenied, NoSuchBucket, NoSuchKey, OriginProtected, RefererRefused)

_URL = re.compile(r"(?i:https?)://([^/?#@]+)(/[^?#]*)?(?:\?([^#]*))?")


@dataclass(frozen=True, slots=True)
class _Place:
    """What a URL means: a request for an object, with the rights that come with it."""

    shown: str
    request: Request


class FurtherSources:
    """Those of one request, open until this is closed.

    Args:
        services: the parts of the service.
        request: who asks; None: the owner, without a request.

    Attributes:
        found: by the URL that names them.
    """

    def __init__(self, services: Services, request: Request | None) -> None:
        self.found: dict[str, OpenSource] = {}
        self._services = services
        self._request = request
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of all of them."""
        await self._closing.aclose()

    async def resolved(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline, after all that it reads was opened; one that gives its source where it ignores errors.

        Raises:
            InvalidImageSource: an object is not here, or not to be read by this request.
        """
        try:
            for url in pipeline.further_sources:
                if url not in self.found:
                    self.found[url] = await self._open(url)
        except InvalidImageSource as error:
            return _without(pipeline, error)
        return pipeline

    async def _open(self, url: str) -> OpenSource:
        place = _place(self._services, self._request, url)
        try:
            reader = await open_readable(self._services, place.request)
            self._closing.push_async_callback(reader.aclose)
            await _check_protected(self._services, place, reader.info)
        except _UNREADABLE as error:
            raise _unreadable(place) from error
        _check_size(self._services, place, reader.info.size)
        source = OpenSource.of(reader)
        self._closing.push_async_callback(source.aclose)
        return source


async def check_further(services: Services, request: Request | None, pipelines: Sequence[Pipeline]) -> None:
    """Refuse, before anything is taken in, what :meth:`FurtherSources.resolved` would refuse.

    Raises:
        InvalidImageSource: as it does.
    """
    checked: dict[str, InvalidImageSource | None] = {}
    for pipeline in pipelines:
        for url in pipeline.further_sources:
            if url not in checked:
                checked[url] = await _refusal(services, request, url)
            if (error := checked[url]) is not None:
                _without(pipeline, error)


async def _refusal(services: Services, request: Request | None, url: str) -> InvalidImageSource | None:
    try:
        place = _place(services, request, url)
        info = await head_readable(services, place.request)
        await _check_protected(services, place, info)
        _check_size(services, place, info.size)
    except InvalidImageSource as error:
        return error
    except _UNREADABLE:
        return _unreadable(place)
    return None


def _without(pipeline: Pipeline, error: InvalidImageSource) -> Pipeline:
    """What stands for a pipeline whose images are not to be had, if it ignores errors."""
    if not pipeline.ignore_error:
        raise error
    return Pipeline(failure=error.message, source_text=pipeline.normalised)


def _place(services: Services, request: Request | None, url: str) -> _Place:
    match = _URL.fullmatch(url)
    shown = url.partition("?")[0][:200]
    if match is None:
        raise _refused(f"{shown!r} is no URL with http or https, a host and a path")
    host, path, query = match[1], match[2] or "/", match[3] or ""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "headers": [(b"host", host.encode("utf-8"))],
        "raw_path": path.encode("utf-8"),
        "query_string": query.encode("utf-8"),
    }
    try:
        found = read_request(scope, _nothing, services.hosts)
    except (InvalidRequest, InvalidURI) as error:
        raise _refused(f"{shown!r} is no URL of an object: {error.message}") from error
    if not found.host.known and (request is None or found.host.name != request.host.name):
        raise _refused(f"{shown!r} is at a host that is not this server's; nothing is fetched from elsewhere")
    if found.host.style is Style.SERVICE or not found.bucket or not found.key:
        raise _refused(f"{shown!r} names no object")
    if found.image_operation is not None or any(name in SUBRESOURCES for name in found.params):
        raise _refused(f"the URL {shown!r} holds more than an object and its signature")
    if found.params.get("versionId", "null") not in ("", "null"):
        raise _refused(f"the URL {shown!r} asks for a version, and there are none")
    try:
        signed = services.verifier.verify(found.signature_input) is not None
    except CosError as error:
        raise _refused(f"the signature of the URL {shown!r} is refused: {error.message}") from error
    is_owner = (
        signed
        or request is None
        or (may_read_further(request) and _is_granted(request, found.bucket, found.key))
    )
    # The page that shows the result shows what is in it.
    headers = {} if request is None else {b"referer": request.headers.get(b"referer", b"")}
    client = None if request is None else request.client
    return _Place(shown, replace(found, is_owner=is_owner, headers=headers, client=client))


def _is_granted(request: Request, bucket: str, key: str) -> bool:
    """Whether the request's key pair may read another object than the one it asks for."""
    try:
        check_place(request, "GetObject", bucket, key)
    except AccessDenied:
        return False
    return True


async def _check_protected(services: Services, place: _Place, info: ObjectInfo) -> None:
    """Refuse what a plain GET of the object would be refused. Raises ``RefererRefused``, ``OriginProtected``."""
    await check_referer(services, place.request)
    await check_original(services, place.request, info.attributes.headers.content_type)


def _check_size(services: Services, place: _Place, size: int) -> None:
    limit = services.image.max_input_bytes
    if size > limit:
        raise _refused(f"{place.shown!r} has {size} bytes, more than {limit}")


def _unreadable(place: _Place) -> InvalidImageSource:
    if place.request.is_owner:
        return _refused(f"{place.shown!r} does not exist")
    # The same for both, since who may not read an object may not know of it either.
    return _refused(
        f"{place.shown!r} does not exist, or may not be read by this request: sign the URL behind image/, too"
    )


def _refused(message: str) -> InvalidImageSource:
    return InvalidImageSource(f"The watermark image cannot be used: {message}.", number=_NUMBER)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
