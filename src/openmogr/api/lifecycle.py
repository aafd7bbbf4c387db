"""Lifecycle of a bucket: its rules, and the removal of what they name.

As PUT, GET and DELETE ``?lifecycle`` of COS and S3 say. Carried out are expiry of objects, after days or at a date, and
the end of multipart uploads; what cannot be carried out (other storage classes, versions) is refused when it is put.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from xml.etree.ElementTree import Element

from openmogr.api.access import check_owner
from openmogr.api.documents import read_raw_document
from openmogr.api.errors import MalformedXML, NoSuchLifecycleConfiguration
from openmogr.api.request import Request
from openmogr.api.response import Header, Response
from openmogr.api.services import Services
from openmogr.api.xml import child_text, children, parse
from openmogr.errors import CosError, InvalidArgument, NotSupported
from openmogr.storage.errors import NoSuchUpload
from openmogr.storage.interface import ObjectInfo

__all__ = ["Sweeper", "delete_lifecycle", "expiration_header", "get_lifecycle", "put_lifecycle", "sweep"]

_log = logging.getLogger("openmogr.lifecycle")

_KIND = "lifecycle"
_MAX_RULES = 1000
_PAGE = 1000
_REFUSED = {
    "Transition": "there is no other storage class",
    "NoncurrentVersionTransition": "there are no versions",
    "NoncurrentVersionExpiration": "there are no versions",
    "AccessFrequency": "accesses are not counted",
}
_FILTERS = frozenset({"Prefix", "Tag", "And"})


@dataclass(frozen=True, slots=True)
class _Rule:
    """What is removed, and when.

    Attributes:
        days: after which an object is removed; None: not by days.
        date: from which on all objects are removed; None: not by date.
        upload_days: after which an upload is ended; None: never.
    """

    name: str
    prefix: str
    tags: Mapping[str, str] = field(default_factory=dict)
    days: int | None = None
    date: datetime | None = None
    upload_days: int | None = None

    def applies_to(self, info: ObjectInfo) -> bool:
        """Whether the filter lets the object through; what may still grow takes no part, as with COS."""
        tags = info.attributes.tags
        return (
            not info.appendable
            and info.key.startswith(self.prefix)
            and all(tags.get(key) == value for key, value in self.tags.items())
        )

    def expiry(self, info: ObjectInfo) -> datetime | None:
        """When the object is to be removed: days end at midnight, UTC."""
        if self.date is not None:
            return self.date
        return None if self.days is None else _midnight(info.last_modified, self.days)


def _midnight(moment: datetime, days: int) -> datetime:
    return (moment + timedelta(days=days + 1)).replace(hour=0, minute=0, second=0, microsecond=0)


async def get_lifecycle(services: Services, request: Request) -> Response:
    """GET ``?lifecycle``. Raises ``NoSuchLifecycleConfiguration``."""
    await check_owner(services, request)
    document = await services.configurations.read(request.bucket, _KIND)
    if document is None:
        raise NoSuchLifecycleConfiguration()
    return Response(200, [(b"content-type", b"application/xml")], document)


async def put_lifecycle(services: Services, request: Request) -> Response:
    """PUT ``?lifecycle``.

    Raises:
        MalformedXML, InvalidArgument: a rule does not make sense.
        NotSupported: a rule cannot be carried out.
    """
    await check_owner(services, request)
    document, root = await read_raw_document(services, request, "LifecycleConfiguration")
    _rules(root)
    await services.configurations.change(request.bucket, _KIND, lambda _: document)
    return Response(200)


async def delete_lifecycle(services: Services, request: Request) -> Response:
    """DELETE ``?lifecycle``."""
    await check_owner(services, request)
    await services.configurations.change(request.bucket, _KIND, lambda _: None)
    return Response(204)


async def expiration_header(services: Services, info: ObjectInfo) -> list[Header]:
    """``x-cos-expiration``: when the object will be removed, and by which rule."""
    document = await services.configurations.get(info.bucket, _KIND)
    if document is None:
        return []
    found = [(expiry, rule.name) for rule in _stored(document) if (expiry := _due(rule, info)) is not None]
    if not found:
        return []
    expiry, name = min(found)
    text = f'expiry-date="{expiry.strftime("%a, %d %b %Y %H:%M:%S GMT")}", rule-id="{name}"'
    return [(b"x-cos-expiration", text.encode("ascii", "replace"))]


def _due(rule: _Rule, info: ObjectInfo) -> datetime | None:
    return rule.expiry(info) if rule.applies_to(info) else None


def _rules(root: Element) -> Sequence[_Rule]:
    rules = [
        rule
        for number, item in enumerate(children(root, "Rule"), start=1)
        if (rule := _rule(item, number)) is not None
    ]
    count = len(list(children(root, "Rule")))
    if not 1 <= count <= _MAX_RULES:
        raise MalformedXML(f"LifecycleConfiguration holds 1 to {_MAX_RULES} rules.")
    return rules


def _rule(root: Element, number: int) -> _Rule | None:
    """A rule; None for one that is disabled, whose sense is checked all the same."""
    for name, why in _REFUSED.items():
        if root.find(name) is not None:
            raise NotSupported(f"Lifecycle rule {number}: {name} is not supported: {why} here.")
    status = _text(root, "Status")
    if status not in ("Enabled", "Disabled"):
        raise MalformedXML(f"Lifecycle rule {number}: Status must be Enabled or Disabled.")
    prefix, tags = _filter(root, number)
    expiration, abort = root.find("Expiration"), root.find("AbortIncompleteMultipartUpload")
    if expiration is None and abort is None:
        raise MalformedXML(f"Lifecycle rule {number} has nothing to do.")
    if abort is not None and tags:
        raise InvalidArgument(f"Lifecycle rule {number}: uploads have no tags to be chosen by.")
    days, date = (None, None) if expiration is None else _expiration(expiration, number)
    rule = _Rule(
        name=_text(root, "ID") or f"rule-{number}",
        prefix=prefix,
        tags=tags,
        days=days,
        date=date,
        upload_days=None if abort is None else _days(abort, "DaysAfterInitiation", number),
    )
    return rule if status == "Enabled" else None


def _text(root: Element, name: str) -> str:
    return (child_text(root, name) or "").strip()


def _filter(root: Element, number: int) -> tuple[str, Mapping[str, str]]:
    chosen = root.find("Filter")
    if chosen is None:  # as older clients write it
        return child_text(root, "Prefix") or "", {}
    inner = chosen.find("And")
    inner = chosen if inner is None else inner
    for item in inner:
        if item.tag not in _FILTERS:
            raise NotSupported(f"Lifecycle rule {number}: filters by {item.tag[:100]} are not supported.")
    tags = {_text(tag, "Key"): child_text(tag, "Value") or "" for tag in children(inner, "Tag")}
    if "" in tags:
        raise MalformedXML(f"Lifecycle rule {number}: a Tag holds no Key.")
    return child_text(inner, "Prefix") or "", tags


def _expiration(root: Element, number: int) -> tuple[int | None, datetime | None]:
    if root.find("ExpiredObjectDeleteMarker") is not None:
        raise NotSupported(f"Lifecycle rule {number}: there are no versions here.")
    days, date = root.find("Days"), root.find("Date")
    if (days is None) == (date is None):
        raise MalformedXML(f"Lifecycle rule {number}: Expiration holds either Days or Date.")
    if date is None:
        return _days(root, "Days", number), None
    try:
        moment = datetime.fromisoformat(_text(root, "Date"))
    except ValueError:
        raise MalformedXML(f"Lifecycle rule {number}: Date must be like 2027-01-01T00:00:00+00:00.") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return None, moment


def _days(root: Element, name: str, number: int) -> int:
    text = _text(root, name)
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) < 1:
        raise InvalidArgument(f"Lifecycle rule {number}: {name} must be a whole number from 1 on.")
    return int(text)


@lru_cache(maxsize=256)
def _stored(document: bytes) -> Sequence[_Rule]:
    return _rules(parse(document, "LifecycleConfiguration"))


async def sweep(services: Services, now: datetime) -> tuple[int, int]:
    """Remove from all buckets what is due.

    Args:
        services: the parts of the service.
        now: UTC.

    Returns:
        How many objects and how many uploads went.
    """
    objects = uploads = 0
    for bucket in await services.storage.list_buckets():
        try:
            document = await services.configurations.read(bucket.name, _KIND)
            if document is None:
                continue
            for rule in _stored(document):
                objects += await _expire_objects(services, bucket.name, rule, now)
                uploads += await _end_uploads(services, bucket.name, rule, now)
        except CosError as error:
            # Most likely the bucket has just gone.
            _log.warning("lifecycle of %s: %s", bucket.name, error.message)
    return objects, uploads


async def _expire_objects(services: Services, bucket: str, rule: _Rule, now: datetime) -> int:
    if rule.days is None and (rule.date is None or rule.date > now):
        return 0
    removed, marker = 0, ""
    while True:
        page = await services.storage.list_objects(bucket, prefix=rule.prefix, marker=marker, max_keys=_PAGE)
        due = [info for info in page.objects if (expiry := _due(rule, info)) is not None and expiry <= now]
        if due:
            # What was written anew since the listing stays.
            newest = max(info.last_modified for info in due)
            keys = [info.key for info in due]
            await services.storage.delete_objects(bucket, keys, modified_until=newest)
            removed += len(due)
        if not page.truncated:
            return removed
        marker = page.next_marker or ""


async def _end_uploads(services: Services, bucket: str, rule: _Rule, now: datetime) -> int:
    if rule.upload_days is None:
        return 0
    ended, key_marker, id_marker = 0, "", ""
    while True:
        page = await services.storage.list_uploads(
            bucket, prefix=rule.prefix, key_marker=key_marker, upload_id_marker=id_marker, max_uploads=_PAGE
        )
        for upload in page.uploads:
            if _midnight(upload.initiated, rule.upload_days) <= now:
                try:
                    await services.storage.abort_upload(bucket, upload.key, upload.upload_id)
                    ended += 1
                except NoSuchUpload:
                    pass  # completed or aborted meanwhile
        if not page.truncated:
            return ended
        key_marker, id_marker = page.next_key_marker or "", page.next_upload_id_marker or ""


class Sweeper:
    """Carries out lifecycles every so often, from the start on.

    Args:
        services: the parts of the service.
        seconds: between two rounds.
    """

    def __init__(self, services: Services, seconds: float) -> None:
        self._services = services
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; a round under way is given up, and the next start does it anew."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                objects, uploads = await sweep(self._services, datetime.now(UTC))
                if objects or uploads:
                    _log.info("lifecycle: %d objects and %d uploads removed", objects, uploads)
            except Exception:
                _log.exception("lifecycles could not be carried out")
            await asyncio.sleep(self._seconds)
