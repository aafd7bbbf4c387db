"""Objects in a store of S3 or another, under their own keys, and all else in a database: for one server or several."""

from openmogr.storage.shared.storage import SharedStorage

__all__ = ["SharedStorage"]
