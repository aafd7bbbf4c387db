"""Many who want the same picture, and who leave: ``python -m bench.equal``.

Two hundred equal first requests at once must cost one encode, two hundred more none. Of ten that wait nine leave: the
last is served. All leave: the worker is stopped, measured from the moment the sockets are closed until it is gone or
rests. Ends with status 1 where something did not hold; times are told, and judged by ``--within``.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench.asking import get, metric
from bench.common import DEMO_PHOTO, Report, argument_parser, machine_name
from bench.processes import below, cpu_seconds
from openmogr.testing import ServerProcess

BUCKET = "equal-1250000000"
HOST = f"{BUCKET}.cos.ap-shanghai.myqcloud.com"
JOBS = 'openmogr_image_jobs_total{kind="all"}'
# What takes seconds, and cannot be interrupted by asking; and what can.
SLOW = ("thumbnail/3000x/format/avif", "thumbnail/2000x/format/tpg")


async def many(server: ServerProcess, target: str, count: int) -> Counter[int]:
    """The same GET by so many clients at once; how often each status came. All bodies are one."""
    answers = await asyncio.gather(*(get(server.port, target, HOST, 120) for _ in range(count)))
    assert len({body for _, body in answers}) == 1, "the answers differ"
    return Counter(status for status, _ in answers)


def ask(server: ServerProcess, target: str) -> socket.socket:
    """Send a GET and do not wait."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=120)
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
    return connection


def wait_for(server: ServerProcess, running: int) -> None:
    """Until so many jobs run in workers."""
    deadline = time.monotonic() + 60
    while metric(server, "openmogr_image_running") != running:
        assert time.monotonic() < deadline, f"not {running} jobs"
        time.sleep(0.02)


def at_work(server: ServerProcess) -> int | None:
    """The worker that uses the processor now; it may have to be forked first."""
    for _ in range(10):
        before = {pid: cpu_seconds(pid) for pid in below(server.pid)}
        time.sleep(0.3)
        used = {pid: cpu_seconds(pid) - cpu for pid, cpu in before.items() if not below(pid)}
        pid = max(used, key=lambda pid: used[pid], default=None)
        if pid is not None and used[pid] > 0:
            return pid
    return None


def stopped_after(server: ServerProcess, operation: str, number: int) -> tuple[float, str] | None:
    """Milliseconds from the last client's leaving to the end of the work, and how it ended."""
    asking = [ask(server, f"/a.png?imageMogr2/{operation}/quality/{40 + number}") for _ in range(5)]
    wait_for(server, 1)
    worker = at_work(server)
    for connection in asking:
        connection.close()
    left = time.monotonic()
    if worker is None:
        return None
    while time.monotonic() - left < 5:
        state = Path(f"/proc/{worker}/stat")
        try:
            fields = state.read_text().rpartition(")")[2].split()
        except OSError:
            return (time.monotonic() - left) * 1000, "killed"
        if fields[0] in "ZX":
            return (time.monotonic() - left) * 1000, "killed"
        if fields[0] == "S" and _rests(state):
            return (time.monotonic() - left) * 1000, "stopped"
        time.sleep(0.002)
    return 5000.0, "never"


def _rests(stat: Path) -> bool:
    """Asleep in the read for its next job, and not for a moment within its work."""
    try:
        return "recv" in (stat.parent / "wchan").read_text() or "unix" in (stat.parent / "wchan").read_text()
    except OSError:
        return False


def run(server: ServerProcess, options: argparse.Namespace, report: Report) -> list[str]:
    """All of it; what did not hold."""
    problems = []
    target = "/a.png?imageMogr2/rotate/7/format/webp"
    for name, wanted in (("first", 1), ("second", 0)):
        jobs = metric(server, JOBS)
        statuses = asyncio.run(many(server, target, options.clients))
        cost = int(metric(server, JOBS) - jobs)
        report.add("equal requests", round=name, clients=options.clients, ok=statuses[200], encodes=cost)
        print(f"{options.clients} equal requests, {name} time: {dict(statuses)}, {cost} encodes")
        if cost != wanted or statuses[200] != options.clients:
            problems.append(f"{name} round: {statuses}, {cost} encodes")
    asking = [ask(server, f"/a.png?imageMogr2/{SLOW[0]}/quality/30") for _ in range(10)]
    wait_for(server, 1)
    for connection in asking[:9]:
        connection.close()
    answer = asking[9].recv(1000)
    asking[9].close()
    served = answer.startswith(b"HTTP/1.1 200")
    report.add("nine of ten leave", served=served)
    print(f"nine of ten leave: the last is {'served' if served else 'not served'}")
    if not served:
        problems.append(f"the last of ten got {answer[:200]!r}")
    for operation in SLOW:
        found = [stopped_after(server, operation, number) for number in range(options.runs)]
        times = sorted(entry[0] for entry in found if entry is not None)
        ends = dict(Counter(entry[1] for entry in found if entry is not None))
        if not times:
            problems.append(f"{operation}: no worker was seen at work")
            continue
        median = statistics.median(times)
        report.add(
            "all leave",
            operation=operation,
            runs=len(times),
            median_ms=median,
            most_ms=times[-1],
            ended=str(ends),
        )
        print(
            f"all leave, {operation}: median {median:.0f} ms, most {times[-1]:.0f} ms until the work ends, {ends}"
        )
        if median > options.within:
            problems.append(f"{operation}: {median:.0f} ms until the work ends")
    return problems


def main() -> int:
    """Run it and judge."""
    parser = argument_parser(__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--runs", type=int, default=10, help="of leaving")
    parser.add_argument(
        "--within", type=float, default=200, help="most ms that work goes on when all have left (median)"
    )
    options = parser.parse_args()
    settings: dict[str, dict[str, object]] = {"image": {"workers": 1}}
    with tempfile.TemporaryDirectory() as folder, ServerProcess(Path(folder) / "data", settings) as server:
        server.request("PUT", "/", b"", {"x-cos-acl": "public-read"}, host=HOST)
        server.request("PUT", "/a.png", DEMO_PHOTO.read_bytes(), host=HOST)
        server.request("GET", "/a.png?imageInfo", host=HOST)
        print(machine_name())
        with Report("equal", options) as report:
            problems = run(server, options, report)
    for problem in problems:
        print("  " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
