"""Requests to buckets whose objects lie in stores elsewhere, which are only read."""

from __future__ import annotations

from openmogr.api.request import Request
from openmogr.api.services import Services
from openmogr.storage.errors import ReadOnlyBucket

__all__ = ["check_read_only"]

# Handlers that change nothing but what is kept with the bucket here, or in another bucket, which is checked there.
_ALLOWED = frozenset({
    "create_bucket",  # which says that there is one
    "put_bucket_tagging", "delete_bucket_tagging", "put_cors", "delete_cors", "put_style", "delete_style",
    "put_separators", "put_origin_protection", "delete_origin_protection", "put_hotlink", "put_referer",
    "delete_referer", "put_image_slim", "delete_image_slim", "put_policy", "delete_policy", "put_website",
    "delete_website", "ci_bind", "ci_delete", "enable_bucket",
    "submit_job", "cancel_job", "update_queue", "create_template", "update_template", "delete_template",
})  # fmt: skip


def check_read_only(services: Services, request: Request) -> None:
    """Refuse, before anything is read of it, a write to a bucket that is only read.

    Raises:
        ReadOnlyBucket: whoever asks.
    """
    if request.method in ("GET", "HEAD", "OPTIONS") or request.operation in _ALLOWED:
        return
    if services.storage.is_read_only(request.bucket):
        raise ReadOnlyBucket()
