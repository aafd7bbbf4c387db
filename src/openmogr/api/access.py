"""Who may do what (``docs/spec/api/signature.md#4``)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from openmogr.api.request import Request
from openmogr.api.services import Services
from openmogr.errors import AccessDenied, NoSuchBucket, NoSuchKey
from openmogr.storage.interface import Acl, ObjectInfo, ObjectReader

__all__ = ["check_bucket_read", "check_owner", "check_write", "head_readable", "open_readable"]

T = TypeVar("T")
_PUBLIC = (Acl.PUBLIC_READ, Acl.PUBLIC_READ_WRITE)


async def check_owner(services: Services, request: Request) -> None:
    """For what only the owner may do, whatever the ACL. Raises ``AccessDenied`` or ``NoSuchBucket``."""
    if not request.is_owner:
        if request.bucket:
            await services.storage.head_bucket(request.bucket)
        raise AccessDenied()


async def check_bucket_read(services: Services, request: Request) -> None:
    """For listings: the owner, or anybody in a bucket with public reading."""
    if not request.is_owner and (await services.storage.head_bucket(request.bucket)).acl not in _PUBLIC:
        raise AccessDenied()


async def check_write(services: Services, request: Request) -> None:
    """For uploads and deletions: the owner, or anybody in a bucket with public writing."""
    if not request.is_owner:
        bucket = await services.storage.head_bucket(request.bucket)
        if bucket.acl is not Acl.PUBLIC_READ_WRITE:
            raise AccessDenied()


async def open_readable(services: Services, request: Request) -> ObjectReader:
    """Open the object of a request that may read it; the caller closes it.

    Raises:
        NoSuchBucket, NoSuchKey: to those who might have read it.
        AccessDenied: to all others, whether the object exists or not.
    """
    if request.is_owner:
        return await services.storage.open_object(request.bucket, request.key)
    public = (await services.storage.head_bucket(request.bucket)).acl in _PUBLIC
    reader = await _or_denied(public, services.storage.open_object(request.bucket, request.key))
    if _readable(reader.info, public):
        return reader
    await reader.aclose()
    raise AccessDenied()


async def head_readable(services: Services, request: Request) -> ObjectInfo:
    """The same without the bytes."""
    if request.is_owner:
        return await services.storage.head_object(request.bucket, request.key)
    public = (await services.storage.head_bucket(request.bucket)).acl in _PUBLIC
    info = await _or_denied(public, services.storage.head_object(request.bucket, request.key))
    if _readable(info, public):
        return info
    raise AccessDenied()


def _readable(info: ObjectInfo, public: bool) -> bool:
    acl = info.attributes.acl
    return acl in _PUBLIC or (acl is Acl.DEFAULT and public)


async def _or_denied(public: bool, lookup: Awaitable[T]) -> T:
    try:
        return await lookup
    except NoSuchBucket:
        raise
    except NoSuchKey:
        if public:
            raise
        raise AccessDenied() from None
