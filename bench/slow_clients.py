"""Clients that hold connections and give little: ``python -m bench.slow_clients``.

Eleven hundred connections that say nothing, two hundred heads and two hundred bodies that arrive a byte at a time, all
at once, while somebody asks for a small object over a new connection again and again. He must be answered quickly, as
before; the slow ones must be ended by the server when their time is over, what they began to store must not be there,
and the server must hold no descriptor more than before. Ends with status 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.common import Report, argument_parser, machine_name
from openmogr.auth import sign_request
from openmogr.testing import ServerProcess

HOST = "slow-1250000000.cos.ap-shanghai.myqcloud.com"
# Bodies are cut off after twice this at the latest, heads and silence after it.
LIMIT = 20.0
SETTINGS: dict[str, dict[str, object]] = {
    "server": {
        "head_timeout": LIMIT,
        "body_timeout": LIMIT,
        "keep_alive_timeout": LIMIT,
        "min_body_rate": 500,
    }
}


class Crowd:
    """All slow clients; how each connection ended is counted by the first line of what came."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.ends: Counter[str] = Counter()
        self.longest: dict[str, float] = {}
        self.missing = 0
        self.all_there = asyncio.Event()

    async def silent(self) -> None:
        """Connect and say nothing."""
        await self._hold("idle", b"")

    async def slow_head(self) -> None:
        """A byte of a header every second."""
        await self._hold("slow head", f"GET /small HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ".encode())

    async def slow_body(self, number: int) -> None:
        """A byte of a long body every second."""
        signature = sign_request(self._server.credential, "PUT", f"/slow-{number}", {"host": HOST})
        lines = [
            f"PUT /slow-{number} HTTP/1.1",
            f"Host: {HOST}",
            f"Authorization: {signature}",
            "Content-Length: 99999",
        ]
        await self._hold("slow body", ("\r\n".join(lines) + "\r\n\r\n").encode())

    async def _hold(self, kind: str, first: bytes) -> None:
        began = time.monotonic()
        end = "not taken"
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
            self._one_more()
            try:
                end = await self._feed(reader, writer, first)
            finally:
                writer.transport.abort()
        self.ends[f"{kind}: {end}"] += 1
        self.longest[kind] = max(self.longest.get(kind, 0.0), time.monotonic() - began)

    def _one_more(self) -> None:
        self.missing -= 1
        if not self.missing:
            self.all_there.set()

    @staticmethod
    async def _feed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes) -> str:
        writer.write(first)
        heard = asyncio.create_task(reader.read(65536))
        try:
            while not heard.done():
                await asyncio.wait([heard], timeout=1.0)
                if first and not heard.done():
                    writer.write(b"x")
            try:
                answer = heard.result()
            except ConnectionError:
                return "reset"
            return answer.split(b"\r\n")[0].decode() or "closed"
        finally:
            heard.cancel()


def plain(server: ServerProcess, seconds: float, pause: float = 0.05) -> tuple[list[float], Counter[int]]:
    """Milliseconds of GETs of a small object over new connections, ascending, and their statuses.

    To be run in a thread of its own: a loop with many clients would keep it waiting.
    """
    times, statuses = [], Counter[int]()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        statuses[server.request("GET", "/small", host=HOST, signed=False).status] += 1
        times.append((time.monotonic() - began) * 1000)
        time.sleep(pause)
    return sorted(times), statuses


def warm_up(server: ServerProcess) -> None:
    """Have the server open what it keeps open: an index for each of its threads."""
    with ThreadPoolExecutor(32) as pool:
        for number in range(300):
            pool.submit(server.request, "PUT", "/warm", b"x" * number, host=HOST)
            pool.submit(server.request, "GET", "/small", host=HOST)


async def run(server: ServerProcess, options: argparse.Namespace, report: Report) -> list[str]:
    """Quiet, the crowd, and quiet again; what did not hold."""
    crowd, problems = Crowd(server), []
    await asyncio.to_thread(warm_up, server)
    files = server.open_files
    phases = {"before": await asyncio.to_thread(plain, server, options.seconds)}
    clients = [crowd.silent() for _ in range(options.idle)]
    clients += [crowd.slow_head() for _ in range(options.heads)]
    clients += [crowd.slow_body(number) for number in range(options.bodies)]
    crowd.missing = len(clients)
    held = asyncio.gather(*clients)
    await asyncio.wait_for(crowd.all_there.wait(), LIMIT)
    most = server.open_files
    phases["meanwhile"] = await asyncio.to_thread(plain, server, options.seconds)
    await asyncio.wait_for(held, LIMIT * 6)
    phases["after"] = await asyncio.to_thread(plain, server, options.seconds)
    for name, (times, statuses) in phases.items():
        median, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
        report.add("plain GET", phase=name, count=len(times), median_ms=median, p99_ms=p99, ok=statuses[200])
        print(f"plain GET {name:10} median {median:7.1f} ms, p99 {p99:7.1f} ms, {dict(statuses)}")
        if set(statuses) != {200}:
            problems.append(f"plain GET {name}: {dict(statuses)}")
        if p99 > options.within:
            problems.append(f"plain GET {name}: p99 is {p99:.0f} ms")
    for end, count in sorted(crowd.ends.items()):
        report.add("slow clients", end=end, count=count)
        print(f"{count:5} x {end}")
    for kind, seconds in crowd.longest.items():
        report.add("held for", kind=kind, most_seconds=seconds)
        print(f"{kind}: at most {seconds:.1f} s")
    await asyncio.sleep(1)
    report.add("descriptors", before=files, most=most, after=server.open_files)
    print(f"descriptors: {files} before, {most} with all of them, {server.open_files} after")
    if server.open_files > files + 2:
        problems.append(f"{server.open_files - files} descriptors are left")
    for number in range(options.bodies):
        if (status := server.request("HEAD", f"/slow-{number}", host=HOST).status) != 404:
            problems.append(f"HEAD of a body that was cut off: {status}")
    return problems


def main() -> int:
    """Run it and judge."""
    parser = argument_parser(__doc__)
    parser.add_argument("--idle", type=int, default=1100)
    parser.add_argument("--heads", type=int, default=200)
    parser.add_argument("--bodies", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=5, help="of each phase")
    parser.add_argument("--within", type=float, default=500, help="most ms of a plain GET (p99)")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder, ServerProcess(Path(folder) / "data", SETTINGS) as server:
        server.request("PUT", "/", b"", {"x-cos-acl": "public-read"}, host=HOST)
        server.request("PUT", "/small", b"x" * 10_000, host=HOST)
        print(machine_name())
        print(f"descriptors: {soft} allowed, {hard} at most")
        with Report("slow_clients", options) as report:
            problems = asyncio.run(run(server, options, report))
            for problem in problems:
                report.add("problems", problem=problem)
                print("  " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
