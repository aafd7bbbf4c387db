"""Long replies take no more of the disk than they may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from openmogr.workers import Busy, HeldBytes, Spool
from openmogr.workers.protocol import spool_file

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


Make: TypeAlias = Callable[[int], HeldBytes]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes replies of so many bytes, and closes them in the end."""
    made: list[HeldBytes] = []

    def part(size: int) -> HeldBytes:
        file = spool_file(str(tmp_path))
        file.write(b"x" * size)
        made.append(HeldBytes(file, 0, size))
        return made[-1]

    yield part
    for one in made:
        one.close()


async def test_a_reply_is_held_until_its_last_part_is_closed(make: Make) -> None:
    spool = Spool(100, 1)
    part = make(60)
    await spool.take(part)
    other = part.share()
    part.close()
    assert spool.held == 60
    other.close()
    assert spool.held == 0


async def test_without_room_a_reply_waits_and_then_fails(make: Make) -> None:
    spool = Spool(100, 0.3)
    first, second = make(60), make(60)
    await spool.take(first)
    started = time.monotonic()
    with pytest.raises(Busy):
        await spool.take(second)
    assert time.monotonic() - started >= 0.3
    asyncio.get_running_loop().call_later(0.1, first.close)
    await spool.take(second)
    assert spool.held == 60


async def test_one_that_is_longer_than_all_room_has_it_to_itself(make: Make) -> None:
    spool = Spool(100, 0.1)
    await spool.take(kept := make(500))
    with pytest.raises(Busy):
        await spool.take(make(1))
    kept.close()
    await spool.take(make(1))


async def test_who_reads_for_longest_gives_way(make: Make) -> None:
    spool = Spool(100, 5, least=0.2)
    parts = [make(40) for _ in range(3)]
    for part in parts[:2]:
        await spool.take(part)
        spool.sent_from_now(part)
    started = time.monotonic()
    await spool.take(parts[2])
    assert 0.15 < time.monotonic() - started < 4.5
    assert [part.closed for part in parts] == [True, False, False]
    assert (spool.held, spool.given_way) == (80, 1)


async def test_who_has_sent_or_was_not_counted_is_left_alone(make: Make) -> None:
    spool = Spool(100, 0.2, least=0.0)
    held, remembered = make(80), make(80)
    spool.sent_from_now(remembered)
    await spool.take(held)
    spool.sent_from_now(held)
    spool.sent(held)
    with pytest.raises(Busy):
        await spool.take(make(80))
    assert not held.closed
    assert not remembered.closed
