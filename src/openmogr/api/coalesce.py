"""One execution for identical requests that are under way at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Coalescer"]

T = TypeVar("T")


class Coalescer(Generic[T]):
    """Work in progress by key. Nothing is kept once it is done."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    def join(self, key: Hashable) -> Awaitable[T] | None:
        """The work of that key if it is under way; cancelling the wait for it leaves it running."""
        task = self._running.get(key)
        return None if task is None else asyncio.shield(task)

    async def run(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """The result of ``work``, or of an equal one that was begun before and has not ended.

        A caller that is cancelled leaves the work running for the others.
        """
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(_await(work))
            self._running[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    def _forget(self, key: Hashable, task: asyncio.Task[T]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # seen, even if every caller has gone away


async def _await(work: Callable[[], Awaitable[T]]) -> T:
    return await work()
