"""The composition root: every part of the server, built from the settings, in order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.types import ASGIApp

from openmogr.api.app import CosApi
from openmogr.api.coalesce import Coalescer
from openmogr.api.hosts import HostTable
from openmogr.api.services import Services
from openmogr.auth import Credentials, Verifier, load_credentials
from openmogr.engine import ImagePool
from openmogr.settings import Settings
from openmogr.storage import EmbeddedStorage, Storage

__all__ = ["create_app"]


def create_app(
    settings: Settings,
    *,
    credentials: Credentials | None = None,
    on_start: Callable[[Storage], Awaitable[None]] | None = None,
) -> ASGIApp:
    """The server as an ASGI application, which opens its storage when its lifespan starts.

    Args:
        settings: all of them.
        credentials: the key pairs; None: those of the settings or the data folder.
        on_start: run with the opened storage before the first request.
    """
    known = credentials or load_credentials(settings.auth, settings.storage.data)
    storage = EmbeddedStorage(settings.storage)
    pool = ImagePool(settings.image)
    services = Services(
        storage=storage,
        pool=pool,
        verifier=Verifier(known, clock_skew=settings.auth.clock_skew, strict=settings.auth.strict),
        hosts=HostTable(settings.server),
        settings=settings.server,
        image=settings.image,
        max_object_bytes=settings.storage.max_object_bytes,
        processing=Coalescer(),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with storage:
            await pool.start()
            try:
                if on_start is not None:
                    await on_start(storage)
                yield
            finally:
                await pool.close()

    app = Starlette(lifespan=lifespan)
    app.router.redirect_slashes = False
    # Keys are opaque and subresources live in the query, so no path is ever routed: all goes to the API.
    app.router.default = CosApi(services)
    return app
