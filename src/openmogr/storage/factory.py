"""Which back-end the settings name."""

from __future__ import annotations

from openmogr.storage.embedded import EmbeddedStorage
from openmogr.storage.errors import StorageUnusable
from openmogr.storage.interface import Storage
from openmogr.storage.routed import RoutedStorage
from openmogr.storage.settings import Backend, StorageSettings
from openmogr.storage.stores.opening import CannotOpen
from openmogr.storage.stores.settings import GatewaySettings
from openmogr.storage.stores.store import Limits, Store

__all__ = ["open_storage"]


def open_storage(
    settings: StorageSettings, gateway: GatewaySettings | None = None, *, region: str = ""
) -> Storage:
    """The back-end of the settings, which ``async with`` starts.

    Args:
        settings: of what keeps everything.
        gateway: which buckets' objects lie elsewhere; None: none's.
        region: of such buckets, where their stores have none.

    Raises:
        StorageUnusable: a store of the gateway cannot be opened, whether it answers or not.
    """
    match settings.backend:
        case Backend.EMBEDDED:
            embedded = EmbeddedStorage(settings)
    if gateway is None or not gateway.buckets:
        return embedded
    limits = Limits.of(gateway, settings.chunk_bytes)
    stores: dict[str, Store] = {}
    for name, place in gateway.buckets.items():
        try:
            stores[name] = Store(name, place, limits)
        except CannotOpen as error:
            raise StorageUnusable(f"[gateway] {name}: {error}") from error
    return RoutedStorage(embedded, stores, gateway.buckets, limits.counts, region)
