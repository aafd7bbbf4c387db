"""CPU time, size and quality per request beside other image servers: ``python -m bench.peers``.

Without options it starts this repository's server, asks it for every case, and sets beside it the same work done in
this process by Pillow, by ``openmogr_pixels`` and by libvips (``pip install 'pyvips[binary]'``), which is what
imgproxy runs on. Other servers are named with their process and a template of their URLs:

    imgproxy: IMGPROXY_LOCAL_FILESYSTEM_ROOT=/tmp/sources IMGPROXY_WORKERS=1 imgproxy
    python -m bench.peers --sources /tmp/sources \\
        --server imgproxy $(pidof imgproxy) 'http://127.0.0.1:8080/insecure/{options}/plain/local:///{file}@{form}'

``{file}`` is the name of a source, ``{number}-name``; ``{options}`` and ``{form}`` are imgproxy's words for the work,
``{pipeline}`` COS's. ``--sources`` keeps the files there: every request has one of its own, the same picture in other
bytes, so that no cache helps. imgproxy is a Go program on libvips; its container image or a build of its source tree
(Go, ``libvips-dev``) serves. CPU time is that of the server's process and all below it, children that ended included.
SSIMULACRA2 is against the exact result.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import os
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pillow_heif
import pillow_tpg
from PIL import Image, ImageSequence

from bench.common import SHARED, Report, argument_parser, machine_name, tree_seconds
from bench.peer_cases import CASES, PIPELINES, Case, distinct, make_sources, reference
from openmogr.testing import ServerProcess

BUCKET = "bench-1250000000"
# Servers and engines take turns, so that other work on the machine costs all of them the same.
IN_A_ROW = 4


@dataclass(frozen=True)
class Row:
    """What one server or engine needed for one case; CPU in milliseconds per request."""

    case: str
    who: str
    cpu: float
    bytes: int
    ssimulacra2: float


@dataclass(frozen=True)
class Server:
    """Where requests go, and whose CPU time counts."""

    name: str
    pid: int
    template: str


def ask(server: Server, case: Case, numbers: range) -> tuple[float, bytes]:
    """CPU milliseconds per request, and the last answer."""
    answer = b""
    before = tree_seconds(server.pid)
    for number in numbers:
        url = server.template.format(
            file=f"{number}-{case.source}", pipeline=case.pipeline, options=case.options, form=case.form
        )
        with urllib.request.urlopen(url, timeout=60) as response:
            answer = response.read()
    return 1000 * (tree_seconds(server.pid) - before) / len(numbers), answer


def work(pipeline: Callable[[Case, bytes], bytes], case: Case, data: bytes, runs: int) -> tuple[float, bytes]:
    """CPU milliseconds per run in this process, and the result."""
    result = b""
    before = time.process_time()
    for _ in range(runs):
        result = pipeline(case, data)
    return 1000 * (time.process_time() - before) / runs, result


def score(references: list[pillow_tpg.Ssimulacra2], result: bytes) -> float:
    with Image.open(io.BytesIO(result)) as image:
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(image)][::8]
    return statistics.fmean(one.score(frame) for one, frame in zip(references, frames, strict=True))


def write_copies(folder: Path, case: Case, count: int) -> list[str]:
    data = (folder / case.source).read_bytes()
    names = [f"{number}-{case.source}" for number in range(count)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(distinct(data, number))
    return names


def own_server(stack: ExitStack, data: Path) -> tuple[ServerProcess, Server]:
    """This repository's, in a process of its own."""
    process = stack.enter_context(ServerProcess(data, {"results": {"max_bytes": 0}}))
    below = [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    pid = next(pid for pid in below if b"openmogr.testing" in Path(f"/proc/{pid}/cmdline").read_bytes())
    process.request("PUT", f"/{BUCKET}", b"", {"x-cos-acl": "public-read"})
    return process, Server("openmogr", pid, f"http://127.0.0.1:{process.port}/{BUCKET}/{{file}}?{{pipeline}}")


def measure(arguments: argparse.Namespace, folder: Path, stack: ExitStack) -> Iterator[Row]:
    servers = [Server(name, int(pid), template) for name, pid, template in arguments.server]
    process = None
    if not arguments.no_own:
        process, own = own_server(stack, folder / "data")
        servers.insert(0, own)
    engines = [name for name in PIPELINES if name != "vips" or importlib.util.find_spec("pyvips")]
    for case in CASES:
        if arguments.only and arguments.only not in case.name:
            continue
        data = (folder / case.source).read_bytes()
        names = write_copies(folder, case, arguments.requests + 1)
        for name in names if process else ():
            body = (folder / name).read_bytes()
            assert process is not None
            process.request("PUT", f"/{BUCKET}/{name}", body, {"x-cos-acl": "public-read"})
        references = [pillow_tpg.Ssimulacra2(frame) for frame in reference(case, data)]
        contenders: dict[str, Callable[[range], tuple[float, bytes]]] = {
            server.name: partial(ask, server, case) for server in servers
        }
        for name in engines:
            if name != "vips" or not case.source.endswith(".heic"):  # its wheels hold no HEVC
                contenders[f"in process: {name}"] = partial(_runs, PIPELINES[name], case, data)
        for who, (cpu, result) in in_turns(contenders, arguments.requests).items():
            yield Row(case.name, who, cpu, len(result), score(references, result))


def _runs(
    pipeline: Callable[[Case, bytes], bytes], case: Case, data: bytes, numbers: range
) -> tuple[float, bytes]:
    return work(pipeline, case, data, len(numbers))


def in_turns(
    contenders: dict[str, Callable[[range], tuple[float, bytes]]], requests: int
) -> dict[str, tuple[float, bytes]]:
    """CPU milliseconds per request, the median of rounds in which each has its turn, and the last result."""
    for contender in contenders.values():
        contender(range(1))
    spent: dict[str, list[float]] = {who: [] for who in contenders}
    results = {}
    for start in range(1, requests + 1, IN_A_ROW):
        for who, contender in contenders.items():
            cpu, results[who] = contender(range(start, min(start + IN_A_ROW, requests + 1)))
            spent[who].append(cpu)
    return {who: (statistics.median(spent[who]), results[who]) for who in contenders}


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--server", nargs=3, action="append", default=[], metavar=("NAME", "PID", "TEMPLATE"))
    parser.add_argument("--no-own", action="store_true", help="do not start this repository's server")
    parser.add_argument("--requests", type=int, default=20, help="per case, to each")
    parser.add_argument("--only", help="cases whose name has this in it")
    parser.add_argument("--sources", type=Path, help="keep the sources in this folder")
    parser.add_argument("--shared", type=Path, default=SHARED, help="where the photos are")
    arguments = parser.parse_args()
    pillow_heif.register_heif_opener()
    os.environ["VIPS_CONCURRENCY"] = "1"
    print(f"machine: {machine_name()}")
    print(f"{'case':30} {'who':20} {'CPU ms':>9} {'kB':>9} {'SSIM.2':>9}")
    with ExitStack() as stack, Report("peers", arguments) as report:
        folder = arguments.sources or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        make_sources(arguments.shared, folder)
        for row in measure(arguments, folder, stack):
            numbers = f"{row.cpu:9.1f} {row.bytes / 1000:9.1f} {row.ssimulacra2:9.2f}"
            print(f"{row.case:30} {row.who:20} {numbers}", flush=True)
            report.add(
                "requests",
                case=row.case,
                who=row.who,
                cpu_ms=row.cpu,
                bytes=row.bytes,
                ssimulacra2=row.ssimulacra2,
            )


if __name__ == "__main__":
    main()
