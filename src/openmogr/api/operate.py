"""Pages of the server itself, below the reserved ``/-/``: for probes, Prometheus and browsers, not clients of COS."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from openmogr.api.console import console_page
from openmogr.api.errors import MethodNotAllowed
from openmogr.api.request import Request
from openmogr.api.response import Header, Response
from openmogr.api.services import Services
from openmogr.asgi import Receive, Scope, Send
from openmogr.database import DatabaseUnavailable
from openmogr.errors import NoSuchKey

__all__ = ["PAGES", "OperateApi", "operate_page"]

_log = logging.getLogger("openmogr.api")

# The first segment of the path, which is no bucket's name.
_PREFIX = "-"
# Seconds in which the storage has to answer.
_PATIENCE = 5.0
_NOT_KEPT: Header = (b"cache-control", b"no-store")

Page: TypeAlias = Callable[[Services], Awaitable[Response]]


async def operate_page(services: Services, request: Request) -> Response:
    """The page of a request to the main address. Raises ``NoSuchKey``, ``MethodNotAllowed``."""
    name, _, rest = request.key.partition("/")
    if name == "console" and services.settings.console:
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed()
        return await console_page(services, request, rest)
    page = None if services.settings.operate_address else PAGES.get(request.key)
    if page is None or (page is _metrics and not services.settings.metrics):
        raise NoSuchKey(f"There is no page {request.path}.")
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed()
    return await page(services)


async def _health(services: Services) -> Response:
    """200 while the process is up and its storage answers."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await services.storage.check()
    except Exception as error:
        _log.warning("the storage does not answer: %r", error)
        return _status(503, "the storage does not answer")
    return _status(200, "ok")


async def _ready(services: Services) -> Response:
    """200 while requests are welcome: not before the start is through, not once the end has begun.

    And not while a database that nodes have in common is lost: a proxy asks another node, which may reach it.
    """
    phase = services.phase.value
    if phase == "ready" and services.database.is_shared:
        try:
            async with asyncio.timeout(_PATIENCE):
                await services.database.check()
        except (DatabaseUnavailable, TimeoutError) as error:
            _log.warning("the database does not answer: %r", error)
            return _status(503, "the database does not answer")
    return _status(200 if phase == "ready" else 503, phase)


async def _metrics(services: Services) -> Response:
    """What Prometheus reads."""
    headers = [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8"), _NOT_KEPT]
    return Response(200, headers, services.observer.text(await services.results.statistics()))


def _status(status: int, text: str) -> Response:
    headers = [(b"content-type", b"application/json"), _NOT_KEPT]
    return Response(status, headers, json.dumps({"status": text}).encode() + b"\n")


PAGES: Mapping[str, Page] = {"health": _health, "ready": _ready, "metrics": _metrics}


class OperateApi:
    """These pages alone, for an address of their own."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(scope["method"], scope["path"])
        length = (b"content-length", b"%d" % len(response.body))
        headers = [*response.headers, length, (b"x-content-type-options", b"nosniff")]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else response.body}
        )

    async def _answer(self, method: str, path: str) -> Response:
        page = PAGES.get(path.removeprefix(f"/{_PREFIX}/")) if path.startswith(f"/{_PREFIX}/") else None
        if page is None or (page is _metrics and not self._services.settings.metrics):
            return _status(404, "there is no such page")
        if method not in ("GET", "HEAD"):
            return _status(405, "only GET and HEAD")
        return await page(self._services)
