"""The pool of worker processes: whatever a job does costs that job and nothing else."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import os
import platform
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from openmogr.workers import (
    Admission,
    Busy,
    NeverFits,
    ReplyLost,
    WorkerDied,
    WorkerError,
    WorkerLimits,
    WorkerPool,
    WorkerTimeout,
)
from openmogr.workers.sandbox import sandbox_state

pytestmark = [pytest.mark.anyio, pytest.mark.alone]
TASKS = Path(__file__).parent
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _tasks_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(TASKS)


@asynccontextmanager
async def _pool(count: int = 1, **limits: object) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool("tasks:make", "given", WorkerLimits(count, **limits))  # type: ignore[arg-type]
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


async def _text(pool: WorkerPool, request: str, seconds: float = 20) -> str:
    reply = await pool.run(request.encode(), [], seconds=seconds)
    reply.close()
    return reply.head.decode()


def _flags(pid: int, address: int) -> list[str]:
    """What was said to the kernel of the memory there (VmFlags, proc(5))."""
    inside = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head, *rest = line.split()
        if not head.endswith(":"):
            start, end = (int(part, 16) for part in head.split("-"))
            inside = start <= address < end
        elif inside and head == "VmFlags:":
            return rest
    raise AssertionError(f"nothing lies at {address:x}")


async def _pid(pool: WorkerPool) -> int:
    options, pid = ast.literal_eval(await _text(pool, "echo"))
    assert options == "given"
    return int(pid)


@pytest.mark.parametrize("nice", [0, 7])
async def test_workers_step_back_as_far_as_told(nice: int) -> None:
    async with _pool(nice=nice) as pool:
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, await _pid(pool)) == min(own + nice, 19)


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not HUGE_PAGES.is_file(), reason="needs glibc and huge pages"
)
async def test_large_blocks_may_lie_in_huge_pages() -> None:
    async with _pool() as pool:
        pid, address = ast.literal_eval(await _text(pool, f"keep {20 << 20}"))
        assert "hg" in _flags(pid, address)


@pytest.mark.parametrize("size", [0, 1, 131_072, 131_073, 5_000_000])
async def test_a_body_of_any_length_comes_back(size: int) -> None:
    async with _pool() as pool:
        reply = await pool.run(f"echo {size}".encode(), [], seconds=20)
        assert reply.size == size
        assert reply.read() == b"x" * size
        assert reply.read(3, 10) == (b"x" * size)[3:10]
        assert (reply.file is None) == (size <= 131_072)
        reply.close()


async def test_an_input_crosses_as_a_descriptor(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"0123456789")
    async with _pool() as pool:
        for _ in range(300):  # more than a worker may hold open
            with (tmp_path / "picture").open("rb") as stream:
                reply = await pool.run(b"read 4", [stream.fileno()], seconds=20)
            assert reply.read() == b"0123"


@pytest.mark.parametrize(
    ("request_text", "status"), [("crash", -signal.SIGSEGV), ("exit 7", 7), ("raise", 1)]
)
async def test_a_worker_that_ends_costs_its_own_job(
    request_text: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with _pool(2) as pool:
        others = [asyncio.create_task(_pid(pool)) for _ in range(8)]
        with pytest.raises(WorkerDied) as raised:
            await _text(pool, request_text)
        assert raised.value.status == status
        assert all(await asyncio.gather(*others))
        assert await _pid(pool)
        assert pool.counts.crashed == 1
    assert str(raised.value) in caplog.text


async def test_a_hung_worker_is_killed_in_time() -> None:
    async with _pool(1) as pool:
        started = time.monotonic()
        with pytest.raises(WorkerTimeout, match=r"longer than 0\.3 s"):
            await _text(pool, "hang", seconds=0.3)
        assert await _pid(pool)
        assert time.monotonic() - started < 5
        assert pool.counts.killed == 1


async def test_a_cancelled_job_stops_and_its_worker_goes_on() -> None:
    async with _pool(1, grace=5.0) as pool:
        pid = await _pid(pool)
        job = asyncio.create_task(_text(pool, "polite"))
        await asyncio.sleep(0.1)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert await _pid(pool) == pid
        assert pool.counts.killed == 0


async def test_a_cancelled_job_that_does_not_stop_is_killed() -> None:
    async with _pool(1) as pool:
        pid = await _pid(pool)
        job = asyncio.create_task(_text(pool, "hang"))
        await asyncio.sleep(0.1)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        started = time.monotonic()
        assert await _pid(pool) != pid
        assert time.monotonic() - started < 3


async def test_a_job_cancelled_while_it_waits_takes_no_worker() -> None:
    async with _pool(1) as pool:
        busy = asyncio.create_task(_text(pool, "polite"))
        await asyncio.sleep(0.1)
        waiting = [asyncio.create_task(_pid(pool)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        busy.cancel()
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(done[1], asyncio.CancelledError)
        assert isinstance(done[0], int)
        assert isinstance(done[2], int)


async def test_memory_is_bounded_in_the_worker() -> None:
    async with _pool(1, memory=200 << 20) as pool:
        assert await _text(pool, f"swell {100 << 20}") == "swollen"
        assert await _text(pool, f"swell {400 << 20}") == "no memory"


async def test_the_peak_of_a_job_is_told() -> None:
    async with _pool(1) as pool:
        small = await pool.run(b"echo", [], seconds=20)
        large = await pool.run(f"swell {64 << 20}".encode(), [], seconds=20)
        again = await pool.run(b"echo", [], seconds=20)
    assert large.peak - small.peak == pytest.approx(64 << 20, rel=0.1)
    assert again.peak - small.peak < 8 << 20


async def test_workers_are_replaced_after_jobs_and_growth() -> None:
    async with _pool(1, max_jobs=3) as pool:
        assert len({await _pid(pool) for _ in range(9)}) == 3
        assert pool.counts.recycled == 3
    async with _pool(1, max_growth=8 << 20) as pool:
        pids = [await _text(pool, f"leak {3 << 20}") for _ in range(9)]
        assert 2 <= len(set(pids)) <= 5
        assert pool.counts.crashed == 0


async def test_nothing_secret_is_inherited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENMOGR_AUTH__SECRET_KEY", "secret")
    with (tmp_path / "open").open("wb"):
        async with _pool(1) as pool:
            names, descriptors = ast.literal_eval(await _text(pool, "environment"))
    assert not [name for name in names if name.startswith("OPENMOGR")]
    # Three standard ones, the socket, two that tell of memory, the reply's file.
    assert descriptors == 7


async def test_memory_is_granted_for_the_time_of_the_job() -> None:
    admission = Admission(10, 100, 0.2, 10)
    async with _pool(2, grace=5.0) as pool:

        async def ask(cost: int) -> str:
            reply = await pool.run(f"ask {cost}".encode(), [], seconds=20, admit=admission.admit)
            return reply.head.decode()

        assert await asyncio.gather(*(ask(60) for _ in range(4))) == ["granted"] * 4
        with pytest.raises(NeverFits):
            await ask(101)
        async with admission.admit(50):
            with pytest.raises(Busy):
                await ask(60)
            assert await ask(50) == "granted"
        assert (admission.running, admission.admitted) == (0, 0)
        assert await ask(100) == "granted"
        assert pool.counts.killed == 0


async def test_a_zygote_that_dies_is_started_again() -> None:
    async with _pool(2) as pool:
        await _pid(pool)
        assert pool._zygote is not None
        pool._zygote.kill()
        for _ in range(200):
            try:
                assert await _pid(pool)
                break
            except WorkerError:
                await asyncio.sleep(0.02)
        else:
            pytest.fail("no worker came back")


def _wait_until_ended(pid: int) -> None:
    """Without letting the event loop hear of it."""
    # It may be gone between opening and reading.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.001)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_a_worker_that_was_killed_at_rest_costs_no_job() -> None:
    async with _pool(1) as pool:
        for _ in range(10):
            pid = await _pid(pool)
            os.kill(pid, signal.SIGKILL)
            _wait_until_ended(pid)
            assert await _pid(pool) != pid
        assert (pool.counts.killed, pool.counts.crashed) == (0, 10)


async def test_a_task_that_cannot_be_made_is_told_at_the_start() -> None:
    pool = WorkerPool("tasks:broken", None, WorkerLimits(1))
    with pytest.raises(WorkerError, match="could not be started"):
        await pool.start()
    await pool.close()


async def test_closing_ends_everything_at_once() -> None:
    async with _pool(2) as pool:
        jobs = [asyncio.create_task(_text(pool, "hang")) for _ in range(5)]
        await asyncio.sleep(0.2)
        started = time.monotonic()
        await pool.close()
        results = await asyncio.gather(*jobs, return_exceptions=True)
        assert time.monotonic() - started < 2
    assert all(isinstance(result, WorkerDied) for result in results)


async def test_many_jobs_at_once_each_get_their_own_answer() -> None:
    async with _pool(3) as pool:

        async def one(size: int) -> bool:
            reply = await pool.run(f"echo {size}".encode(), [], seconds=20)
            try:
                return reply.read() == b"x" * size
            finally:
                reply.close()

        assert all(await asyncio.gather(*(one(size * 997) for size in range(200))))


@pytest.mark.skipif(
    "Landlock and seccomp" not in sandbox_state(), reason=f"this machine has: {sandbox_state()}"
)
async def test_a_worker_reaches_nothing_but_its_descriptors() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with _pool(1, readable=(sys.base_prefix, sys.prefix)) as pool:
            assert await _text(pool, f"reach {listener.getsockname()[1]}") == "[]"


async def test_a_full_disk_is_no_fault_of_the_worker() -> None:
    async with _pool() as pool:
        pid = await _pid(pool)
        with pytest.raises(ReplyLost, match="File too large"):
            await pool.run(b"unwritable 1000000", [], seconds=20)
        assert await _pid(pool) == pid


async def test_no_worker_gets_a_file_that_another_had() -> None:
    async with _pool(count=2) as pool:
        for size in (10, 1 << 20, 10):
            replies = await asyncio.gather(
                *(pool.run(f"echo {size}".encode(), [], seconds=20) for _ in range(2))
            )
            assert [reply.read() for reply in replies] == [b"x" * size] * 2
            for reply in replies:
                reply.close()
        spares = [worker.spare.fileno() for worker in pool._workers.values() if worker.spare is not None]
        # One of them may have done both jobs.
        assert len(set(spares)) == len(spares) >= 1


async def test_a_part_outlives_its_reply() -> None:
    async with _pool() as pool:
        reply = await pool.run(b"echo 1000000", [], seconds=20)
        part = reply.part(10, 20)
        again = part.share()
        reply.close()
        part.close()
        assert again.read() == b"x" * 20
        again.close()
        with pytest.raises(ValueError, match="let go"):
            again.read()


async def test_a_question_of_a_job_that_everybody_left_is_not_its_end() -> None:
    """Else the worker would be given another job, whose answer would be that of the one before."""
    async with _pool() as pool:
        for _ in range(5):
            left = asyncio.create_task(pool.run(b"ask 5", [], seconds=20))
            await asyncio.sleep(0)
            # Meanwhile the worker asks, and nobody hears it before the job is left.
            time.sleep(0.1)  # noqa: ASYNC251 - the loop is to stand still
            left.cancel()
            with pytest.raises(asyncio.CancelledError):
                await left
            assert await _pid(pool)
