"""Takes the objects of a source into a bucket."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from openmogr.errors import CosError
from openmogr.storage.interface import ObjectAttributes, Storage, Write
from openmogr.storage.stores.metadata import headers_of
from openmogr.transfer.journal import Journal
from openmogr.transfer.source import Contents, Found, SourceError, SourceStore

__all__ = ["Importer", "Progress", "Report"]

_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass
class Report:
    """What became of a source's objects.

    Attributes:
        taken: objects stored.
        taken_bytes: of them.
        verified: of those, how many have the MD5 that the source tells; the others only the size.
        present: objects that were there already.
        failed: keys, and why each was not taken in.
    """

    taken: int = 0
    taken_bytes: int = 0
    verified: int = 0
    present: int = 0
    failed: dict[str, str] = field(default_factory=dict)


# Told after each object: its key, and the report so far.
Progress = Callable[[str, Report], None]


class Importer:
    """Imports into one bucket that exists.

    Args:
        storage: open.
        bucket: takes the objects, under the source's keys.
        journal: open; tells what was done before.
        jobs: objects at the same time.
        progress: is told.
    """

    def __init__(
        self, storage: Storage, bucket: str, journal: Journal, *, jobs: int, progress: Progress | None = None
    ) -> None:
        self._storage = storage
        self._bucket = bucket
        self._journal = journal
        self._jobs = jobs
        self._progress = progress

    async def run(self, source: SourceStore, *, dry: bool = False) -> Report:
        """Take in everything that is not there yet; what fails is in the report, and tried by the next run.

        Args:
            source: whose objects.
            dry: only tell what would be taken.

        Raises:
            SourceError: the source cannot be listed; what was taken in until then stays.
        """
        report = Report()
        pending = source.list()
        lock = asyncio.Lock()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._jobs):
                    group.create_task(self._work(source, pending, lock, report, dry))
        except* SourceError as failed:
            raise SourceError(str(failed.exceptions[0])) from failed
        return report

    async def _work(
        self,
        source: SourceStore,
        pending: AsyncIterator[Found],
        lock: asyncio.Lock,
        report: Report,
        dry: bool,
    ) -> None:
        while True:
            async with lock:
                found = await anext(pending, None)
            if found is None:
                return
            if found.key.endswith("/") and not found.size and not found.etag:
                continue  # a folder of a file system
            if (found.key, found.etag, found.size) in self._journal or await self._is_there(found):
                report.present += 1
            elif dry:
                report.taken += 1
                report.taken_bytes += found.size
            else:
                await self._take(source, found, report)
            if self._progress is not None:
                self._progress(found.key, report)

    async def _is_there(self, found: Found) -> bool:
        if not _MD5.fullmatch(found.etag):
            return False
        try:
            info = await self._storage.head_object(self._bucket, found.key)
        except CosError:
            return False
        return (info.etag, info.size) == (found.etag, found.size)

    async def _take(self, source: SourceStore, found: Found, report: Report) -> None:
        try:
            contents = await source.open(found)
            verified = await self._store(found, contents)
        except CosError as error:
            report.failed[found.key] = error.message
        except Exception as error:  # whatever a store's client raises
            report.failed[found.key] = f"{type(error).__name__}: {error}"[:300]
        else:
            self._journal.add(found.key, found.etag, found.size)
            report.taken += 1
            report.taken_bytes += found.size
            report.verified += verified

    async def _store(self, found: Found, contents: Contents) -> bool:
        """Whether the bytes have the MD5 that the source tells; else it tells none."""
        async with self._storage.stage() as staged:
            async for chunk in contents.chunks:
                await staged.write(chunk)
            digest = await staged.finish()
            if digest.size != found.size:
                raise ValueError(f"{digest.size} bytes came, {found.size} were announced")
            verified = _MD5.fullmatch(found.etag) is not None
            if verified and digest.etag != found.etag:
                raise ValueError(f"the bytes have the MD5 {digest.etag}, not {found.etag}")
            headers = headers_of(found.key, contents.headers, contents.user)
            attributes = ObjectAttributes(headers, acl=contents.details.acl, tags=contents.details.tags)
            write = Write(self._bucket, found.key, staged, attributes, modified=found.modified)
            await self._storage.commit([write])
        return verified
