"""One execution for identical work."""

from __future__ import annotations

import asyncio

import pytest

from openmogr.api.coalesce import Coalescer


def test_equal_work_runs_once_and_nothing_is_kept() -> None:
    async def scenario() -> None:
        coalescer: Coalescer[int] = Coalescer()
        runs = 0
        gate = asyncio.Event()

        async def work() -> int:
            nonlocal runs
            runs += 1
            await gate.wait()
            return runs

        first = asyncio.create_task(coalescer.run("a", work))
        await asyncio.sleep(0)
        joined = coalescer.join("a")
        assert joined is not None
        assert coalescer.join("b") is None
        second = asyncio.create_task(coalescer.run("a", work))
        await asyncio.sleep(0)
        first.cancel()
        gate.set()
        assert (await second, await joined) == (1, 1)
        with pytest.raises(asyncio.CancelledError):
            await first
        assert coalescer.join("a") is None
        assert await coalescer.run("a", work) == 2

    asyncio.run(scenario())


def test_a_failure_reaches_everybody() -> None:
    async def scenario() -> None:
        coalescer: Coalescer[int] = Coalescer()

        async def work() -> int:
            await asyncio.sleep(0)
            raise ValueError("no")

        results = await asyncio.gather(*(coalescer.run("a", work) for _ in range(3)), return_exceptions=True)
        assert [str(result) for result in results] == ["no"] * 3

    asyncio.run(scenario())
