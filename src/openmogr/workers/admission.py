"""Who may start: as much work at a time as there are workers and memory, and nobody waits too long."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

__all__ = ["Admission", "Busy", "NeverFits"]

# While the oldest has waited this part of the patience, the newest is served first: under a load that cannot be
# borne, serving in order would spend all work on clients that are about to give up.
_STALE = 0.25


class Busy(Exception):
    """There was no room within the patience."""


class NeverFits(Exception):
    """The work needs more memory than the budget will ever have."""

    def __init__(self, cost: int, budget: int) -> None:
        self.cost, self.budget = cost, budget
        super().__init__(f"{cost} bytes are needed, the budget is {budget}")


@dataclass(slots=True, eq=False)
class _Waiter:
    cost: int
    since: float
    ready: asyncio.Future[None]


class _Place(AbstractAsyncContextManager[None]):
    def __init__(self, admission: Admission, cost: int) -> None:
        self._admission = admission
        self._cost = cost

    async def __aenter__(self) -> None:
        await self._admission.take(self._cost)

    async def __aexit__(self, *_: object) -> None:
        self._admission.give_back(self._cost)


class Admission:
    """Admits work by memory and by number.

    Args:
        slots: how much may run at a time.
        budget: bytes that all running work together may need; 0: no limit.
        patience: seconds that work waits at most.
        queue: how much may wait at a time.
    """

    def __init__(self, slots: int, budget: int, patience: float, queue: int) -> None:
        self.slots, self.budget, self.patience, self.queue = slots, budget, patience, queue
        self._waiting: deque[_Waiter] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.running = 0
        self.admitted = 0

    @property
    def waiting(self) -> int:
        """How much waits."""
        return len(self._waiting)

    def admit(self, cost: int) -> AbstractAsyncContextManager[None]:
        """Hold a place for work that needs ``cost`` bytes.

        Raises:
            NeverFits: on entering, at once, if the budget is smaller.
            Busy: on entering, at once if the queue is full, else after the patience.
        """
        return _Place(self, cost)

    async def take(self, cost: int) -> None:
        """Wait for a place, which is to be given back; raises as :meth:`admit`."""
        if self.budget and cost > self.budget:
            raise NeverFits(cost, self.budget)
        if self._waiting or not self._fits(cost):
            await self._wait(cost)
        else:
            self._take(cost)

    def give_back(self, cost: int) -> None:
        """Let others have the place."""
        self.running -= 1
        self.admitted -= cost
        self._wake()

    def _fits(self, cost: int) -> bool:
        return self.running < self.slots and (not self.budget or self.admitted + cost <= self.budget)

    def _take(self, cost: int) -> None:
        self.running += 1
        self.admitted += cost

    async def _wait(self, cost: int) -> None:
        if len(self._waiting) >= self.queue:
            raise Busy()
        waiter = _Waiter(cost, time.monotonic(), asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._watch()
        self._wake()
        try:
            await waiter.ready
        except BaseException:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif not waiter.ready.cancelled() and waiter.ready.exception() is None:
                # Admitted in the moment of leaving.
                self.running -= 1
                self.admitted -= cost
            self._wake()
            self._watch()
            raise

    def _watch(self) -> None:
        """Have the oldest told when its patience ends: one timer for all, since it is everybody's."""
        if not self._waiting:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        elif self._timer is None:
            left = self._waiting[0].since + self.patience - time.monotonic()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, left), self._expire)

    def _expire(self) -> None:
        self._timer = None
        since = time.monotonic() - self.patience
        while self._waiting and self._waiting[0].since <= since:
            waiter = self._waiting.popleft()
            if not waiter.ready.done():
                waiter.ready.set_exception(Busy())
        self._watch()

    def _wake(self) -> None:
        while self._waiting:
            stale = time.monotonic() - self._waiting[0].since > self.patience * _STALE
            waiter = self._waiting[-1 if stale else 0]
            if waiter.ready.done():  # cancelled, and on its way out
                self._waiting.remove(waiter)
                continue
            if not self._fits(waiter.cost):
                return
            self._waiting.remove(waiter)
            self._take(waiter.cost)
            waiter.ready.set_result(None)
