"""Buckets, objects and multipart uploads: the :class:`Storage` protocol and the embedded back-end."""

from openmogr.storage._index import StorageUnusable
from openmogr.storage.embedded import EmbeddedStorage
from openmogr.storage.protocol import Storage
from openmogr.storage.settings import StorageSettings

__all__ = ["EmbeddedStorage", "Storage", "StorageSettings", "StorageUnusable"]
