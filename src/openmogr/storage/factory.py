"""Which back-end the settings name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from openmogr.database import Database
from openmogr.storage.embedded import EmbeddedStorage
from openmogr.storage.errors import StorageUnusable
from openmogr.storage.interface import Storage
from openmogr.storage.routed import RoutedStorage
from openmogr.storage.settings import Backend, StorageSettings
from openmogr.storage.stores.opening import CannotOpen
from openmogr.storage.stores.settings import GatewaySettings, StoreBucket
from openmogr.storage.stores.store import Limits, Store

if TYPE_CHECKING:
    from openmogr.storage.shared.place import Uploads

__all__ = ["open_storage"]


def open_storage(
    settings: StorageSettings,
    gateway: GatewaySettings | None = None,
    *,
    region: str = "",
    database: Database | None = None,
    uploads: Callable[[StoreBucket], Uploads | None] | None = None,
) -> Storage:
    """The back-end of the settings, which ``async with`` starts.

    Args:
        settings: of what keeps everything.
        gateway: which buckets' objects lie elsewhere; None: none's.
        region: of such buckets, where their stores have none.
        database: of a storage in a store; opened before the storage is started.
        uploads: gives what ends multipart uploads of a store that were cut off, if it can.

    Raises:
        StorageUnusable: a store cannot be opened, whether it answers or not.
    """
    match settings.backend:
        case Backend.EMBEDDED:
            kept: Storage = EmbeddedStorage(settings)
        case Backend.STORE:
            assert database is not None, "a storage in a store needs a database"
            kept = _in_store(settings, database, uploads)
    if gateway is None or not gateway.buckets:
        return kept
    limits = Limits.of(gateway, settings.chunk_bytes)
    stores: dict[str, Store] = {}
    for name, place in gateway.buckets.items():
        try:
            stores[name] = Store(name, place, limits)
        except CannotOpen as error:
            raise StorageUnusable(f"[gateway] {name}: {error}") from error
    return RoutedStorage(kept, stores, gateway.buckets, limits.counts, region)


def _in_store(
    settings: StorageSettings, database: Database, uploads: Callable[[StoreBucket], Uploads | None] | None
) -> Storage:
    # SQLAlchemy is for those who have a store.
    from openmogr.storage.shared import SharedStorage
    from openmogr.storage.shared.place import Place

    limits = Limits(settings.timeout, asyncio.Semaphore(settings.max_requests), settings.chunk_bytes)
    try:
        where = settings.place
        place = Place(where, limits, uploads=uploads(where) if uploads is not None else None)
    except CannotOpen as error:
        raise StorageUnusable(f"[storage] url: {error}") from error
    return SharedStorage(settings, place, database, settings.timeout)
