"""One execution for identical work."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping

import pytest

from openmogr.api.coalesce import Coalescer


class Counted:
    """Work that waits for a gate and counts its runs."""

    def __init__(self) -> None:
        self.runs = self.ended = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> Mapping[Hashable, int]:
        self.runs += 1
        try:
            await self.gate.wait()
        finally:
            self.ended += 1
        return {"a": self.runs, "b": -self.runs}


def test_equal_work_runs_once_and_nothing_is_kept() -> None:
    async def scenario() -> None:
        coalescer: Coalescer[int] = Coalescer()
        work = Counted()
        flight = coalescer.start(["a", "b"], work)
        first = asyncio.create_task(flight.wait())
        joined = coalescer.find("b")
        assert joined is flight
        assert coalescer.find("c") is None
        second = asyncio.create_task(joined.wait())
        await asyncio.sleep(0)
        first.cancel()
        work.gate.set()
        assert (await second)["b"] == -1
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (coalescer.find("a"), coalescer.find("b")) == (None, None)
        assert (await coalescer.start(["a"], work).wait())["a"] == 2

    asyncio.run(scenario())


def test_the_last_to_leave_ends_the_work() -> None:
    async def scenario() -> None:
        coalescer: Coalescer[int] = Coalescer()
        work = Counted()
        flight = coalescer.start(["a"], work)
        waiters = [asyncio.create_task(flight.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        for waiter in waiters[:2]:
            waiter.cancel()
        await asyncio.sleep(0.01)
        assert work.ended == 0
        waiters[2].cancel()
        await asyncio.gather(*waiters, return_exceptions=True)
        await asyncio.sleep(0.01)
        assert work.ended == 1
        assert coalescer.find("a") is None

    asyncio.run(scenario())


def test_a_failure_reaches_everybody() -> None:
    async def scenario() -> None:
        coalescer: Coalescer[int] = Coalescer()

        async def work() -> Mapping[Hashable, int]:
            await asyncio.sleep(0)
            raise ValueError("no")

        flight = coalescer.start(["a"], work)
        results = await asyncio.gather(*(flight.wait() for _ in range(3)), return_exceptions=True)
        assert [str(result) for result in results] == ["no"] * 3

    asyncio.run(scenario())
