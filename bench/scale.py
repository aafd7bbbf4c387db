"""Requests per second of one, two and three servers that share a store and a database: `python -m bench.scale`.

The store is versitygw (``make clients``), the database PostgreSQL; beside them stands one server with embedded storage.
All of it, and the load, shares this machine, so that rates do not rise beyond its processors: what a request costs, in
processor time of the servers and of the store and the database, tells how many could be served by more machines. Each
server has one worker. Arrangements are measured in turns, so that what else the machine does costs them the same.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.common import DEMO_PHOTO, Report, argument_parser, cpu_seconds, machine_name, tree_seconds
from bench.http import Case, Connection, Measured, one_connection
from openmogr.testing import ServerProcess
from tests.databases import PostgreSQLServer
from tests.databases import _binaries as binaries
from tests.versitygw import BUILT, KEY, SECRET, VersityGW

BUCKET = "scale-1250000000"
OBJECTS = 32


@dataclass
class Sample(Measured):
    """Measured, with the CPU seconds of the store and the database.

    Attributes:
        behind: theirs together.
    """

    behind: float = field(default=0.0)


def cases() -> Sequence[Case]:
    """Requests of each kind; of pictures that are remembered there are 32, of others as many as requests."""
    noise = os.urandom(100 * 1024)

    def made(number: int) -> str:
        # Another percentage of about the same size, since what was made once is remembered.
        return f"/{BUCKET}/{number % OBJECTS}.png?imageMogr2/thumbnail/!39.1{number:06}p/format/webp"

    def upload(number: int) -> str:
        return f"/{BUCKET}/new/{number}"

    return [
        Case("GET 100 KB", 12, lambda number: f"/{BUCKET}/{number % OBJECTS}", signed=True),
        Case(
            "picture, remembered",
            12,
            lambda number: f"/{BUCKET}/{number % OBJECTS}.png?imageMogr2/thumbnail/300x/format/webp",
            signed=True,
        ),
        Case("picture, made", 6, made, signed=True),
        Case("PUT 100 KB", 12, upload, signed=True, method="PUT", body=noise),
    ]


async def fill(server: ServerProcess) -> None:
    """What the cases ask for."""
    answer = server.request("PUT", f"/{BUCKET}", b"")
    if answer.status != 200:
        raise SystemExit(f"PUT /{BUCKET}: {answer.status} {answer.body.decode()}")
    connection = await Connection.to(server)
    for number in range(OBJECTS):
        await connection.ask("PUT", f"/{BUCKET}/{number}", os.urandom(100 * 1024))
        await connection.ask("PUT", f"/{BUCKET}/{number}.png", DEMO_PHOTO.read_bytes())
    connection.writer.close()


async def load(
    nodes: Sequence[ServerProcess], case: Case, numbers: itertools.count[int], seconds: float, found: Sample
) -> None:
    """Connections shared out to the nodes, each of which asks one request after the other."""

    async def run(until: float, into: Measured) -> None:
        servers = itertools.islice(itertools.cycle(nodes), case.connections)
        await asyncio.gather(*(one_connection(server, case, numbers, until, into) for server in servers))

    # What is remembered is remembered by then.
    await run(time.perf_counter() + seconds / 4, Measured())
    before, started = _spent(nodes), time.perf_counter()
    await run(started + seconds, found)
    found.elapsed += time.perf_counter() - started
    cpu, behind = (after - earlier for after, earlier in zip(_spent(nodes), before, strict=True))
    found.cpu += cpu
    found.behind += behind


def _spent(nodes: Sequence[ServerProcess]) -> tuple[float, float]:
    """CPU seconds of the nodes, and of what else was started here: the store and the database, and nodes that rest."""
    servers = sum(tree_seconds(node.pid) for node in nodes)
    return servers, tree_seconds(os.getpid()) - cpu_seconds() - servers


def start_shared(stack: ExitStack, folder: Path, count: int) -> list[ServerProcess]:
    """Servers over one store and one database, which are started for them."""
    found = binaries()
    if found is None or not BUILT.is_file():
        raise SystemExit("PostgreSQL or versitygw is missing: make clients")
    database = stack.enter_context(PostgreSQLServer(found))
    database.sql("CREATE DATABASE scale")
    store = stack.enter_context(VersityGW(folder / "store"))
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET)
    store.client.create_bucket(Bucket="scale")
    settings: dict[str, dict[str, object]] = {
        "storage": {"url": "s3://scale/objects", "endpoint": store.endpoint, "region": "us-east-1"},
        "database": {"url": database.url("scale")},
        "image": {"workers": 1},
    }
    return [stack.enter_context(ServerProcess(folder / f"node{number}", settings)) for number in range(count)]


def row(report: Report, name: str, case: Case, found: Sample) -> None:
    """Prints and keeps what was measured."""
    count = len(found.latencies)
    rate, cpu, behind = count / found.elapsed, 1000 * found.cpu / count, 1000 * found.behind / count
    p50, p95 = found.percentile(0.5), found.percentile(0.95)
    report.add(
        "scale",
        servers=name,
        request=case.name,
        requests_per_second=rate,
        p50_ms=p50,
        p95_ms=p95,
        server_cpu_ms=cpu,
        behind_cpu_ms=behind,
        per_server_cpu_second=count / found.cpu,
        load_average=os.getloadavg()[0],
    )
    print(
        f"| {case.name} | {name} | {rate:.0f} | {p50:.1f} | {p95:.1f} | {cpu:.2f} | {behind:.2f} "
        f"| {count / found.cpu:.0f} |",
        flush=True,
    )


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="per case and arrangement")
    parser.add_argument("--turns", type=int, default=2, help="in which they are measured")
    parser.add_argument("--nodes", type=int, default=3, help="most servers over the shared store")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    options = parser.parse_args()
    chosen = [case for case in cases() if options.only in case.name]
    with (
        Report("scale", options) as report,
        ExitStack() as stack,
        tempfile.TemporaryDirectory() as scratch,
    ):
        folder = Path(scratch)
        nodes = start_shared(stack, folder, options.nodes)
        alone = ServerProcess(folder / "alone", {"image": {"workers": 1}})
        arrangements = {"embedded": [stack.enter_context(alone)]}
        arrangements |= {f"shared, {count}": nodes[:count] for count in range(1, options.nodes + 1)}
        for server in (alone, nodes[0]):
            asyncio.run(fill(server))
        print(f"{machine_name()}, load average {os.getloadavg()[0]:.1f}")
        print(
            "| request | servers | requests/s | p50 ms | p95 ms | servers' CPU ms | behind them | per CPU second |"
        )
        print("|---|---|---:|---:|---:|---:|---:|---:|")
        for case in chosen:
            found, counter = {name: Sample() for name in arrangements}, itertools.count()
            for turn in range(options.turns):
                order = list(arrangements.items())
                for name, servers in reversed(order) if turn % 2 else order:
                    asyncio.run(load(servers, case, counter, options.seconds / options.turns, found[name]))
            for name, result in found.items():
                row(report, name, case, result)


if __name__ == "__main__":
    main()
