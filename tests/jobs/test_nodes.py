"""Several processes over one PostgreSQL, some of which are killed: every job is done, and none by two at a time."""

# ruff: noqa: ASYNC110 - what is waited for is in other processes

from __future__ import annotations

import asyncio
import itertools
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

import openmogr.demo
from openmogr.database import Database
from openmogr.jobs import JobFilter, JobRequest, State
from openmogr.jobs.store import JobStore
from openmogr.testing import ServerProcess
from tests.database.conftest import settings_of
from tests.jobs.worker import LEASE

ROOT = Path(__file__).resolve().parent.parent.parent
JOBS, NODES, KILLS = 200, 3, 5


class Node:
    """A process of ``tests.jobs.worker``, begun anew each time it is killed."""

    def __init__(self, url: str, folder: Path, name: str) -> None:
        self._words = [sys.executable, "-m", "tests.jobs.worker", url, str(folder), name]
        self.killed: dict[int, float] = {}
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._words, cwd=ROOT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.killed[self.process.pid] = time.monotonic()


@pytest.mark.anyio
@pytest.mark.alone
async def test_two_hundred_jobs_and_nodes_that_are_killed(postgresql_url: str, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "log").touch()
    async with Database(settings_of(postgresql_url), tmp_path) as database:
        store = JobStore(database, 1000, lease=LEASE)
        await store.open()
        queue = await store.queue("b")
        requests = [JobRequest(f"in/{number}", output=f"{number}") for number in range(JOBS)]
        jobs = [
            await store.add("b", queue.id, replace(request, level=index % 3))
            for index, request in enumerate(requests)
        ]
        nodes = [Node(postgresql_url, tmp_path, f"node-{number}") for number in range(NODES)]
        try:
            for kill in range(KILLS):
                # While jobs are being done: the next kill comes after some more have ended.
                await _until(lambda kill=kill: _count(tmp_path, "end") > (kill + 1) * JOBS // (KILLS + 2))
                node = random.choice(nodes)
                node.kill()
                node.start()
            await _until_async(store)
            await _until(lambda: _count(tmp_path, "told") >= JOBS - KILLS * 2)
        finally:
            for node in nodes:
                node.kill()
        page = await store.page("b", JobFilter(size=JOBS))
    assert {job.id for job in page.jobs} == {job.id for job in jobs}
    assert Counter(job.state for job in page.jobs) == {State.SUCCESS: JOBS}
    made = {path.name: path.read_text() for path in (tmp_path / "made").iterdir()}
    assert made == {request.output: request.object for request in requests}
    _check_that_none_overlap(tmp_path, {pid: at for node in nodes for pid, at in node.killed.items()})


def _count(folder: Path, kind: str) -> int:
    return sum(line.startswith(kind) for line in (folder / "log").read_text().splitlines())


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.05)


async def _until_async(store: JobStore) -> None:
    ended = JobFilter(states=[State.SUBMITTED, State.RUNNING], size=1)
    async with asyncio.timeout(120):
        while (await store.page("b", ended)).jobs:
            await asyncio.sleep(0.2)


def _check_that_none_overlap(folder: Path, killed: dict[int, float]) -> None:
    """An attempt lasts until its end, or until its process was killed."""
    attempts: dict[str, list[tuple[float, float]]] = defaultdict(list)
    begun: dict[tuple[str, str], float] = {}
    told: Counter[str] = Counter()
    ended = 0
    for line in (folder / "log").read_text().splitlines():
        kind, identifier, _, pid, at = line.split()
        if kind == "begin":
            assert (identifier, pid) not in begun, "one process does it twice at once"
            begun[identifier, pid] = float(at)
        elif kind == "end":
            attempts[identifier].append((begun.pop((identifier, pid)), float(at)))
            ended += 1
        else:
            told[identifier] += 1
    for (identifier, pid), since in begun.items():
        attempts[identifier].append((since, killed[int(pid)]))
    for identifier, spans in attempts.items():
        spans.sort()
        for (_, end), (start, _) in itertools.pairwise(spans):
            assert end <= start, f"{identifier}: {spans}"
    # Done again is only what a killed process had not yet said to be done.
    assert ended <= JOBS + KILLS * 2
    assert max(told.values()) == 1


BUCKET = "examplebucket-1250000000"
SLOW = "imageMogr2/thumbnail/3000x/format/tpg"


def _submit(server: ServerProcess, rule: str, output: str) -> str:
    body = f"""<Request><Tag>PicProcess</Tag><Input><Object>in.png</Object></Input><Operation>
<PicProcess><ProcessRule>{rule}</ProcessRule></PicProcess>
<Output><Region>ap-shanghai</Region><Bucket>{BUCKET}</Bucket><Object>{output}</Object></Output></Operation></Request>"""
    answer = server.request("POST", "/jobs", body.encode(), host=f"{BUCKET}.ci.ap-shanghai.myqcloud.com")
    assert answer.status == 200, answer.body
    return answer.body.partition(b"<JobId>")[2].partition(b"</JobId>")[0].decode()


def _state(server: ServerProcess, job: str) -> str:
    answer = server.request("GET", f"/jobs/{job}", host=f"{BUCKET}.ci.ap-shanghai.myqcloud.com")
    return answer.body.partition(b"<State>")[2].partition(b"</State>")[0].decode()


def _wait(server: ServerProcess, job: str, *states: str, seconds: float = 90) -> float:
    started = time.monotonic()
    while (state := _state(server, job)) not in states:
        assert time.monotonic() - started < seconds, f"{state}\n{server.log}"
        time.sleep(0.02)
    return time.monotonic() - started


@pytest.mark.alone
def test_a_server_goes_on_with_what_a_killed_one_ran(postgresql_url: str, tmp_path: Path) -> None:
    photo = (Path(openmogr.demo.__file__).parent / openmogr.demo.KEY).read_bytes()
    settings: dict[str, dict[str, object]] = {
        "database": {"url": postgresql_url},
        "jobs": {"lease": LEASE},
        "image": {"workers": 1, "anonymous_max_effort": 9, "max_effort": 9},
    }
    with (
        ServerProcess(tmp_path / "one", settings) as one,
        ServerProcess(tmp_path / "other", settings) as other,
    ):
        for server in (one, other):
            assert server.request("PUT", f"/{BUCKET}", b"").status == 200
        # Only one of them has the object, and with it the job; the other one gets it once it was done here.
        assert one.request("PUT", f"/{BUCKET}/in.png", photo).status == 200
        assert other.request("PUT", f"/{BUCKET}/in.png", photo).status == 200
        other.signal(19)  # so that the first one begins it
        job = _submit(one, SLOW, "out.tpg")
        _wait(one, job, "Running")
        one.kill()
        other.signal(18)
        _wait(other, job, "Success")
        assert other.request("HEAD", f"/{BUCKET}/out.tpg").status == 200
        for server in (other,):
            assert "secret-of-postgresql" not in server.log
