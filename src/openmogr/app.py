"""The composition root: every part of the server, built from the settings, in order."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from openmogr.api.app import CosApi
from openmogr.api.configurations import Configurations
from openmogr.api.hosts import HostTable
from openmogr.api.jobs.desk import JobDesk
from openmogr.api.jobs.work import do_job, tell_end
from openmogr.api.lifecycle import Sweeper
from openmogr.api.observing import Observer
from openmogr.api.operate import OperateApi
from openmogr.api.results import Results, settings_of_results
from openmogr.api.services import Phase, Services
from openmogr.asgi import ASGIApp, Receive, Scope, Send
from openmogr.auth import Credentials, Verifier, load_credentials
from openmogr.database import Database, DatabaseUnusable
from openmogr.engine import ImagePool
from openmogr.image import encoder_versions, font_versions
from openmogr.jobs.store import JobStore
from openmogr.observe import Metrics, make_tracing, untraced
from openmogr.results import Remembering, ResultSettings, ResultStore
from openmogr.settings import Settings
from openmogr.storage import Backend, Storage, StorageUnusable, open_storage
from openmogr.storage.routed import RoutedStorage
from openmogr.storage.stores.opening import CannotOpen, open_store
from openmogr.storage.stores.settings import StoreBucket

if TYPE_CHECKING:
    from openmogr.transfer.unfinished import UnfinishedUploads

__all__ = ["App", "create_app"]

_log = logging.getLogger("openmogr.app")


class App:
    """The server as an ASGI application, which opens its storage when its lifespan starts.

    Attributes:
        storage: its back-end.
        operate: answers ``/-/`` alone, whatever the state; for an address of its own.
    """

    def __init__(
        self,
        services: Services,
        database: Database,
        on_start: Callable[[Storage], Awaitable[None]] | None,
        *,
        in_store: bool = False,
    ) -> None:
        self._services = services
        self._in_store = in_store
        self._database = database
        self.storage = services.storage
        self._on_start = on_start
        self._api = CosApi(services)
        self.operate: ASGIApp = OperateApi(services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._api(scope, receive, send)

    def stop_being_ready(self) -> None:
        """Say at ``/-/ready`` that the end is near; all else is answered as before."""
        self._services.phase.value = "stopping"

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        started = False
        try:
            async with self.running():
                started = True
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except BaseException as error:
            kind = "shutdown" if started else "startup"
            # What an operator can mend is told in words.
            words = (
                str(error)
                if isinstance(error, (StorageUnusable, DatabaseUnusable))
                else traceback.format_exc()
            )
            await send({"type": f"lifespan.{kind}.failed", "message": words})
            if not isinstance(error, Exception):
                raise
        else:
            await send({"type": "lifespan.shutdown.complete"})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Storage and results opened, and closed in the end; what the lifespan is."""
        services = self._services
        async with AsyncExitStack() as stack:
            if services.tracing is not None:
                stack.push_async_callback(asyncio.to_thread, services.tracing.close)
            # The embedded storage takes the folder first, where the database may lie; the other one needs that.
            if self._in_store:
                await stack.enter_async_context(self._database)
            await stack.enter_async_context(services.storage)
            if not self._in_store:
                await stack.enter_async_context(self._database)
            # Closed last: what runs ends by itself until then.
            stack.push_async_callback(services.pool.close)
            await services.pool.start()
            await stack.enter_async_context(services.results)
            if self._on_start is not None:
                await self._on_start(services.storage)
            stack.push_async_callback(services.jobs.close)
            await services.jobs.open(partial(do_job, services), partial(tell_end, services))
            sweeper = Sweeper(services, services.settings.lifecycle_interval)
            stack.push_async_callback(sweeper.close)
            sweeper.start()
            services.phase.value = "ready"
            yield
            self.stop_being_ready()


