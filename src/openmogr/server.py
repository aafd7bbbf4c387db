"""Run the server: uvicorn with the connection protocol of :mod:`openmogr.wire`."""

from __future__ import annotations

from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from openmogr.api.settings import ServerSettings
from openmogr.wire import CosProtocol

__all__ = ["make_server"]


def make_server(app: ASGIApp, settings: ServerSettings) -> uvicorn.Server:
    """A server that is ready to run; its ``run`` blocks until a signal ends it."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=cast("type[CosProtocol]", partial(CosProtocol, limits=settings.wire_limits)),
        ws="none",
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        headers=[("Server", settings.server_header)],
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=settings.shutdown_timeout,
    )
    return uvicorn.Server(config)
