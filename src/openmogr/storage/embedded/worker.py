"""Waiting for threads from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_thread", "settled"]

T = TypeVar("T")


async def settled(future: Future[T]) -> T:
    """Wait for work in a thread.

    A cancelled caller waits too: the thread may be using what the caller would close.
    """
    waiter = asyncio.wrap_future(future)
    try:
        return await asyncio.shield(waiter)
    except asyncio.CancelledError:
        while not waiter.done():
            try:
                await asyncio.wait([waiter])
            except asyncio.CancelledError:
                continue
        if not waiter.cancelled():
            waiter.exception()
        raise


async def in_thread(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """Run blocking work in a pool."""
    return await settled(pool.submit(work))