def create_app(
    settings: Settings,
    *,
    storage: Storage | None = None,
    credentials: Credentials | None = None,
    on_start: Callable[[Storage], Awaitable[None]] | None = None,
) -> App:
    """The server as an ASGI application.

    Args:
        settings: all of them.
        storage: the back-end; None: that of the settings.
        credentials: the key pairs; None: those of the settings or of their file.
        on_start: run with the opened storage before the first request.
    """
    known = credentials or load_credentials(settings.auth, settings.auth.place(settings.storage.data))
    # Not the system's folder for temporary files, which may lie in memory.
    tracing = make_tracing()
    span = untraced if tracing is None else tracing.span
    pool = ImagePool(settings.image, settings.storage.data / "spool", span=span)
    metrics = Metrics()
    observer = Observer(metrics, settings.server)
    database = Database(settings.database, settings.storage.data)
    kept = settings.results
    store = _remembering(settings, database, metrics)
    makers = (*encoder_versions(), *font_versions(settings.image), settings_of_results(settings.image))
    opened = storage or open_storage(
        settings.storage,
        settings.gateway,
        region=settings.server.region,
        database=database,
        uploads=_unfinished_uploads,
    )
    _watch(metrics, pool, opened)
    services = Services(
        storage=opened,
        configurations=Configurations(opened, database=database),
        database=database,
        pool=pool,
        verifier=Verifier(
            known,
            clock_skew=settings.auth.clock_skew,
            strict=settings.auth.strict,
            regions=settings.auth.regions,
        ),
        hosts=HostTable(settings.server),
        settings=settings.server,
        image=settings.image,
        max_object_bytes=settings.storage.max_object_bytes,
        results=Results(pool, store, makers, observer),
        result_cache_control=kept.cache_control,
        observer=observer,
        phase=Phase(),
        tracing=tracing,
        jobs=_jobs(settings, database),
        # More could not be waiting for their turn.
        bodies=asyncio.Semaphore(settings.image.workers + settings.image.queue),
    )
    in_store = storage is None and settings.storage.backend is Backend.STORE
    return App(services, database, on_start, in_store=in_store)


def _unfinished_uploads(place: StoreBucket) -> UnfinishedUploads | None:
    # For those who have a store.
    from openmogr.transfer.unfinished import unfinished_uploads

    return unfinished_uploads(place)


def _remembering(settings: Settings, database: Database, metrics: Metrics) -> Remembering | None:
    """Raises ``StorageUnusable``."""
    kept = settings.results
    if not kept.max_bytes:
        return None
    front = ResultStore(kept.place(settings.storage.data), kept.max_bytes)
    if not kept.shared:
        return front
    # Only here: SQLAlchemy comes with them.
    from openmogr.results.shared import SharedResults

    try:
        store = open_store(
            kept.shared, endpoint=kept.shared_endpoint, region=kept.shared_region, options=_patience(kept)
        )
    except CannotOpen as error:
        raise StorageUnusable(f"results in common cannot be had: {error}") from error
    shared = SharedResults(front, store, kept, database)
    words = "Results in common with other nodes."
    metrics.watch_counts("openmogr_shared_results", words, "outcome", partial(dict, shared.counts))
    return shared


def _patience(kept: ResultSettings) -> dict[str, object]:
    """What a store of results is allowed: it is asked once, and a miss costs less than to wait."""
    if urlsplit(kept.shared).scheme == "file":
        return {}
    timeout = timedelta(seconds=kept.shared_timeout)
    return {
        "client_options": {"timeout": timeout * 5, "connect_timeout": timeout},
        "retry_config": {"max_retries": 0, "retry_timeout": timeout},
    }


def _jobs(settings: Settings, database: Database) -> JobDesk:
    jobs = settings.jobs
    before = jobs.place(settings.storage.data)
    return JobDesk(JobStore(database, jobs.max_waiting, lease=jobs.lease, before=before), jobs)


def _watch(metrics: Metrics, pool: ImagePool, storage: Storage) -> None:
    """What the engine and the gateway do is told when metrics are asked for."""
    if isinstance(storage, RoutedStorage):
        metrics.watch_counts(
            "openmogr_store_requests",
            "Requests to stores of the gateway.",
            "outcome",
            partial(dict, storage.counts),
        )
    counts = pool.workers.counts
    metrics.watch(
        "openmogr_spool_bytes", "Bytes of long results on their way to clients.", lambda: pool.spool.held
    )
    metrics.watch("openmogr_image_running", "Image jobs in workers.", lambda: pool.places.running)
    metrics.watch("openmogr_image_waiting", "Image jobs that wait for a worker.", lambda: pool.places.waiting)
    metrics.watch(
        "openmogr_image_admitted_bytes", "Memory granted to image jobs.", lambda: pool.memory.admitted
    )
    metrics.watch_counts(
        "openmogr_image_jobs", "Image jobs given to workers.", "kind", lambda: {"all": counts.jobs}
    )
    metrics.watch_counts(
        "openmogr_workers_replaced",
        "Workers that were replaced.",
        "reason",
        lambda: {"crashed": counts.crashed, "killed": counts.killed, "recycled": counts.recycled},
    )
