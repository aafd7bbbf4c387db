"""The store of jobs and its runner, on both engines."""

# ruff: noqa: ASYNC110 - what is waited for is in a database

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from openmogr.database import Database
from openmogr.errors import InvalidArgument, SlowDown
from openmogr.jobs import (
    Job,
    JobFilter,
    JobRequest,
    JobRunner,
    NoSuchTemplate,
    Outcome,
    QueueState,
    State,
    TooManyJobs,
)
from openmogr.jobs.store import MAX_ATTEMPTS, JobStore
from tests.database.conftest import settings_of
from tests.databases import PostgreSQLServer

pytestmark = pytest.mark.anyio
REQUEST = JobRequest("a.png", "imageMogr2/strip", bucket="b", output="c.png")


LEASE = 1.0


@contextlib.asynccontextmanager
async def node(
    url: str, folder: Path, max_waiting: int = 100, lease: float = LEASE
) -> AsyncIterator[JobStore]:
    """What one server has of the jobs in a database; leaving it is what a crash is: nothing is given back."""
    async with Database(settings_of(url), folder) as database:
        store = JobStore(database, max_waiting, lease=lease, before=folder / "jobs.sqlite3")
        await store.open()
        yield store
        await store.close()


@pytest.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[JobStore]:
    async with node(database_url, tmp_path, lease=30) as store:
        yield store


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


async def test_what_ran_is_done_again_but_not_for_ever(database_url: str, tmp_path: Path) -> None:
    identifier = ""
    for attempt in range(MAX_ATTEMPTS + 1):
        async with node(database_url, tmp_path) as store:
            if not attempt:
                identifier = (await add(store)).id
            elif store.is_shared:
                assert await store.claim() is None
                await asyncio.sleep(LEASE * 1.1)
            given_up = await store.give_back()
            claimed = await store.claim()
            assert (claimed is not None) is (attempt < MAX_ATTEMPTS)
            job = await store.get("b", identifier)
    assert job is not None
    assert [failed.id for failed in given_up] == [identifier]
    assert job.state is State.FAILED
    assert job.outcome is not None
    assert "several times" in job.outcome.message


async def test_a_claim_that_was_lost_ends_nothing(store: JobStore, database_url: str, tmp_path: Path) -> None:
    job = await add(store)
    store.lease = -1  # it runs out at once
    await store.claim()
    assert await store.renew() == {job.id}
    assert await store.give_back() == []
    store.lease = 30
    assert await store.renew() == set()
    assert not await store.finish(job.id, Outcome("Success"))
    again = await store.claim()
    assert again is not None
    assert again.id == job.id
    assert await store.renew() == {job.id}
    assert await store.give_back() == []
    assert await store.finish(job.id, Outcome("Success"))


async def test_nodes_do_not_claim_the_same(postgresql_url: str, tmp_path: Path) -> None:
    async with node(postgresql_url, tmp_path) as one, node(postgresql_url, tmp_path) as other:
        ids = {(await add(one)).id for _ in range(30)}

        async def claim_all(store: JobStore) -> list[str]:
            return [job.id for _ in range(40) if (job := await store.claim())]

        claims = await asyncio.gather(*(claim_all(store) for store in (one, other) for _ in range(3)))
        claimed = [identifier for part in claims for identifier in part]
        assert len(claimed) == len(ids)
        assert set(claimed) == ids


async def test_nodes_see_queues_and_cancellations(postgresql_url: str, tmp_path: Path) -> None:
    async with node(postgresql_url, tmp_path) as one, node(postgresql_url, tmp_path) as other:
        queues = await asyncio.gather(*(store.queue("b") for store in (one, other) for _ in range(5)))
        assert len(set(queues)) == 1
        first, second = await add(one), await add(one)
        await one.put_queue(replace(queues[0], state=QueueState.PAUSED))
        assert await other.claim() is None
        await other.put_queue(replace(queues[0], state=QueueState.ACTIVE))
        await one.cancel("b", first.id)
        claimed = await other.claim()
        assert claimed is not None
        assert claimed.id == second.id
        assert await one.claim() is None


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


