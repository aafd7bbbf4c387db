"""Threads for what may wait for a disk, and waiting for them from the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

__all__ = ["Threads", "in_thread", "settled"]

T = TypeVar("T")


class Threads:
    """A pool whose work need not have a future: to make one, and to be woken by it, costs more than many a read.

    Args:
        count: most threads; each is started when there is work for it.
        name: of the threads.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._threads: list[threading.Thread] = []
        self._queue: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False

    def start(self, work: Callable[[], object]) -> None:
        """Have work done that raises nothing, and tells whoever waits for it by itself.

        Raises:
            RuntimeError: after the shutdown.
        """
        with self._closing:
            if self._closed:
                raise RuntimeError("the threads were shut down")
            self._queue.put(work)
            if len(self._threads) < self._count:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._threads.append(thread)
                thread.start()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """The same for work that gives or raises something."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()

        def run() -> None:
            try:
                result = work()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        self.start(run)
        return future

    def shutdown(self) -> None:
        """Wait until all is done that was begun or waits."""
        with self._closing:
            self._closed = True
            for _ in self._threads:
                self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            work()
            # What it holds may be large, and the next may be long in coming.
            del work


async def settled(future: Future[T]) -> T:
    """Wait for work in a thread, which cannot be cancelled.

    A cancelled caller waits too: the thread may be using what the caller would close.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def done(_: Future[T]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(wake)

    future.add_done_callback(done)
    try:
        await waiter
    except asyncio.CancelledError:
        while not future.done():
            waiter = loop.create_future()
            with contextlib.suppress(asyncio.CancelledError):
                await waiter
        raise
    return future.result()


async def in_thread(pool: Threads, work: Callable[[], T]) -> T:
    """Run blocking work in a pool."""
    return await settled(pool.submit(work))
