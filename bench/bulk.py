"""`openmogr bulk` killed again and again, from one worker to two, and beside a shell loop: `python -m bench.bulk`.

kills: small pictures on a Ray cluster of two raylets, while processes that work on pictures, Ray's own, the second
raylet and the driver are ended by `kill -9` at random points. The results are compared, byte for byte, with those of
a run on this machine alone that nobody disturbed. scaling: the same photos by one worker and by two. native: cwebp
under `xargs -P2`.

CPU seconds are told beside those of the clock, and the load of the machine: on one that others use too only the
former mean something. Debian has the encoder: `apt install webp`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from bench.command_line import make_photos
from bench.common import Report, argument_parser, machine_name
from bench.processes import below, is_alive, own_memory
from bench.ray_cluster import RayCluster

SMALL_OP = "imageMogr2/thumbnail/80x/format/webp"
PHOTO_OP = "imageMogr2/format/webp/quality/75"
_KINDS = ("picture process", "Ray worker", "raylet", "driver")


def make_small(folder: Path, count: int) -> None:
    """Pictures of 64 to 200 pixels, half JPEG and half PNG, in folders of a thousand; each is another."""
    numbers = random.Random(20)
    for number in range(count):
        suffix, kind = ((".jpg", "JPEG"), (".png", "PNG"))[number % 2]
        path = folder / f"{number // 1000:03}" / f"{number:06}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        small = Image.frombytes("RGB", (6, 6), numbers.randbytes(108))
        size = numbers.randint(64, 200), numbers.randint(64, 200)
        small.resize(size, Image.Resampling.BICUBIC).save(path, kind)


@dataclass
class Watched:
    """A run that is looked at while it lasts.

    Attributes:
        memory: bytes of its first process at every look.
    """

    process: subprocess.Popen[str]
    memory: list[int] = field(default_factory=list)


@contextmanager
def watched(process: subprocess.Popen[str]) -> Iterator[Watched]:
    """Look at a process twice a second until it ends."""
    found, over = Watched(process), threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            found.memory.append(own_memory(process.pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def command(source: Path, target: Path, operation: str, *more: str) -> list[str]:
    """Of a run."""
    own = [sys.executable, "-m", "openmogr", "bulk", str(source), str(target), "--op", operation]
    return [*own, "--json", "--quiet", *more]


def started(arguments: Sequence[str], environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """A process whose output is read."""
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )


def run(arguments: Sequence[str]) -> tuple[dict[str, Any], Watched, float]:
    """A run to its end: its summary, what was seen of it, and seconds by the clock."""
    since = time.perf_counter()
    with watched(started(arguments)) as seen:
        out, _ = seen.process.communicate()
    if seen.process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with status {seen.process.returncode}")
    return json.loads(out.splitlines()[-1])["summary"], seen, time.perf_counter() - since


def files(target: Path) -> int:
    """How many results there are."""
    return sum(len(names) for place, _, names in os.walk(target) if ".openmogr-bulk" not in place)


def differences(one: Path, other: Path) -> tuple[int, int]:
    """Results of the one that the other has not or has otherwise; and what the other has besides, parts included."""
    wanted = {path.relative_to(one) for path in one.rglob("*.webp")}
    there = {path.relative_to(other) for path in other.rglob("*") if path.is_file()}
    there = {path for path in there if path.parts[0] != ".openmogr-bulk" or "parts" in path.parts}
    wrong = sum(
        path not in there or (one / path).read_bytes() != (other / path).read_bytes() for path in wanted
    )
    return wrong, len(there - wanted)


class Killer:
    """Runs a command on a cluster, killing what works for it, until it has ended well.

    Args:
        cluster: running.
        arguments: of the command.
        target: where results come.
        count: of sources.
        kills: of each kind.
    """

    def __init__(
        self, cluster: RayCluster, arguments: Sequence[str], target: Path, count: int, kills: int
    ) -> None:
        self._cluster, self._arguments, self._target = cluster, arguments, target
        self._numbers = random.Random(7)
        kinds = list(_KINDS) * kills
        self._numbers.shuffle(kinds)
        places = sorted(self._numbers.uniform(0.03, 0.9) * count for _ in kinds)
        self._plan = list(zip(places, kinds, strict=True))
        self.killed: Counter[str] = Counter()
        self.drivers = 0
        self.memory = 0

    def run(self) -> list[dict[str, Any]]:
        """The summaries of all drivers that came to an end."""
        summaries = []
        while True:
            self.drivers += 1
            with watched(started(self._arguments, self._cluster.environment)) as seen:
                self._go_on(seen.process)
                out, _ = seen.process.communicate()
            self.memory = max(self.memory, *seen.memory, 0)
            if seen.process.returncode >= 0:
                if seen.process.returncode:
                    raise SystemExit(f"a driver ended with status {seen.process.returncode}: {out}")
                summaries.append(json.loads(out.splitlines()[-1])["summary"])
                if not self._plan:
                    return summaries

    def _go_on(self, process: subprocess.Popen[str]) -> None:
        while process.poll() is None and self._plan:
            if files(self._target) < self._plan[0][0]:
                time.sleep(0.2)
                continue
            time.sleep(self._numbers.uniform(0, 0.3))
            if self._kill(self._plan[0][1], process):
                self._plan.pop(0)
            if process.poll() is not None:
                return
        if process.poll() is not None:
            # It was over before its time had come.
            self._plan.clear()

    def _kill(self, kind: str, driver: subprocess.Popen[str]) -> bool:
        workers = self._cluster.workers()
        victims = {
            "picture process": [pid for worker in workers for pid in below(worker) if not below(pid)],
            "Ray worker": workers,
            "raylet": self._cluster.raylets[-1:],
            "driver": [driver.pid],
        }[kind]
        alive = [pid for pid in victims if is_alive(pid)]
        if not alive:
            time.sleep(0.1)
            return False
        os.kill(self._numbers.choice(alive), signal.SIGKILL)
        self.killed[kind] += 1
        if kind == "raylet":
            self._cluster.add_node()
        if kind == "driver":
            driver.wait()
        return True


def kills(options: argparse.Namespace, place: Path, report: Report) -> None:
    """Print what came of it."""
    source, whole, target = place / "small", place / "whole", place / "killed"
    make_small(source, options.pictures)
    alone, seen, seconds = run(command(source, whole, SMALL_OP, "-j2"))
    middle = len(seen.memory) // 2
    half, rest = max(seen.memory[: middle + 1]), max(seen.memory[middle:])
    print(f"undisturbed, on this machine: {alone['done']} pictures in {seconds:.0f} s, {cpu_words(alone)}")
    print(
        f"  memory of the driver: {half >> 20} MiB at most in the first half, {rest >> 20} MiB in the second"
    )
    with RayCluster(2) as cluster:
        arguments = command(source, target, SMALL_OP, "--ray", cluster.address, "--batch-seconds", "2")
        killer = Killer(cluster, arguments, target, options.pictures, options.kills)
        since = time.perf_counter()
        summaries = killer.run()
        seconds = time.perf_counter() - since
    wrong, more = differences(whole, target)
    told = ", ".join(f"{number} of a {kind}" for kind, number in sorted(killer.killed.items()))
    print(
        f"on two raylets: {killer.killed.total()} kills ({told}), {killer.drivers} drivers, {seconds:.0f} s"
    )
    print(f"  memory of the driver: {killer.memory >> 20} MiB at most")
    print(f"  wrong or missing results: {wrong}; files besides: {more}; failures: {summaries[-1]['failed']}")
    report.add(
        "kills",
        pictures=options.pictures,
        drivers=killer.drivers,
        seconds=seconds,
        wrong=wrong,
        besides=more,
        failed=sum(summary["failed"] for summary in summaries),
        cpu_seconds_each_alone=alone["cpu_seconds_each"],
        memory_first_half=half,
        memory_second_half=rest,
        memory_of_drivers=killer.memory,
        **{f"killed_{kind.replace(' ', '_')}": number for kind, number in killer.killed.items()},
    )
    if wrong or more or summaries[-1]["failed"]:
        raise SystemExit(1)


def cpu_words(summary: dict[str, Any]) -> str:
    """Of a run."""
    return f"{summary['cpu_seconds']:.1f} s of CPU, {1000 * summary['cpu_seconds_each']:.2f} ms a picture"


def scaling(options: argparse.Namespace, place: Path, report: Report) -> None:
    """Print a table: one worker and two, in turn."""
    source = place / "photos"
    if not source.exists():
        source.mkdir()
        make_photos(source, options.photos)
    print(f"{'workers':10}{'seconds':>10}{'CPU s':>10}{'ms CPU each':>14}{'load':>8}")
    best: dict[int, tuple[float, float]] = {}
    for number in range(2 * options.rounds):
        jobs = 1 + number % 2
        with tempfile.TemporaryDirectory(dir=place) as target:
            summary, _, _ = run(command(source, Path(target), PHOTO_OP, f"-j{jobs}"))
        seconds, cpu = summary["seconds"], summary["cpu_seconds"]
        load = os.getloadavg()[0]
        print(f"{jobs:<10}{seconds:10.2f}{cpu:10.2f}{1000 * cpu / summary['done']:14.2f}{load:8.1f}")
        before = best.get(jobs, (1e9, 1e9))
        best[jobs] = min(before[0], seconds), min(before[1], cpu)
        report.add("scaling", workers=jobs, seconds=seconds, cpu_seconds=cpu, load=load)
    wall, work = best[1][0] / best[2][0] / 2, best[1][1] / best[2][1]
    print(f"efficiency from one to two: {wall:.2f} by the clock, {work:.2f} by CPU seconds (least of each)")
    report.add("efficiency", by_clock=wall, by_cpu=work)


def children_seconds() -> float:
    """CPU seconds of all processes that this one has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def native(options: argparse.Namespace, place: Path, report: Report) -> None:
    """Print both sides, in turn. Our CPU seconds are those of the summary: without the start of Python, about one."""
    if shutil.which("cwebp") is None:
        print("cwebp is not installed")
        return
    source = place / "photos"
    if not source.exists():
        source.mkdir()
        make_photos(source, options.photos)
    loop = f"ls {source}/*.png | xargs -P2 -I{{}} cwebp -quiet -q 75 -m 4 {{}} -o {{}}.webp"
    print(f"{'':16}{'seconds':>10}{'CPU s':>10}{'load':>8}")
    for _ in range(options.rounds):
        before, since = children_seconds(), time.perf_counter()
        subprocess.run(loop, shell=True, check=True)
        rows = [("xargs cwebp", time.perf_counter() - since, children_seconds() - before)]
        for path in source.glob("*.webp"):
            path.unlink()
        with tempfile.TemporaryDirectory(dir=place) as target:
            summary, _, seconds = run(command(source, Path(target), PHOTO_OP, "-j2"))
        rows.append(("openmogr bulk", seconds, summary["cpu_seconds"]))
        for name, seconds, cpu in rows:
            load = os.getloadavg()[0]
            print(f"{name:16}{seconds:10.2f}{cpu:10.2f}{load:8.1f}")
            report.add("native", side=name, seconds=seconds, cpu_seconds=cpu, load=load)


_PARTS = {"kills": kills, "scaling": scaling, "native": native}


def main(options: argparse.Namespace) -> None:
    """Print tables."""
    print(machine_name())
    print(f"load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory(dir=options.folder) as place, Report("bulk", options) as report:
        for name in options.only:
            print(f"== {name}")
            _PARTS[name](options, Path(place), report)


if __name__ == "__main__":
    parser = argument_parser(__doc__)
    parser.add_argument("--pictures", type=int, default=20_000, help="small ones, of kills")
    parser.add_argument("--kills", type=int, default=3, help="of each kind")
    parser.add_argument("--photos", type=int, default=400, help="of 640 x 480, of scaling and native")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(_PARTS), default=list(_PARTS))
    parser.add_argument("--folder", type=Path, help="where pictures are made; the system's by default")
    main(parser.parse_args())
