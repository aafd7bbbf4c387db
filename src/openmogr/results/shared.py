"""Results that several nodes have in common: an object each in a store, below a prefix, behind the results of the node.

- What the node itself has is never asked for elsewhere. What it makes goes to the store in the background; what it
  misses is looked for there, checked, and kept here too.
- A key holds the content of all sources and the versions of all that made the result, so what is found is never stale;
  nodes of different versions do not see each other's.
- An object is a digest of the rest, the key, the head and the content. What does not go with its digest or its key
  counts as not there.
- A store that is down, slow or full makes misses, and after one failure it is not asked for some seconds.
- Each object has a row in the database, written before it; a sweep removes what was not used for long, and then what
  was used longest ago, until all are within the bound. With a database of its own a node knows, and removes, what it
  put.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from sqlalchemy import delete, func, select, update

from openmogr.database import Database, DatabaseUnavailable
from openmogr.results.interface import Entry, Readable, StoreStatistics
from openmogr.results.settings import ResultSettings
from openmogr.results.store import ResultStore
from openmogr.results.tables import SHARED_RESULTS

if TYPE_CHECKING:
    from obstore.store import ObjectStore

__all__ = ["SharedResults"]

_log = logging.getLogger("openmogr.results")

_MAGIC = b"openmogr result 1\n"
_DIGEST = 32
# Longer results stay where they were made: they are read whole, in memory.
_MAX_BYTES = 32 << 20
# What may wait to be sent, and how many are sent at a time.
_AHEAD = 64 << 20
_SENDERS = 4
# For so long a store that failed is not asked, in seconds.
_PAUSE = 5.0
# Uses are noted to the hour, and not all at once.
_USED_SECONDS = 3600
_SWEEP_SECONDS = 600.0
_SWEPT = 100
# As in the node's own store: a sweep goes on below the bound.
_LOW_WATER = 0.9


class SharedResults:
    """Opens and closes the results of the node, too.

    Args:
        front: the results of the node.
        store: where all nodes have theirs.
        settings: where below, how large, and for how long.
        database: open before this is.

    Attributes:
        counts: what became of questions to the store: ``hit``, ``miss``, ``damaged``, ``failed``; and ``put``,
            ``dropped`` (not sent, since too much waits) and ``swept``.
    """

    def __init__(
        self, front: ResultStore, store: ObjectStore, settings: ResultSettings, database: Database
    ) -> None:
        self._front = front
        self._store = store
        self._prefix = settings.shared_prefix
        self._timeout = settings.shared_timeout
        self._max_bytes = settings.shared_max_bytes
        self._keep = settings.shared_keep
        self._database = database
        self._asked_again_at = 0.0
        self._waiting = 0
        self._places = asyncio.Semaphore(_SENDERS)
        self._tasks: set[asyncio.Task[None]] = set()
        names = ("hit", "miss", "damaged", "failed", "put", "dropped", "swept")
        self.counts: Counter[str] = Counter(dict.fromkeys(names, 0))

    async def open(self) -> None:
        """Raises ``OSError`` if the node's own cannot be used at all."""
        await self._front.open()
        self._begin(self._sweep_for_ever())

    async def close(self) -> None:
        """Stop; what was not sent yet is not sent."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._front.close()

    @property
    def generation(self) -> int:
        """That of the node's own."""
        return self._front.generation

    def touch(self, key: str) -> None:
        """Note that a result was used."""
        self._front.touch(key)

    async def statistics(self) -> StoreStatistics:
        """Of the node's own; what is asked of the store is in :attr:`counts`."""
        return await self._front.statistics()

    async def get(self, key: str) -> Entry | None:
        """The node's own result of a key, or that of another node."""
        entry = await self._front.get(key)
        if entry is not None or time.monotonic() < self._asked_again_at:
            return entry
        found = await self._fetched(key)
        if found is None:
            return None
        head, content = found
        await self._front.put(key, head, content)
        self._begin(self._note_use(key))
        return await self._front.get(key) or await asyncio.to_thread(_entry, head, content)

    async def put(self, key: str, head: bytes, content: bytes | Readable) -> None:
        """Keep a result here, and soon in the store."""
        await self._front.put(key, head, content)
        size = len(content) if isinstance(content, bytes) else content.size
        if size > _MAX_BYTES or time.monotonic() < self._asked_again_at:
            return
        if self._waiting + size > _AHEAD:
            self.counts["dropped"] += 1
            return
        try:
            data = content if isinstance(content, bytes) else await asyncio.to_thread(content.read)
        except OSError as error:
            _log.warning("a result is not shared: %s", error)
            return
        self._waiting += size
        self._begin(self._send(key, head, data))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _place(self, key: str) -> str:
        return f"{self._prefix}{key[:2]}/{key}"

    async def _fetched(self, key: str) -> tuple[bytes, bytes] | None:
        import obstore

        try:
            async with asyncio.timeout(self._timeout):
                answer = await obstore.get_async(self._store, self._place(key))
                body = b"" if answer.meta["size"] > 2 * _MAX_BYTES else bytes(await answer.bytes_async())
        except FileNotFoundError:
            self.counts["miss"] += 1
            return None
        except Exception as error:
            self._failed(error)
            return None
        found = _unpacked(key, body)
        self.counts["damaged" if found is None else "hit"] += 1
        if found is None:
            _log.warning("a shared result is damaged and made again: %s", key)
        return found

    def _failed(self, error: Exception) -> None:
        self.counts["failed"] += 1
        self._asked_again_at = time.monotonic() + _PAUSE
        # Its words may hold signatures.
        _log.warning("shared results are not used for %g s: %s", _PAUSE, type(error).__name__)

    async def _send(self, key: str, head: bytes, content: bytes) -> None:
        import obstore

        try:
            async with self._places:
                body = _packed(key, head, content)
                now = int(time.time())
                row = self._database.insert(SHARED_RESULTS).values(key=key, size=len(body), used=now)
                new = row.on_conflict_do_update(index_elements=["key"], set_={"size": len(body), "used": now})
                async with self._database.changing() as connection:
                    await connection.execute(new)
                async with asyncio.timeout(self._timeout * 5):
                    # Not in parts, which a killed node would leave behind.
                    await obstore.put_async(self._store, self._place(key), body, use_multipart=False)
            self.counts["put"] += 1
        except DatabaseUnavailable as error:
            _log.warning("a result is not shared: %s", error.detail)
        except Exception as error:
            self._failed(error)
        finally:
            self._waiting -= len(content)

    async def _note_use(self, key: str) -> None:
        now = int(time.time())
        row = SHARED_RESULTS.c
        text = update(SHARED_RESULTS).where(row.key == key, row.used < now - _USED_SECONDS).values(used=now)
        try:
            async with self._database.changing() as connection:
                await connection.execute(text)
        except DatabaseUnavailable as error:
            _log.warning("the use of a shared result is not noted: %s", error.detail)

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                await self.sweep()
            except DatabaseUnavailable as error:
                _log.warning("shared results are not swept: %s", error.detail)
            except Exception as error:
                self._failed(error)

    async def sweep(self) -> int:
        """Remove what is too old or too much; how many. Several nodes may, each removes what it sees.

        Raises:
            DatabaseUnavailable: or what the store raises.
        """
        swept = 0
        row = SHARED_RESULTS.c
        bound: float = self._max_bytes
        while True:
            async with self._database.reading() as connection:
                total = (await connection.execute(select(func.coalesce(func.sum(row.size), 0)))).scalar_one()
                oldest = select(SHARED_RESULTS).order_by(row.used, row.key).limit(_SWEPT)
                rows = (await connection.execute(oldest)).all()
            if int(total) > self._max_bytes:
                bound = self._max_bytes * _LOW_WATER
            gone, left = [], int(total)
            for item in rows:
                if item.used >= time.time() - self._keep and left <= bound:
                    break
                gone.append(item.key)
                left -= item.size
            if not gone:
                return swept
            await self._remove(gone)
            swept += len(gone)
            self.counts["swept"] += len(gone)

    async def _remove(self, keys: list[str]) -> None:
        """Objects first: what is left of a removal that ends in between has its row still."""
        import obstore

        for key in keys:
            try:
                async with asyncio.timeout(self._timeout * 5):
                    await obstore.delete_async(self._store, self._place(key))
            except FileNotFoundError:
                pass  # by another node
        async with self._database.changing() as connection:
            await connection.execute(delete(SHARED_RESULTS).where(SHARED_RESULTS.c.key.in_(keys)))


def _packed(key: str, head: bytes, content: bytes) -> bytes:
    rest = b"".join((key.encode(), len(head).to_bytes(4, "big"), head, content))
    return _MAGIC + hashlib.sha256(rest).digest() + rest


def _unpacked(key: str, body: bytes) -> tuple[bytes, bytes] | None:
    """Head and content; None for what was not put under this key, or not wholly."""
    start = len(_MAGIC) + _DIGEST
    rest = body[start:]
    if not body.startswith(_MAGIC) or hashlib.sha256(rest).digest() != body[len(_MAGIC) : start]:
        return None
    name = key.encode()
    if not rest.startswith(name):
        return None
    place = len(name) + 4
    end = place + int.from_bytes(rest[len(name) : place], "big")
    return rest[place:end], rest[end:]


def _entry(head: bytes, content: bytes) -> Entry:
    """What the node's own results do not keep."""
    file = cast("BinaryIO", tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - the caller closes it
    file.write(content)
    file.flush()
    return Entry(head, len(content), file)
