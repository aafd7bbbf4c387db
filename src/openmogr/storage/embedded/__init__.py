"""The embedded back-end: objects' bytes as files, everything else in SQLite, in one folder of one process."""

from openmogr.storage.embedded.inspect import SQLITE_NEEDED, StorageReport, inspect_storage
from openmogr.storage.embedded.storage import EmbeddedStorage

__all__ = ["SQLITE_NEEDED", "EmbeddedStorage", "StorageReport", "inspect_storage"]
