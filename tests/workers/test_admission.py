"""Admission by memory, number and time."""

from __future__ import annotations

import asyncio
import time

import pytest

from openmogr.workers import Admission, Busy, NeverFits

pytestmark = [pytest.mark.anyio, pytest.mark.alone]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def _hold(admission: Admission, cost: int, seconds: float, log: list[str], name: str) -> None:
    async with admission.admit(cost):
        log.append(name)
        await asyncio.sleep(seconds)


async def test_what_can_never_fit_is_refused_at_once() -> None:
    admission = Admission(4, 100, 1, 10)
    with pytest.raises(NeverFits) as raised:
        async with admission.admit(101):
            pass
    assert (raised.value.cost, raised.value.budget) == (101, 100)


async def test_work_is_held_within_bytes_and_slots() -> None:
    admission = Admission(2, 100, 5, 100)
    most = [0, 0]

    async def one(cost: int) -> None:
        async with admission.admit(cost):
            most[0] = max(most[0], admission.running)
            most[1] = max(most[1], admission.admitted)
            await asyncio.sleep(0.01)

    await asyncio.gather(*(one(cost) for cost in (10, 60, 60, 100, 1, 1, 1, 50, 50)))
    assert most[0] == 2
    assert most[1] <= 100
    assert (admission.running, admission.admitted, admission.waiting) == (0, 0, 0)


async def test_waiting_ends_with_the_patience() -> None:
    admission = Admission(1, 0, 0.1, 10)
    async with admission.admit(1):
        started = time.monotonic()
        with pytest.raises(Busy):
            async with admission.admit(1):
                pass
        assert 0.08 < time.monotonic() - started < 1
    async with admission.admit(1):
        pass


async def test_a_full_queue_is_told_at_once() -> None:
    admission = Admission(1, 0, 5, 1)
    log: list[str] = []
    tasks = [asyncio.create_task(_hold(admission, 1, 0.1, log, name)) for name in "ab"]
    await asyncio.sleep(0.01)
    with pytest.raises(Busy):
        async with admission.admit(1):
            pass
    await asyncio.gather(*tasks)


async def test_order_is_kept_while_waiting_is_short() -> None:
    admission = Admission(1, 0, 5, 10)
    log: list[str] = []
    await asyncio.gather(*(_hold(admission, 1, 0.01, log, name) for name in "abcd"))
    assert log == list("abcd")


async def test_the_newest_is_served_first_once_the_oldest_is_stale() -> None:
    admission = Admission(1, 0, 1, 10)
    log: list[str] = []
    first = asyncio.create_task(_hold(admission, 1, 0.4, log, "running"))
    await asyncio.sleep(0.01)
    old = asyncio.create_task(_hold(admission, 1, 0.01, log, "old"))
    await asyncio.sleep(0.35)
    new = asyncio.create_task(_hold(admission, 1, 0.01, log, "new"))
    await asyncio.gather(first, old, new)
    assert log == ["running", "new", "old"]


async def test_leaving_the_queue_gives_nothing_away() -> None:
    admission = Admission(1, 10, 5, 10)
    log: list[str] = []
    held = asyncio.create_task(_hold(admission, 10, 0.05, log, "held"))
    await asyncio.sleep(0.01)
    leaving = [asyncio.create_task(_hold(admission, 10, 0.01, log, "left")) for _ in range(3)]
    staying = asyncio.create_task(_hold(admission, 10, 0.01, log, "stayed"))
    await asyncio.sleep(0.01)
    for task in leaving:
        task.cancel()
    await asyncio.gather(held, staying, *leaving, return_exceptions=True)
    assert log == ["held", "stayed"]
    assert (admission.running, admission.admitted, admission.waiting) == (0, 0, 0)


async def test_everybody_waits_as_long_as_the_patience_lasts() -> None:
    admission = Admission(1, 0, 0.2, 10)
    waited: dict[str, float] = {}

    async def wait(name: str) -> None:
        started = time.monotonic()
        with pytest.raises(Busy):
            await admission.take(0)
        waited[name] = time.monotonic() - started

    await admission.take(0)
    tasks = []
    for name in "abc":
        tasks.append(asyncio.create_task(wait(name)))
        await asyncio.sleep(0.05)
    leaving = asyncio.create_task(admission.take(0))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(*tasks)
    assert all(0.18 < seconds < 1 for seconds in waited.values()), waited
    assert list(waited) == list("abc")
    assert admission.waiting == 0
    admission.give_back(0)
    await admission.take(0)
    late = asyncio.create_task(wait("d"))
    await late
    assert 0.18 < waited["d"] < 1
