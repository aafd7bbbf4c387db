"""Requests per second and latency of a real server on loopback: `python -m bench.http`.

The load comes from one asyncio process on the same machine, so client and server share its cores; the server's own
CPU time per request is printed beside the rates. Processing requests rotate over copies of the picture, so that no
two that run at the same time are the same.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bench.common import DEMO_PHOTO, Report, argument_parser, machine_name
from openmogr.auth import sign_request
from openmogr.testing import ServerProcess

BUCKET = "bench-1250000000"
COPIES = 16


@dataclass(frozen=True)
class Case:
    """Requests over ``connections`` for about ``seconds``; ``target`` gives the path of the n-th one."""

    name: str
    connections: int
    target: Callable[[int], str]
    signed: bool = False


@dataclass(frozen=True)
class Measured:
    """Latencies in seconds, and the time from the first request to the last answer."""

    latencies: list[float]
    elapsed: float
    cpu: float
    size: int

    def percentile(self, share: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


async def one_connection(
    server: ServerProcess,
    case: Case,
    numbers: itertools.count[int],
    until: float,
    found: list[tuple[float, int]],
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    while time.perf_counter() < until:
        target = case.target(next(numbers))
        host = f"127.0.0.1:{server.port}"
        head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n"
        if case.signed:
            head += f"Authorization: {sign_request(server.credential, 'GET', target, {'host': host})}\r\n"
        started = time.perf_counter()
        writer.write(head.encode() + b"\r\n")
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"{case.name}: {answer.decode('latin-1')}")
        length = int(answer.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        found.append((time.perf_counter() - started, length))
    writer.close()


async def measure(server: ServerProcess, case: Case, seconds: float) -> Measured:
    numbers = itertools.count()
    warm: list[tuple[float, int]] = []
    await one_connection(server, case, numbers, time.perf_counter() + seconds / 10, warm)
    found: list[tuple[float, int]] = []
    cpu, started = server.cpu_seconds, time.perf_counter()
    until = started + seconds
    await asyncio.gather(
        *(one_connection(server, case, numbers, until, found) for _ in range(case.connections))
    )
    elapsed = time.perf_counter() - started
    return Measured([latency for latency, _ in found], elapsed, server.cpu_seconds - cpu, found[-1][1])


def upload(server: ServerProcess) -> None:
    """100 KB of noise, a 12 MP JPEG, and the photo as PNG; the pictures several times."""
    with Image.open(DEMO_PHOTO) as opened:
        large = opened.convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    large.save(stream, "JPEG", quality=90)
    put = [(f"/{BUCKET}", b""), (f"/{BUCKET}/100k", os.urandom(100 * 1024))]
    for number in range(COPIES):
        put += [
            (f"/{BUCKET}/{number}.jpg", stream.getvalue()),
            (f"/{BUCKET}/{number}.png", DEMO_PHOTO.read_bytes()),
        ]
    for target, body in put:
        answer = server.request("PUT", target, body, {"x-cos-acl": "public-read"})
        if answer.status != 200:
            raise SystemExit(f"PUT {target}: {answer.status} {answer.body.decode()}")


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="per case")
    options = parser.parse_args()
    cores = os.cpu_count() or 1
    plain = f"/{BUCKET}/100k"
    cases = [
        Case("GET 100 KB, anonymous", 16, lambda _: plain),
        Case("GET 100 KB, signed", 16, lambda _: plain, signed=True),
        Case(
            "12 MP JPEG to 300 px WebP",
            2 * cores,
            lambda number: f"/{BUCKET}/{number % COPIES}.jpg?imageMogr2/thumbnail/300x/format/webp",
        ),
        Case(
            "768x512 PNG to HEIF",
            2 * cores,
            lambda number: f"/{BUCKET}/{number % COPIES}.png?imageMogr2/format/heif",
        ),
    ]
    print(machine_name())
    print(f"| {'request':26} | connections | requests/s | p50 ms | p95 ms | p99 ms | server CPU ms | KB |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    with (
        Report("http", options) as report,
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(Path(folder) / "data") as server,
    ):
        upload(server)
        for case in cases:
            result = asyncio.run(measure(server, case, options.seconds))
            count = len(result.latencies)
            report.add(
                "http",
                request=case.name,
                connections=case.connections,
                requests_per_second=count / result.elapsed,
                p50_ms=result.percentile(0.5),
                p95_ms=result.percentile(0.95),
                p99_ms=result.percentile(0.99),
                server_cpu_ms=1000 * result.cpu / count,
                bytes=result.size,
            )
            numbers = " | ".join(f"{result.percentile(share):.1f}" for share in (0.5, 0.95, 0.99))
            print(
                f"| {case.name:26} | {case.connections} | {count / result.elapsed:.1f} | {numbers} "
                f"| {1000 * result.cpu / count:.2f} | {result.size / 1024:.0f} |"
            )


if __name__ == "__main__":
    main()
