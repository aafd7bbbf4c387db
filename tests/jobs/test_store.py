"""The database of jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from openmogr.errors import InvalidArgument, SlowDown
from openmogr.jobs import (
    Job,
    JobFilter,
    JobRequest,
    JobRunner,
    JobStore,
    NoSuchTemplate,
    Outcome,
    QueueState,
    State,
    TooManyJobs,
)
from openmogr.jobs.store import MAX_ATTEMPTS

pytestmark = pytest.mark.anyio
REQUEST = JobRequest("a.png", "imageMogr2/strip", bucket="b", output="c.png")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[JobStore]:
    store = JobStore(tmp_path / "jobs.sqlite3", 100)
    await store.open()
    yield store
    await store.close()


async def add(store: JobStore, bucket: str = "b", level: int = 0) -> Job:
    queue = await store.queue(bucket)
    return await store.add(bucket, queue.id, replace(REQUEST, level=level))


async def test_a_job_goes_through_its_states(store: JobStore) -> None:
    job = await add(store)
    assert (job.state, job.started, job.ended) == (State.SUBMITTED, None, None)
    claimed = await store.claim()
    assert claimed is not None
    assert (claimed.id, claimed.state, claimed.request) == (job.id, State.RUNNING, job.request)
    assert await store.claim() is None
    await store.finish(job.id, Outcome("Success", result='["R", "x"]'))
    done = await store.get("b", job.id)
    assert done is not None
    assert (done.state, done.outcome) == (State.SUCCESS, Outcome("Success", "", '["R", "x"]'))
    assert done.started is not None
    assert done.ended is not None
    assert await store.get("other", job.id) is None


def _modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def test_the_database_is_its_owners_alone(store: JobStore, tmp_path: Path) -> None:
    await add(store)
    assert _modes(tmp_path) == {0o600}


async def test_higher_levels_come_first(store: JobStore) -> None:
    ids = [(await add(store, level=level)).id for level in (0, 2, 1, 2)]
    claimed = [job.id for _ in ids if (job := await store.claim())]
    assert claimed == [ids[1], ids[3], ids[2], ids[0]]


async def test_only_what_waits_is_cancelled(store: JobStore) -> None:
    waiting, running = await add(store), await add(store, level=1)
    await store.claim()
    cancelled, still = await store.cancel("b", waiting.id), await store.cancel("b", running.id)
    assert cancelled is not None
    assert still is not None
    assert (cancelled.state, still.state) == (State.CANCEL, State.RUNNING)
    assert await store.cancel("other", waiting.id) is None
    assert await store.claim() is None


async def test_a_paused_queue_keeps_its_jobs(store: JobStore) -> None:
    await add(store)
    other = await add(store, "c")
    queue = await store.queue("b")
    await store.put_queue(replace(queue, state=QueueState.PAUSED))
    claimed = await store.claim()
    assert claimed is not None
    assert claimed.id == other.id
    assert await store.claim() is None
    await store.put_queue(queue)
    assert await store.claim() is not None


async def test_what_ran_is_done_again_but_not_for_ever(tmp_path: Path) -> None:
    identifier = ""
    for attempt in range(MAX_ATTEMPTS + 1):
        store = JobStore(tmp_path / "jobs.sqlite3", 10)
        await store.open()
        if not attempt:
            identifier = (await add(store)).id
        claimed = await store.claim()
        assert (claimed is not None) is (attempt < MAX_ATTEMPTS)
        job = await store.get("b", identifier)
        await store.close()  # as a crash does: the job is not finished
    assert job is not None
    assert job.state is State.FAILED
    assert job.outcome is not None
    assert "several times" in job.outcome.message


async def test_pages(store: JobStore) -> None:
    ids = [(await add(store)).id for _ in range(5)]
    await add(store, "other")
    await store.cancel("b", ids[1])
    for newest_first in (True, False):
        seen, token = [], ""
        while True:
            page = await store.page("b", JobFilter(size=2, token=token, newest_first=newest_first))
            seen += [job.id for job in page.jobs]
            token = page.next_token
            if not token:
                break
        assert seen == (ids[::-1] if newest_first else ids)
    cancelled = await store.page("b", JobFilter(states=[State.CANCEL]))
    assert [job.id for job in cancelled.jobs] == [ids[1]]
    assert not (await store.page("b", JobFilter(queue_id="none"))).jobs
    first = await store.get("b", ids[0])
    assert first is not None
    assert not (await store.page("b", JobFilter(since=first.created + 100))).jobs
    assert not (await store.page("b", JobFilter(until=first.created - 100))).jobs


async def test_bounds(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite3", 2)
    await store.open()
    first, _ = await add(store), await add(store)
    with pytest.raises(TooManyJobs):
        await add(store)
    await store.claim()
    await store.finish(first.id, Outcome("InvalidArgument", "no"))
    await add(store)
    assert await store.forget(0) == 0
    assert await store.forget(2**40) == 1
    assert await store.get("b", first.id) is None
    await store.close()


async def test_templates(store: JobStore) -> None:
    made = await store.add_template("b", "small", "imageMogr2/thumbnail/10x", is_pic_info=False)
    changed = await store.put_template(replace(made, rule="", is_pic_info=True))
    assert await store.template("b", made.id) == changed
    assert [template.id for template in await store.templates("b")] == [made.id]
    for missing in (replace(made, bucket="other"), replace(made, id="none")):
        with pytest.raises(NoSuchTemplate):
            await store.put_template(missing)
        with pytest.raises(NoSuchTemplate):
            await store.delete_template(missing.bucket, missing.id)
    await store.delete_template("b", made.id)
    with pytest.raises(NoSuchTemplate):
        await store.template("b", made.id)


async def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "jobs.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(OSError, match="newer"):
        await JobStore(path, 1).open()


async def test_the_runner_does_tells_and_waits(store: JobStore) -> None:
    busy = iter([True])
    done: list[str] = []
    told: list[tuple[str, str]] = []
    all_told = asyncio.Event()

    async def work(job: Job) -> Outcome:
        if next(busy, False):
            raise SlowDown()
        done.append(job.id)
        if len(done) == 2:
            raise InvalidArgument("not this one")
        if len(done) == 3:
            raise RuntimeError("ours")
        return Outcome("Success")

    async def tell(job: Job) -> None:
        assert job.outcome is not None
        told.append((job.id, job.outcome.code))
        if len(told) == 3:
            all_told.set()
        raise RuntimeError("nobody listens")

    runner = JobRunner(store, work, tell, concurrency=1, keep=1000)
    runner.start()
    ids = [(await add(store)).id for _ in range(3)]
    runner.announce()
    async with asyncio.timeout(20):
        await all_told.wait()
    await runner.close()
    assert done == ids
    assert told == list(zip(ids, ["Success", "InvalidArgument", "InternalError"], strict=True))


async def test_what_is_given_up_waits_again(store: JobStore) -> None:
    begun = asyncio.Event()

    async def work(job: Job) -> Outcome:
        begun.set()
        await asyncio.sleep(100)
        raise AssertionError

    async def tell(job: Job) -> None:
        raise AssertionError

    runner = JobRunner(store, work, tell, concurrency=1, keep=1000)
    job = await add(store)
    runner.start()
    await begun.wait()
    await runner.close()
    waiting = await store.get("b", job.id)
    assert waiting is not None
    assert waiting.state is State.SUBMITTED
    assert await store.waiting() == 1
