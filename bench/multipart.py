"""Uploads in parts and downloads beside versitygw: `python -m bench.multipart`.

One client, rclone, sends a file of noise in parts of 5 MiB over four connections to this server and to versitygw
(``make clients``), both by the protocol of S3, and fetches it again; they take turns. What is printed is the time from
rclone's start to its end, and the CPU time of the server alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.common import Report, argument_parser, machine_name, tree_seconds
from openmogr.testing import ServerProcess
from tests.versitygw import BUILT, KEY, SECRET, VersityGW

BUCKET = "parts-1250000000"


@dataclass
class Server:
    """One of the two, and what was measured: seconds by the clock, CPU seconds of the server.

    Attributes:
        remote: in rclone's words.
    """

    name: str
    pid: int
    remote: str
    put: list[tuple[float, float]] = field(default_factory=list)
    fetched: list[tuple[float, float]] = field(default_factory=list)


def remote(endpoint: str, key: str, secret: str, region: str) -> str:
    """An S3 server in rclone's words, without a file of settings."""
    return (
        f":s3,provider=Other,access_key_id={key},secret_access_key={secret},region={region},"
        f"force_path_style=true,endpoint='{endpoint}':"
    )


def start(stack: ExitStack, folder: Path) -> list[Server]:
    """Both servers, with a bucket each."""
    if not BUILT.is_file() or shutil.which("rclone") is None:
        raise SystemExit("rclone or versitygw is missing: apt install rclone; make clients")
    ours = stack.enter_context(ServerProcess(folder / "openmogr"))
    other = stack.enter_context(VersityGW(folder / "versitygw"))
    credential = ours.credential
    servers = [
        Server(
            "openmogr",
            ours.pid,
            remote(
                f"http://127.0.0.1:{ours.port}", credential.secret_id, credential.secret_key, "ap-shanghai"
            ),
        ),
        Server("versitygw", other.pid, remote(other.endpoint, KEY, SECRET, "us-east-1")),
    ]
    for server in servers:
        rclone("mkdir", server.remote + BUCKET)
    return servers


def rclone(*arguments: str) -> None:
    """Run it; what it says is shown only where it fails."""
    command = ("rclone", "--config", os.devnull, "--retries", "1", "--low-level-retries", "1", *arguments)
    # What the machine's owner set for Amazon is not for these servers.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"rclone {arguments[0]}: {ended.stderr}")


def measure(server: Server, found: list[tuple[float, float]], *arguments: str) -> None:
    """One run of rclone."""
    cpu, started = tree_seconds(server.pid), time.perf_counter()
    rclone(*arguments)
    found.append((time.perf_counter() - started, tree_seconds(server.pid) - cpu))


def run(servers: Sequence[Server], folder: Path, options: argparse.Namespace) -> None:
    """All turns; the first of each is to warm up and does not count."""
    source, target = folder / "source", folder / "target"
    source.write_bytes(os.urandom(options.parts * (5 << 20)))
    parts = (
        "--s3-upload-cutoff",
        "5M",
        "--s3-chunk-size",
        "5M",
        "--s3-upload-concurrency",
        "4",
        "--s3-no-check-bucket",
    )
    for turn in range(options.turns + 1):
        for server in servers:
            place = f"{server.remote}{BUCKET}/{turn}"
            measure(server, server.put, "copyto", *parts, str(source), place)
            measure(server, server.fetched, "copyto", "--multi-thread-streams", "0", place, str(target))
            if target.read_bytes() != source.read_bytes():
                raise SystemExit(f"{server.name} gave other bytes than it was given")
            target.unlink()


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--parts", type=int, default=40, help="of 5 MiB, of the file")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    size = options.parts * 5 * 1.048576
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = start(stack, folder)
        run(servers, folder, options)
    with Report("multipart", options) as report:
        print(f"{machine_name()}, {size:.0f} MB, medians of {options.turns} turns\n")
        print(
            "| server | upload MB/s | server's CPU s | download MB/s | server's CPU s |\n|---|---:|---:|---:|---:|"
        )
        for server in servers:
            upload, upload_cpu = (statistics.median(column) for column in zip(*server.put[1:], strict=True))
            download, download_cpu = (
                statistics.median(column) for column in zip(*server.fetched[1:], strict=True)
            )
            report.add(
                "multipart",
                server=server.name,
                upload_mb_per_second=size / upload,
                upload_cpu_seconds=upload_cpu,
                download_mb_per_second=size / download,
                download_cpu_seconds=download_cpu,
            )
            print(
                f"| {server.name} | {size / upload:.0f} | {upload_cpu:.2f} "
                f"| {size / download:.0f} | {download_cpu:.2f} |"
            )


if __name__ == "__main__":
    main()
