"""Buckets whose objects lie in stores elsewhere, and are only read: S3, COS, GCS, Azure and folders, by ``obstore``."""

from openmogr.storage.stores.settings import GatewaySettings, StoreBucket

__all__ = ["GatewaySettings", "StoreBucket"]
