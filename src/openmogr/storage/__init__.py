"""Buckets, objects and multipart uploads: the :class:`Storage` protocol, and the back-ends that keep it."""

from openmogr.storage.embedded import EmbeddedStorage
from openmogr.storage.errors import StorageUnusable
from openmogr.storage.factory import open_storage
from openmogr.storage.interface import Storage
from openmogr.storage.settings import Backend, StorageSettings

__all__ = ["Backend", "EmbeddedStorage", "Storage", "StorageSettings", "StorageUnusable", "open_storage"]
