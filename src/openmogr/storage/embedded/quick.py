"""Reads of the index on the event loop's own thread, for as long as they are quick.

A look-up in pages that lie in memory takes some ten microseconds, a change of threads for it ten times as long. Where
the disk has to be waited for, or anybody else, readers' threads do it, and go on doing it for a while.
"""

from __future__ import annotations

import resource
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["NotNow", "QuickReads"]

T = TypeVar("T")

# What takes longer, in seconds, may have waited for a disk; if it has, the next reads leave the event loop alone.
_SLOW = 0.01
_PAUSE = 1.0
# Of one thread, where the system tells: only those of the disk are waits that other reads would have too.
_THREAD: int | None = getattr(resource, "RUSAGE_THREAD", None)


class NotNow(Exception):
    """A read would have to wait, or failed; a thread that may wait does it, and says what is wrong."""


class QuickReads:
    """Runs short reads where it is called, always by the same thread.

    Args:
        connection: to the index, for these reads alone; it never waits for a lock.
    """

    def __init__(
        self, connection: sqlite3.Connection, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._not_before = 0.0
        self._blocks_read: int | None = None
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA busy_timeout = 0")

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What ``work`` gives: one statement, which sees one snapshot of the index, and others only to say more.

        Raises:
            NotNow: it has to be done elsewhere.
            CosError: what ``work`` raises.
        """
        started = self._clock()
        if started < self._not_before:
            raise NotNow
        try:
            return work(self._connection)
        except sqlite3.Error as error:
            raise NotNow from error
        finally:
            if (ended := self._clock()) - started > _SLOW and self._has_read_the_disk():
                self._not_before = ended + _PAUSE

    def _has_read_the_disk(self) -> bool:
        """Since the last time that it was asked; a busy processor alone is no reason to change threads."""
        if _THREAD is None:
            return True
        before, self._blocks_read = self._blocks_read, resource.getrusage(_THREAD).ru_inblock
        return before is not None and self._blocks_read > before
