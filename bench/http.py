"""Requests per second, latency and CPU time of a real server on loopback: `python -m bench.http`.

The load comes from one asyncio process on the same machine, so client and server share its cores; the CPU time of the
server's process and all below it is printed beside the rates, and that of the process that talks HTTP alone.
Processing requests differ a little, so that none of them is answered from what is remembered.

With ``--against PYTHON`` the server of another installation runs beside this one, and both are asked in turns, so that
what else the machine does costs them the same: ``python -m bench.http --against ../before/.venv/bin/python``.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from PIL import Image

from bench.common import DEMO_PHOTO, Report, argument_parser, machine_name, scheduled_seconds, tree_seconds
from openmogr.auth import Credential, sign_request
from openmogr.testing import ServerProcess

BUCKET = "bench-1250000000"
LISTED = 10_000
PART = 5 << 20


@dataclass(frozen=True)
class Case:
    """Requests over ``connections``; ``target`` gives the path of the n-th one.

    Attributes:
        per: answers that make one of what is counted.
    """

    name: str
    connections: int
    target: Callable[[int], str]
    signed: bool = False
    method: str = "GET"
    body: bytes = b""
    per: int = 1


@dataclass
class Measured:
    """Latencies in seconds, the time from first requests to last answers, the server's CPU seconds.

    Attributes:
        own: those of them that are not its workers'.
    """

    latencies: list[float] = field(default_factory=list)
    elapsed: float = 0.0
    cpu: float = 0.0
    own: float = 0.0
    size: int = 0

    def percentile(self, share: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


# Of equal requests once: while a client signs, the server sleeps, and is charged for waking up.
@lru_cache(maxsize=65536)
def _signature(credential: Credential, method: str, target: str, host: str) -> str:
    return sign_request(credential, method, target, {"host": host})


@dataclass
class Connection:
    """A connection that sends one request after the other."""

    server: ServerProcess
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, server: ServerProcess) -> Connection:
        return cls(server, *await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 20))

    async def ask(self, method: str, target: str, body: bytes = b"", *, signed: bool = True) -> bytes:
        """The body of the answer. Ends the program where it is no success."""
        host = f"127.0.0.1:{self.server.port}"
        head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n"
        if signed:
            head += f"Authorization: {_signature(self.server.credential, method, target, host)}\r\n"
        if method in ("PUT", "POST"):
            head += f"Content-Length: {len(body)}\r\n"
        self.writer.write(head.encode() + b"\r\n")
        if body:
            self.writer.write(body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"{method} {target}: {answer.decode('latin-1')}")
        if method == "HEAD":
            return b""
        length = int(answer.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        return await self.reader.readexactly(length)


async def one_connection(
    server: ServerProcess, case: Case, numbers: itertools.count[int], until: float, found: Measured
) -> None:
    connection = await Connection.to(server)
    while time.perf_counter() < until:
        target = case.target(next(numbers))
        started = time.perf_counter()
        answer = await connection.ask(case.method, target, case.body, signed=case.signed)
        found.latencies.append(time.perf_counter() - started)
        found.size = len(answer) or len(case.body)
    connection.writer.close()


async def measure(
    server: ServerProcess, case: Case, numbers: itertools.count[int], seconds: float, found: Measured
) -> None:
    await one_connection(server, case, numbers, time.perf_counter() + seconds / 10, Measured())
    cpu, own, started = tree_seconds(server.pid), _own_seconds(server), time.perf_counter()
    until = started + seconds
    await asyncio.gather(
        *(one_connection(server, case, numbers, until, found) for _ in range(case.connections))
    )
    found.elapsed += time.perf_counter() - started
    found.cpu += tree_seconds(server.pid) - cpu
    found.own += _own_seconds(server) - own


def _own_seconds(server: ServerProcess) -> float:
    """CPU seconds of the process that talks HTTP. Its threads stay, and those of the pool are made by the warm-up."""
    return scheduled_seconds(Path(f"/proc/{server.pid}"))


async def upload_parts(server: ServerProcess, parts: int, found: Measured) -> None:
    """One object in parts over four connections, from the first part to the answer of Complete."""
    target, body = f"/{BUCKET}/parts", os.urandom(PART)
    connections = [await Connection.to(server) for _ in range(4)]
    text = await connections[0].ask("POST", f"{target}?uploads")
    match = re.search(rb"<UploadId>(.+)</UploadId>", text)
    assert match is not None
    identifier = match[1].decode()
    numbers = iter(range(1, parts + 1))

    async def send(connection: Connection) -> None:
        for number in numbers:
            await connection.ask("PUT", f"{target}?partNumber={number}&uploadId={identifier}", body)

    cpu, started = tree_seconds(server.pid), time.perf_counter()
    await asyncio.gather(*map(send, connections))
    listed = (await connections[0].ask("GET", f"{target}?uploadId={identifier}")).decode()
    tags = re.findall(r"<ETag>(.+?)</ETag>", listed)
    document = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
        for number, tag in enumerate(tags, start=1)
    )
    complete = f"<CompleteMultipartUpload>{document}</CompleteMultipartUpload>".encode()
    await connections[0].ask("POST", f"{target}?uploadId={identifier}", complete)
    found.elapsed += time.perf_counter() - started
    found.latencies.append(time.perf_counter() - started)
    found.cpu += tree_seconds(server.pid) - cpu
    found.size = parts * PART
    for connection in connections:
        connection.writer.close()


async def upload(server: ServerProcess, names: str) -> None:
    """What the cases of those names need: 100 KB of noise, two pictures, a bucket to be listed."""
    with Image.open(DEMO_PHOTO) as opened:
        large = opened.convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    large.save(stream, "JPEG", quality=90)
    for bucket in (BUCKET, f"list{BUCKET}"):
        answer = server.request("PUT", f"/{bucket}", b"", {"x-cos-acl": "public-read"})
        if answer.status != 200:
            raise SystemExit(f"PUT /{bucket}: {answer.status} {answer.body.decode()}")
    put = [(f"/{BUCKET}/100k", os.urandom(100 * 1024))]
    if "JPEG" in names or "PNG" in names:
        put += [(f"/{BUCKET}/0.jpg", stream.getvalue()), (f"/{BUCKET}/0.png", DEMO_PHOTO.read_bytes())]
    put += [
        (f"/list{BUCKET}/folder/{number:06}.jpg", b"") for number in range(LISTED if "LIST" in names else 0)
    ]
    waiting = iter(put)

    async def send() -> None:
        connection = await Connection.to(server)
        for target, body in waiting:
            await connection.ask("PUT", target, body)
        connection.writer.close()

    await asyncio.gather(*(send() for _ in range(32)))


def cases() -> list[Case]:
    cores = os.cpu_count() or 1
    plain, noise = f"/{BUCKET}/100k", os.urandom(100 * 1024)
    pages = LISTED // 1000

    def page(number: int) -> str:
        marker = f"&marker=folder/{number % pages * 1000 - 1:06}.jpg" if number % pages else ""
        return f"/list{BUCKET}?max-keys=1000{marker}"

    return [
        Case("GET 100 KB, anonymous", 16, lambda _: plain),
        Case("GET 100 KB, signed", 16, lambda _: plain, signed=True),
        Case("HEAD, signed", 16, lambda _: plain, signed=True, method="HEAD"),
        Case(
            "PUT 100 KB, signed",
            16,
            lambda number: f"/{BUCKET}/new/{number}",
            signed=True,
            method="PUT",
            body=noise,
        ),
        Case("LIST 10,000 keys", 4, page, signed=True, per=pages),
        Case(
            "12 MP JPEG to 300 px WebP",
            2 * cores,
            # Another percentage of the same size, since what was made once is remembered.
            lambda number: f"/{BUCKET}/0.jpg?imageMogr2/thumbnail/!7.5{number:05}p/format/webp",
        ),
        Case(
            "768x512 PNG to 300 px JPEG",
            2 * cores,
            lambda number: f"/{BUCKET}/0.png?imageMogr2/thumbnail/!39.1{number:05}p/format/jpeg",
        ),
        Case(
            "768x512 PNG to HEIF",
            2 * cores,
            lambda number: f"/{BUCKET}/0.png?imageMogr2/thumbnail/!99.9{number:05}p/format/heif",
        ),
    ]


def measure_all(
    servers: dict[str, ServerProcess], case: Case, seconds: float, turns: int
) -> dict[str, Measured]:
    found = {name: Measured() for name in servers}
    numbers = {name: itertools.count() for name in servers}
    for turn in range(turns):
        for name, server in sorted(servers.items(), reverse=bool(turn % 2)):
            asyncio.run(measure(server, case, numbers[name], seconds / turns, found[name]))
    return found


def show(report: Report, case: str, connections: int, per: int, found: dict[str, Measured]) -> None:
    base = next(reversed(found.values()))
    for name, result in found.items():
        count = len(result.latencies) / per
        cpu = 1000 * result.cpu / count
        report.add(
            "http",
            request=case,
            server=name,
            connections=connections,
            requests_per_second=count / result.elapsed,
            p50_ms=result.percentile(0.5),
            p95_ms=result.percentile(0.95),
            p99_ms=result.percentile(0.99),
            server_cpu_ms=cpu,
            http_cpu_ms=1000 * result.own / count,
            bytes=result.size,
        )
        ratio = "" if result is base else f" {cpu / (1000 * base.cpu * per / len(base.latencies)):.2f}"
        numbers = " | ".join(f"{result.percentile(share):.1f}" for share in (0.5, 0.95, 0.99))
        label = case if len(found) == 1 else f"{case} ({name})"
        print(
            f"| {label:26} | {connections} | {count / result.elapsed:.1f} | {numbers} "
            f"| {cpu:.3f}{ratio} | {1000 * result.own / count:.3f} | {result.size / 1024:.0f} |",
            flush=True,
        )


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="per case and server")
    parser.add_argument("--turns", type=int, default=4, help="in which a case is measured with --against")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument(
        "--parts", type=int, default=40, help="of the object that is uploaded in parts of 5 MiB"
    )
    parser.add_argument(
        "--against", type=Path, metavar="PYTHON", help="of an environment with another openmogr"
    )
    options = parser.parse_args()
    print(machine_name())
    print(f"| {'request':26} | connections | requests/s | p50 ms | p95 ms | p99 ms | CPU ms | HTTP's | KB |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    launchers = {"here": Path(sys.executable)}
    if options.against is not None:
        launchers["there"] = options.against
    chosen = [case for case in cases() if options.only in case.name]
    with Report("http", options) as report, ExitStack() as stack:
        servers = {}
        for name, python in launchers.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = ServerProcess(folder / "data", launcher=(str(python), "-m"))
            servers[name] = stack.enter_context(server)
            asyncio.run(upload(server, " ".join(case.name for case in chosen)))
        turns = options.turns if options.against is not None else 1
        for case in chosen:
            found = measure_all(servers, case, options.seconds, turns)
            show(report, case.name, case.connections, case.per, found)
        if options.only in (name := f"{options.parts} parts of 5 MiB"):
            found = {name: Measured() for name in servers}
            for _ in range(turns):
                for server_name, server in servers.items():
                    asyncio.run(upload_parts(server, options.parts, found[server_name]))
            show(report, name, 4, 1, found)


if __name__ == "__main__":
    main()
