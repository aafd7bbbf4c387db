"""Ten times what the server can do, by clients that give up: ``python -m bench.overload``.

Capacity is what as many clients get as there are workers, each asking for one picture after the other. Then requests
come ten times as often, without waiting for each other, and every client leaves after five seconds. What counts is
answers that reached a client that was still there. Both are measured in turn, since a machine is not always as fast;
``per_cpu`` compares what was answered by the server's processor time, which others on the machine change less, and in
which all the requests that are not served are paid for. Ends with status 1 where less than the wanted share of the
capacity is left by both measures.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench.asking import get
from bench.common import DEMO_PHOTO, Report, argument_parser, machine_name
from bench.processes import cpu_seconds
from openmogr.testing import ServerProcess

BUCKET = "overload-1250000000"
HOST = f"{BUCKET}.cos.ap-shanghai.myqcloud.com"
WORKERS = 2


@dataclass
class Measured:
    """One phase: seconds, the server's processor time, and answers by status in the part that counts."""

    seconds: float
    cpu: float
    statuses: Counter[int]

    @property
    def rate(self) -> float:
        return self.statuses[200] / self.seconds

    @property
    def per_cpu(self) -> float:
        return self.statuses[200] / self.cpu


def targets() -> Iterator[str]:
    """Pictures of equal cost, none of them twice."""
    return (f"/a.png?imageMogr2/rotate/{10 + number / 1000:.3f}/format/webp" for number in itertools.count(1))


async def at_capacity(server: ServerProcess, work: Iterator[str], seconds: float) -> Measured:
    """As many clients as there are workers, and one that waits."""
    statuses: Counter[int] = Counter()
    begin, cpu = time.monotonic(), cpu_seconds(server.pid)

    async def one() -> None:
        while time.monotonic() - begin < seconds:
            status, _ = await get(server.port, next(work), HOST)
            statuses[status] += 1

    await asyncio.gather(*(one() for _ in range(WORKERS + 1)))
    return Measured(time.monotonic() - begin, cpu_seconds(server.pid) - cpu, statuses)


async def overloaded(
    server: ServerProcess, work: Iterator[str], rate: float, patience: float, seconds: float
) -> Measured:
    """Requests at a rate; the first ones, while the queue fills, do not count."""
    statuses: Counter[int] = Counter()
    begin = time.monotonic()
    cpu = 0.0
    counts_from = patience

    async def one() -> None:
        status, _ = await get(server.port, next(work), HOST, patience)
        if counts_from <= time.monotonic() - begin < counts_from + seconds:
            statuses[status] += 1

    tasks = set()
    for number in itertools.count():
        now = time.monotonic() - begin
        if now >= counts_from and not cpu:
            cpu = cpu_seconds(server.pid)
        if now >= counts_from + seconds:
            break
        task = asyncio.create_task(one())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await asyncio.sleep(max(0.0, (number + 1) / rate - now))
    used = cpu_seconds(server.pid) - cpu
    await asyncio.gather(*tasks)
    return Measured(seconds, used, statuses)


async def measure(
    server: ServerProcess, options: argparse.Namespace
) -> tuple[list[Measured], list[Measured]]:
    """Capacity and overload in turn, with capacity first and last."""
    work = targets()
    await at_capacity(server, work, 2)
    rests, loads = [await at_capacity(server, work, options.seconds)], []
    for _ in range(options.turns):
        rate = rests[-1].rate * options.times
        loads.append(await overloaded(server, work, rate, options.patience, options.seconds))
        await asyncio.sleep(1)
        rests.append(await at_capacity(server, work, options.seconds))
    return rests, loads


def main() -> int:
    """Measure, print and judge."""
    parser = argument_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of each phase")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument(
        "--times", type=float, default=10, help="how much more than the capacity is asked for"
    )
    parser.add_argument("--patience", type=float, default=5, help="after which clients leave, in seconds")
    parser.add_argument("--share", type=float, default=0.9, help="of the capacity that must be left")
    options = parser.parse_args()
    settings: dict[str, dict[str, object]] = {"image": {"workers": WORKERS}, "results": {"max_bytes": 0}}
    with tempfile.TemporaryDirectory() as folder, ServerProcess(Path(folder) / "data", settings) as server:
        server.request("PUT", "/", b"", {"x-cos-acl": "public-read"}, host=HOST)
        server.request("PUT", "/a.png", DEMO_PHOTO.read_bytes(), host=HOST)
        rests, loads = asyncio.run(measure(server, options))
    print(machine_name())
    with Report("overload", options) as report:
        for name, phases in (("capacity", rests), ("overload", loads)):
            for phase in phases:
                statuses = " ".join(f"{count} x {status}" for status, count in sorted(phase.statuses.items()))
                report.add(
                    "phases",
                    phase=name,
                    per_second=phase.rate,
                    per_cpu_second=phase.per_cpu,
                    statuses=statuses,
                )
                print(f"{name:9} {phase.rate:7.2f}/s {phase.per_cpu:7.2f} per CPU second   {statuses}")
        by_time = _shares([load.rate for load in loads], [rest.rate for rest in rests])
        by_cpu = _shares([load.per_cpu for load in loads], [rest.per_cpu for rest in rests])
        found, found_cpu = statistics.median(by_time), statistics.median(by_cpu)
        report.add("goodput", of_capacity=found, of_capacity_per_cpu=found_cpu)
        print(
            f"goodput is {found:.0%} of the capacity ({min(by_time):.0%} to {max(by_time):.0%}), "
            f"{found_cpu:.0%} by processor time ({min(by_cpu):.0%} to {max(by_cpu):.0%})"
        )
    return 1 if max(found, found_cpu) < options.share else 0


def _shares(loads: list[float], rests: list[float]) -> list[float]:
    """Each load by what was measured just before and just after it: a shared machine is faster at times."""
    return [
        load / ((before + after) / 2) for load, (before, after) in zip(loads, pairwise(rests), strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main())
