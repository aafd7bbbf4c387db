"""Image work in processes: what a picture does to its worker costs its own request and nothing else."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from openmogr.errors import (
    ImageResolutionExceed,
    InternalError,
    InvalidImageFormat,
    InvalidImageSource,
    SlowDown,
)
from openmogr.image import Processor, Source, parse_operation

from .conftest import Pools

pytestmark = [pytest.mark.anyio, pytest.mark.alone]
Named = Callable[[str], Source]
SMALL = parse_operation("imageMogr2/thumbnail/10x")


async def test_results_and_errors_are_those_of_the_processor(
    pools: Pools, named: Named, tmp_path: Path
) -> None:
    operations = [
        "imageMogr2/format/webp",
        "imageMogr2/rotate/30/format/gif",
        "imageMogr2/thumbnail/20x/format/tpg",
        "imageInfo",
        "imageMogr2/strip",
        "imageMogr2/crop/999x999/ignore-error/1",
    ]
    source = named("a.png")
    (tmp_path / "a.png").write_bytes(source.read())
    async with pools() as pool:
        processor = Processor(pool.settings)
        for origin in (source, Source(path=tmp_path / "a.png", name="a.png")):
            pipelines = [parse_operation(text) for text in operations]
            outcome = await pool.run(pipelines, origin, info=True)
            assert list(outcome.results) == [processor.execute(pipeline, origin) for pipeline in pipelines]
            assert outcome.info == processor.image_info(origin)
        with pytest.raises(InvalidImageFormat) as caught:
            await pool.execute(SMALL, Source(data=b"no picture"))
        with pytest.raises(InvalidImageFormat) as expected:
            processor.execute(SMALL, Source(data=b"no picture"))
        assert (caught.value.message, caught.value.number) == (expected.value.message, expected.value.number)


async def test_further_images_cross_to_the_worker(pools: Pools, named: Named, tmp_path: Path) -> None:
    text = "watermark/1/image/bG9nbw/dissolve/100|watermark/1/image/b3RoZXI/gravity/north"
    pipeline = parse_operation(text)
    assert pipeline.further_sources == ("logo", "other")
    path = tmp_path / "logo.png"
    Image.new("RGB", (30, 20), "red").save(path)
    large = io.BytesIO()
    # Longer than what crosses in memory.
    Image.effect_noise((3000, 3000), 40).save(large, "PNG", compress_level=0)
    further = {"other": Source(data=large.getvalue()), "logo": Source(path=path)}
    async with pools() as pool:
        processor = Processor(pool.settings)
        assert await pool.execute(pipeline, named("a"), further) == processor.execute(
            pipeline, named("a"), further
        )
        with pytest.raises(InvalidImageSource, match="'other' was not given"):
            await pool.execute(pipeline, named("a"), {"logo": Source(path=path)})
        with pytest.raises(InvalidImageSource, match="'logo' cannot be used") as caught:
            await pool.execute(pipeline, named("a"), {**further, "logo": Source(data=b"no picture")})
        assert caught.value.number == -60987


async def test_further_images_count_among_what_is_needed(pools: Pools, named: Named) -> None:
    out = io.BytesIO()
    Image.new("L", (4000, 4000)).save(out, "PNG")
    pipeline = parse_operation("watermark/1/image/bG9nbw")
    async with pools(memory=64 << 20) as pool:
        with pytest.raises(ImageResolutionExceed, match="MiB of memory here; 64 MiB is the limit"):
            await pool.execute(pipeline, named("a"), {"logo": Source(data=out.getvalue())})
    async with pools(anonymous_max_pixels=1_000_000) as pool:
        with pytest.raises(InvalidImageSource, match="more than 1000000"):
            await pool.execute(pipeline, named("a"), {"logo": Source(data=out.getvalue())}, is_owner=False)


@pytest.mark.parametrize("fault", ["crash", "balloon", "lie"])
async def test_a_fault_costs_its_own_request(pools: Pools, named: Named, fault: str) -> None:
    async with pools(memory=600 << 20) as pool:
        others = [asyncio.create_task(pool.execute(SMALL, named("a"))) for _ in range(6)]
        with pytest.raises((InternalError, SlowDown)) as caught:
            await pool.execute(SMALL, named(fault))
        assert caught.value.number is not None
        results = await asyncio.gather(*others)
        assert {Image.open(io.BytesIO(result.data)).width for result in results} == {10}
        assert (await pool.execute(SMALL, named("a"))).width == 10


async def test_two_hung_decodes_leave_the_rest_alone(pools: Pools, named: Named) -> None:
    async with pools(deadline=0.5) as pool:
        hung = [asyncio.create_task(pool.execute(SMALL, named("hang"))) for _ in range(2)]
        await asyncio.sleep(0.1)
        assert (await pool.execute(SMALL, named("a"))).width == 10
        results = await asyncio.gather(*hung, return_exceptions=True)
        assert all(isinstance(result, ImageResolutionExceed) for result in results)
        assert all("0.5 s" in str(result) for result in results)


async def test_closing_waits_for_nobody(pools: Pools, named: Named) -> None:
    async with pools() as pool:
        hung = [asyncio.create_task(pool.execute(SMALL, named("hang"))) for _ in range(4)]
        await asyncio.sleep(0.2)
        started = time.monotonic()
        await pool.close()
        assert time.monotonic() - started < 2
        assert not [
            one
            for one in await asyncio.gather(*hung, return_exceptions=True)
            if not isinstance(one, Exception)
        ]


async def test_a_full_queue_is_refused_at_once_and_recovers(pools: Pools, named: Named) -> None:
    async with pools(workers=1, queue=2) as pool:
        jobs = [asyncio.create_task(pool.execute(SMALL, named("slow"))) for _ in range(3)]
        await asyncio.sleep(0.05)
        started = time.monotonic()
        with pytest.raises(SlowDown) as caught:
            await pool.execute(SMALL, named("a"))
        assert time.monotonic() - started < 0.2
        assert (caught.value.status, caught.value.number) == (503, -164)
        await asyncio.gather(*jobs)
        assert (await pool.execute(SMALL, named("a"))).width == 10


async def test_waiting_ends_with_the_patience(pools: Pools, named: Named) -> None:
    async with pools(workers=1, patience=0.2) as pool:
        running = asyncio.create_task(pool.execute(SMALL, named("slow")))
        await asyncio.sleep(0.05)
        with pytest.raises(SlowDown):
            await pool.execute(SMALL, named("a"))
        await running


async def test_what_everybody_left_is_stopped_and_its_place_is_free(pools: Pools, named: Named) -> None:
    async with pools(workers=1) as pool:
        jobs = [asyncio.create_task(pool.execute(SMALL, named("hang"))) for _ in range(5)]
        await asyncio.sleep(0.2)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        started = time.monotonic()
        assert (await pool.execute(SMALL, named("a"))).width == 10
        assert time.monotonic() - started < 2
        assert (pool.places.running, pool.memory.admitted) == (0, 0)


async def test_more_memory_than_there_will_be_is_refused_before_pixels(pools: Pools) -> None:
    out = io.BytesIO()
    Image.new("L", (6000, 6000)).save(out, "PNG")
    async with pools(memory=64 << 20) as pool:
        with pytest.raises(ImageResolutionExceed, match="MiB of memory here; 64 MiB is the limit"):
            await pool.execute(parse_operation("imageMogr2/rotate/5"), Source(data=out.getvalue()))
        assert pool.workers.counts.killed == 0


async def test_anonymous_requests_have_lower_limits(pools: Pools, named: Named) -> None:
    wide = parse_operation("imageMogr2/thumbnail/2000x")
    async with pools(anonymous_max_enlargement=1_000_000, anonymous_max_pixels=10_000) as pool:
        assert (await pool.execute(wide, named("a"))).width == 2000
        with pytest.raises(ImageResolutionExceed, match="more than 10000"):
            await pool.execute(SMALL, named("a"), is_owner=False)
    async with pools(anonymous_max_enlargement=1_000_000) as pool:
        with pytest.raises(ImageResolutionExceed, match="enlarged to 2000x1500"):
            await pool.execute(wide, named("a"), is_owner=False)
        assert (await pool.execute(SMALL, named("a"), is_owner=False)).width == 10


async def test_the_event_loop_stays_free(pools: Pools) -> None:
    out = io.BytesIO()
    Image.effect_noise((3000, 3000), 40).save(out, "PNG", compress_level=1)
    async with pools() as pool:
        work = asyncio.create_task(
            pool.execute(parse_operation("imageMogr2/format/jpg"), Source(data=out.getvalue()))
        )
        longest = 0.0
        while not work.done():
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before)
        await work
    # A JPEG of this size holds the interpreter for about 100 ms where it is written.
    assert longest < 0.08
