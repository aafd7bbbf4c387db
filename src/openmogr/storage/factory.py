"""Which back-end the settings name."""

from __future__ import annotations

from openmogr.storage.embedded import EmbeddedStorage
from openmogr.storage.interface import Storage
from openmogr.storage.settings import Backend, StorageSettings

__all__ = ["open_storage"]


def open_storage(settings: StorageSettings) -> Storage:
    """The back-end of the settings, which ``async with`` starts."""
    match settings.backend:
        case Backend.EMBEDDED:
            return EmbeddedStorage(settings)
