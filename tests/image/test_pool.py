"""The pool: bounded, off the event loop, and clean after failures."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from openmogr.errors import InvalidImageFormat, SlowDown
from openmogr.image import (
    ImageInfo,
    ImageSettings,
    Pipeline,
    Processor,
    Result,
    Source,
    WorkPool,
    parse_operation,
)

from .conftest import decoded, encoded, photo

PIPELINE = parse_operation("imageMogr2/thumbnail/10x")


@pytest.fixture
def source() -> Source:
    return Source(data=encoded(photo(), "PNG"))


class Gate:
    """Holds every execution until opened, and counts how many run at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = threading.Event()
        self.running = self.most = 0
        self._lock = threading.Lock()
        monkeypatch.setattr(Processor, "execute", self._execute)

    def _execute(self, pipeline: Pipeline, source: Source) -> Result:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.open.wait(10)
        with self._lock:
            self.running -= 1
        return Result(b"", "image/png", "PNG", 1, 1, 100)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate(monkeypatch)
    yield made
    made.open.set()


def test_work_is_done_and_errors_come_through(source: Source) -> None:
    async def main() -> tuple[Result, ImageInfo]:
        pool = WorkPool(ImageSettings(workers=2))
        try:
            with pytest.raises(InvalidImageFormat):
                await pool.execute(PIPELINE, Source(data=b"no picture"))
            return await pool.execute(PIPELINE, source), await pool.image_info(source)
        finally:
            pool.close()

    result, info = asyncio.run(main())
    assert decoded(result).width == 10
    assert info.width == 160


def test_a_full_queue_is_refused_at_once_and_recovers(source: Source, gate: Gate) -> None:
    async def main() -> None:
        pool = WorkPool(ImageSettings(workers=2, queue=3))
        tasks = [asyncio.create_task(pool.execute(PIPELINE, source)) for _ in range(5)]
        await asyncio.sleep(0.05)
        with pytest.raises(SlowDown) as caught:
            await pool.execute(PIPELINE, source)
        assert caught.value.status == 503
        gate.open.set()
        await asyncio.gather(*tasks)
        assert gate.most == 2
        await asyncio.gather(*(pool.execute(PIPELINE, source) for _ in range(5)))
        pool.close()

    asyncio.run(main())


def test_a_cancelled_request_gives_its_place_back(source: Source, gate: Gate) -> None:
    async def main() -> None:
        pool = WorkPool(ImageSettings(workers=1, queue=1))
        running = asyncio.create_task(pool.execute(PIPELINE, source))
        waiting = asyncio.create_task(pool.execute(PIPELINE, source))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        again = asyncio.create_task(pool.execute(PIPELINE, source))
        await asyncio.sleep(0.05)
        gate.open.set()
        await asyncio.gather(running, again)
        pool.close()

    asyncio.run(main())


def test_the_event_loop_stays_free(source: Source, gate: Gate) -> None:
    async def main() -> int:
        pool = WorkPool(ImageSettings(workers=1))
        task = asyncio.create_task(pool.execute(PIPELINE, source))
        ticks = 0
        while ticks < 5:
            await asyncio.sleep(0.01)
            ticks += 1
        assert not task.done()
        gate.open.set()
        await task
        pool.close()
        return ticks

    assert asyncio.run(main()) == 5


def test_threads_may_share_a_processor(processor: Processor) -> None:
    source = Source(data=encoded(photo(400, 300), "PNG"))
    results: list[bytes] = []

    def work() -> None:
        for form in ("webp", "jpg", "gif"):
            results.append(
                processor.execute(parse_operation(f"imageMogr2/rotate/30/format/{form}"), source).data
            )

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 12
    assert len(set(results)) == 3
