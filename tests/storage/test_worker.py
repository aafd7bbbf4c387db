"""Threads that work need not have a future for, and waiting for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial

import pytest

from openmogr.storage.embedded.worker import Threads, in_thread, settled


@pytest.fixture
def threads() -> Iterator[Threads]:
    made = Threads(2, "test")
    yield made
    made.shutdown()


def test_results_and_errors_are_told(threads: Threads) -> None:
    def fail() -> None:
        raise KeyError("told")

    async def run() -> None:
        assert await in_thread(threads, lambda: 7) == 7
        with pytest.raises(KeyError, match="told"):
            await in_thread(threads, fail)
        assert await in_thread(threads, lambda: 8) == 8

    asyncio.run(run())


def test_there_are_no_more_threads_than_wanted(threads: Threads) -> None:
    both = threading.Barrier(2)
    meetings = [threads.submit(lambda: (both.wait(10), threading.get_ident())[1]) for _ in range(6)]
    assert len({meeting.result(10) for meeting in meetings}) == 2


def test_a_shutdown_waits_for_what_was_begun_and_takes_nothing_more(threads: Threads) -> None:
    go = threading.Event()
    done: list[int] = []

    def work(number: int) -> None:
        go.wait(10)
        done.append(number)

    for number in range(5):
        threads.start(partial(work, number))
    threading.Timer(0.05, go.set).start()
    threads.shutdown()
    assert sorted(done) == [0, 1, 2, 3, 4]
    with pytest.raises(RuntimeError):
        threads.start(lambda: None)


def test_who_is_cancelled_waits_for_the_thread() -> None:
    async def run() -> None:
        future: Future[int] = Future()
        future.set_running_or_notify_cancel()
        waiting = asyncio.create_task(settled(future))
        await asyncio.sleep(0)
        for _ in range(3):
            waiting.cancel()
            await asyncio.sleep(0.01)
            assert not waiting.done()
        future.set_result(1)
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(run())


def test_work_that_ends_after_the_loop_is_nobodys() -> None:
    future: Future[int] = Future()
    future.set_running_or_notify_cancel()

    async def run() -> None:
        waiting = asyncio.create_task(settled(future))
        await asyncio.sleep(0)
        loop.call_soon(loop.stop)
        await waiting

    loop = asyncio.new_event_loop()
    task = loop.create_task(run())
    loop.run_forever()
    loop.close()
    future.set_result(1)  # raises nothing
    assert not task.done()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
