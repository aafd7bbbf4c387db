"""A node that does jobs which take a while and add a line to a file; run by ``test_nodes.py`` in processes of its own.

python -m tests.jobs.worker URL FOLDER NUMBER
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from pathlib import Path

from openmogr.database import Database
from openmogr.jobs import Job, JobRunner, Outcome
from openmogr.jobs.store import JobStore
from tests.database.conftest import settings_of

__all__ = ["LEASE"]

LEASE = 2.0


async def main(url: str, folder: Path, name: str) -> None:
    """Work until it is killed."""
    log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(kind: str, job: Job) -> None:
        # One write for a line: several processes append to the file.
        os.write(log, f"{kind} {job.id} {name} {os.getpid()} {time.monotonic()}\n".encode())

    async def work(job: Job) -> Outcome:
        note("begin", job)
        await asyncio.sleep(random.uniform(0.01, 0.1))
        (folder / "made" / job.request.output).write_text(job.request.object)
        note("end", job)
        return Outcome("Success", result=name)

    async def tell(job: Job) -> None:
        note("told", job)

    async with Database(settings_of(url), folder) as database:
        store = JobStore(database, 1000, lease=LEASE)
        await store.open()
        runner = JobRunner(store, work, tell, concurrency=2, keep=1000)
        runner.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
