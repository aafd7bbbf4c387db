"""Who may do what (``docs/spec/api/signature.md#4``)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from openmogr.api.grants import action_of
from openmogr.api.policy_document import Verdict
from openmogr.api.request import Request
from openmogr.api.services import Services
from openmogr.api.verdict import is_allowed, verdict
from openmogr.errors import AccessDenied, NoSuchBucket, NoSuchKey
from openmogr.storage.errors import ReadOnlyBucket
from openmogr.storage.interface import Acl, ObjectInfo, ObjectReader

__all__ = [
    "check_bucket_read",
    "check_owner",
    "check_write",
    "check_write_at",
    "head_readable",
    "open_readable",
]

T = TypeVar("T")
_PUBLIC = (Acl.PUBLIC_READ, Acl.PUBLIC_READ_WRITE)


async def check_owner(services: Services, request: Request) -> None:
    """For what only the owner may do, whatever the ACL. Raises ``AccessDenied`` or ``NoSuchBucket``."""
    if not request.is_owner:
        if request.bucket:
            await services.storage.head_bucket(request.bucket)
        raise AccessDenied()


async def check_bucket_read(services: Services, request: Request) -> None:
    """For listings: the owner, or anybody in a bucket with public reading, or whose policy allows it."""
    if request.is_owner or (await services.storage.head_bucket(request.bucket)).acl in _PUBLIC:
        return
    if not await is_allowed(services, request, action_of(request), request.bucket, None):
        raise AccessDenied()


async def check_write(services: Services, request: Request) -> None:
    """For uploads and deletions: the owner, or anybody in a bucket with public writing, or whose policy allows it."""
    await check_write_at(services, request, action_of(request), request.bucket, request.key)


async def check_write_at(services: Services, request: Request, action: str, bucket: str, key: str) -> None:
    """The same for another place, by the policy of its bucket. Raises ``AccessDenied``, ``ReadOnlyBucket``."""
    if services.storage.is_read_only(bucket):
        raise ReadOnlyBucket()
    if not request.is_owner:
        found = await services.storage.head_bucket(bucket)
        if found.acl is not Acl.PUBLIC_READ_WRITE and not await is_allowed(
            services, request, action, bucket, key
        ):
            raise AccessDenied()


async def open_readable(services: Services, request: Request) -> ObjectReader:
    """Open the object of a request that may read it; the caller closes it.

    Raises:
        NoSuchBucket, NoSuchKey: to those who might have read it.
        AccessDenied: to all others, whether the object exists or not.
    """
    said = await _verdict(services, request)
    if request.is_owner:
        return await services.storage.open_object(request.bucket, request.key)
    public = (await services.storage.head_bucket(request.bucket)).acl in _PUBLIC
    allowed = said is Verdict.ALLOWED
    reader = await _or_denied(public or allowed, services.storage.open_object(request.bucket, request.key))
    if allowed or _readable(reader.info, public):
        return reader
    await reader.aclose()
    raise AccessDenied()


async def head_readable(services: Services, request: Request) -> ObjectInfo:
    """The same without the bytes."""
    said = await _verdict(services, request)
    if request.is_owner:
        return await services.storage.head_object(request.bucket, request.key)
    public = (await services.storage.head_bucket(request.bucket)).acl in _PUBLIC
    allowed = said is Verdict.ALLOWED
    info = await _or_denied(public or allowed, services.storage.head_object(request.bucket, request.key))
    if allowed or _readable(info, public):
        return info
    raise AccessDenied()


async def _verdict(services: Services, request: Request) -> Verdict:
    """What the policy says of reading the object of a request. Raises ``AccessDenied``: it denies that."""
    action = "HeadObject" if request.method == "HEAD" else "GetObject"
    said = await verdict(services, request, action, request.bucket, request.key)
    if said is Verdict.DENIED:
        raise AccessDenied("The policy of the bucket denies it.")
    return said


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