async def test_bounds(database_url: str, tmp_path: Path) -> None:
    async with node(database_url, tmp_path, 2) as store:
        first, _ = await add(store), await add(store)
        with pytest.raises(TooManyJobs):
            await add(store)
        await store.claim()
        await store.finish(first.id, Outcome("InvalidArgument", "no"))
        await add(store)
        assert await store.forget(0) == 0
        assert await store.forget(2**40) == 1
        assert await store.get("b", first.id) is None


async def test_text_of_every_kind_comes_back(store: JobStore) -> None:
    queue = await store.queue("b")
    request = replace(REQUEST, object="nul\0/\U0001f600", user_data="\x7f' \"%\0")
    job = await store.add("b", queue.id, request)
    assert await store.claim()
    assert await store.finish(job.id, Outcome("NoSuchKey", "no \0", "<\0>"))
    found = await store.get("b", job.id)
    assert found is not None
    assert found.request == request
    assert found.outcome == Outcome("NoSuchKey", "no \ufffd", "<\ufffd>")


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


async def test_the_runner_hears_of_jobs_of_other_nodes(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that it would not look by itself in time.
    monkeypatch.setattr("openmogr.jobs.runner._LOOK_SECONDS", 600.0)
    async with node(postgresql_url, tmp_path) as one, node(postgresql_url, tmp_path) as other:
        done: asyncio.Queue[str] = asyncio.Queue()

        async def work(job: Job) -> Outcome:
            done.put_nowait(job.id)
            return Outcome("Success")

        runner = JobRunner(other, work, _tell_nobody, concurrency=2, keep=1000)
        runner.start()
        await asyncio.sleep(1)  # it has looked, and waits now
        for _ in range(3):
            job = await add(one)
            async with asyncio.timeout(60):
                assert await done.get() == job.id
        await runner.close()


async def _tell_nobody(job: Job) -> None:
    pass


@pytest.mark.parametrize("turns", range(6))
async def test_a_runner_that_is_woken_as_it_is_closed_ends(store: JobStore, turns: int) -> None:
    runner = JobRunner(store, _nothing, _tell_nobody, concurrency=2, keep=1000)
    runner.start()
    await asyncio.sleep(0.3)  # it has looked, and waits now
    runner.announce()
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await runner.close()


async def _nothing(job: Job) -> Outcome:
    return Outcome("Success")


async def test_a_long_job_keeps_its_lease(postgresql_url: str, tmp_path: Path) -> None:
    async with node(postgresql_url, tmp_path) as one, node(postgresql_url, tmp_path) as other:
        starts: list[str] = []

        async def work(job: Job) -> Outcome:
            starts.append(job.id)
            await asyncio.sleep(LEASE * 3)
            return Outcome("Success")

        runners = [JobRunner(store, work, _tell_nobody, concurrency=1, keep=1000) for store in (one, other)]
        for runner in runners:
            runner.start()
        job = await add(one)
        async with asyncio.timeout(20):
            while (found := await one.get("b", job.id)) is None or found.ended is None:
                await asyncio.sleep(0.1)
        assert found.state is State.SUCCESS
        assert starts == [job.id]
        for runner in runners:
            await runner.close()


async def test_a_node_that_cannot_renew_lets_go_before_others_begin(
    tmp_path: Path, postgresql: PostgreSQLServer
) -> None:
    with postgresql.fresh() as name:
        async with node(postgresql.url(name), tmp_path, lease=2) as store:
            ended = asyncio.Event()
            begun: list[float] = []
            stopped: list[float] = []

            async def work(job: Job) -> Outcome:
                begun.append(time.monotonic())
                if len(begun) > 1:
                    ended.set()
                    return Outcome("Success")
                try:
                    await asyncio.sleep(60)
                finally:
                    stopped.append(time.monotonic())
                raise AssertionError

            runner = JobRunner(store, work, _tell_nobody, concurrency=1, keep=1000)
            runner.start()
            job = await add(store)
            async with asyncio.timeout(30):
                while not begun:
                    await asyncio.sleep(0.05)
                postgresql.stop()
                cut = time.monotonic()
                while not stopped:
                    await asyncio.sleep(0.05)
                assert stopped[0] - cut < 2
                postgresql.start()
                await ended.wait()
                while (found := await store.get("b", job.id)) is None or found.ended is None:
                    await asyncio.sleep(0.05)
            assert found.state is State.SUCCESS
            assert len(begun) == 2
            await runner.close()
