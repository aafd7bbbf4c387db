"""One execution for identical work that is wanted several times while it is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

__all__ = ["Coalescer", "Flight"]

T = TypeVar("T")


class Flight(Generic[T]):
    """Work under way that gives a value for each of its keys."""

    def __init__(self, keys: Sequence[Hashable], work: Awaitable[Mapping[Hashable, T]]) -> None:
        self.keys = tuple(keys)
        self.task = asyncio.ensure_future(work)
        self._waiters = 0

    async def wait(self) -> Mapping[Hashable, T]:
        """The values. Who is cancelled leaves the work to the others; the last one to leave ends it."""
        self._waiters += 1
        try:
            return await asyncio.shield(self.task)
        finally:
            self._waiters -= 1
            if not self._waiters and not self.task.done():
                self.task.cancel()


class Coalescer(Generic[T]):
    """Work in progress by key. Nothing is kept once it is done."""

    def __init__(self) -> None:
        self._running: dict[Hashable, Flight[T]] = {}

    def find(self, key: Hashable) -> Flight[T] | None:
        """The work under way that gives the value of a key."""
        return self._running.get(key)

    def start(
        self, keys: Sequence[Hashable], work: Callable[[], Awaitable[Mapping[Hashable, T]]]
    ) -> Flight[T]:
        """Begin work that gives the values of ``keys``, which others find until it ends."""
        flight = Flight(keys, _await(work))
        for key in keys:
            self._running.setdefault(key, flight)
        flight.task.add_done_callback(lambda _: self._forget(flight))
        return flight

    def _forget(self, flight: Flight[T]) -> None:
        for key in flight.keys:
            if self._running.get(key) is flight:
                del self._running[key]
        if not flight.task.cancelled():
            flight.task.exception()  # seen, even if every caller has gone away


async def _await(work: Callable[[], Awaitable[T]]) -> T:
    return await work()
