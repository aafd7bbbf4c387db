"""`openmogr compress` beside the native encoders under `xargs`: `python -m bench.command_line`.

Both sides compress the same photos (crops of those of `../shared/corpus/photos`) with as many processes as there are
processors; they take turns, start-up included. Two rows for each format: one with what the native encoder is usually
called with, and one with the settings that `openmogr` has itself: effort, chroma, quantiser, threads. What still
differs are the libraries. For that row both sides are judged, too (SSIMULACRA2, `openmogr[tpg]`): the native encoder
goes to neighbouring settings until it is as good, which gives its bytes and processor time at equal quality.

Times by the clock are the least of some runs and need an idle machine; those of processors hardly do. Debian has the
encoders: `apt install webp libavif-bin libheif-examples`.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bench.common import Report, argument_parser, machine_name, photo_paths
from openmogr.image.formats.heif import PHOTO
from openmogr.image.formats.registry import TARGETS
from openmogr.image.quality.metric import has_metric, scorer

_SUBREAPER = 36
_HEIF = " ".join(f"-p x265:{name}={value}" for name, value in {**PHOTO, "pools": "1"}.items())


@dataclass(frozen=True)
class Native:
    """An encoder.

    Attributes:
        usual: what it is called with; {} is the source, {out} the output.
        equal: the same with our settings, {q} its own for the quality.
        finer: what is added to that for the next better one.
        best: the best one.
        setting: its own for that of the library behind ours.
        faster: what ours is called with in a further row, beside the same; empty: there is none.
    """

    usual: str
    equal: str
    finer: int
    best: int
    setting: Callable[[int], int]
    faster: tuple[str, ...] = ()


NATIVE = {
    "webp": Native(
        "cwebp -quiet -q 75 -m 4 {} -o {out}",
        "cwebp -quiet -q {q} -m 4 {} -o {out}",
        1,
        100,
        lambda ours: ours,
    ),
    "avif": Native(
        "avifenc --jobs 1 --speed 6 --min 20 --max 30 {} {out}",
        "avifenc --jobs 1 --speed 6 -y 420 --min {q} --max {q} {} {out}",
        -1,
        0,
        # As libavif does it.
        lambda ours: ((100 - ours) * 63 + 50) // 100,
        # A higher speed.
        ("--effort", "2"),
    ),
    "heic": Native(
        "heif-enc -q 50 {} -o {out}", f"heif-enc -q {{q}} {_HEIF} {{}} -o {{out}}", 1, 100, lambda ours: ours
    ),
}


@dataclass(frozen=True)
class Took:
    """What a run took, in seconds by the clock and of all processors."""

    clock: float
    cpu: float


def make_photos(folder: Path, count: int) -> None:
    """So many pictures of 640 x 480 pixels: crops of all photos at places that differ."""
    paths = photo_paths()
    for number in range(count):
        with Image.open(paths[number % len(paths)]) as photo:
            step = number // len(paths)
            left, top = 13 * step % (photo.width - 640 + 1), 7 * step % (photo.height - 480 + 1)
            photo.convert("RGB").crop((left, top, left + 640, top + 480)).save(folder / f"{number:03}.png")


def took(command: Sequence[str] | str) -> Took:
    """Run a command, and wait for whatever it leaves behind."""
    before, since = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        command,
        shell=isinstance(command, str),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    clock = time.perf_counter() - since
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def natively(folder: Path, out: Path, command: str, jobs: int, count: int = 0) -> Took:
    """A native encoder over all pictures, or the first ones."""
    first = f"| head -{count} " if count else ""
    each = command.replace("{out}", f"{out}/{{}}")
    return took(f"cd {folder} && ls *.png {first}| xargs -P{jobs} -I{{}} {each}")


def ourselves(folder: Path, out: Path, name: str, jobs: int, more: Sequence[str] = ()) -> Took:
    """The same by our command."""
    words = [sys.executable, "-m", "openmogr", "compress", str(folder), "-f", name, "--out", str(out)]
    return took([*words, "-j", str(jobs), "--quiet", "--overwrite", *more])


def bytes_of(out: Path) -> int:
    """All that lies in a folder."""
    return sum(path.stat().st_size for path in out.iterdir())


def score_of(folder: Path, out: Path, name: str, count: int) -> float:
    """The mean of SSIMULACRA2 of the first pictures, whatever their outputs are called."""
    container = TARGETS[name].container
    container.check_writable()  # opens its library
    scores = []
    for source, made in zip(sorted(folder.glob("*.png"))[:count], sorted(out.iterdir()), strict=False):
        with Image.open(source) as picture, made.open("rb") as stream:
            scores.append(scorer(picture.convert("RGB"))(container.open(stream).image))
    return sum(scores) / len(scores)


@dataclass(frozen=True)
class Point:
    """One setting of a native encoder over the pictures that are judged."""

    score: float
    size: int
    cpu: float


def at_equal_quality(measure: Callable[[int], Point], native: Native, start: int, score: float) -> Point:
    """What a native encoder takes for a score, between the two settings beside it."""
    setting, found = start, measure(start)
    step = native.finer if found.score < score else -native.finer
    while True:
        if setting == native.best and step == native.finer:
            return found
        beside = measure(setting + step)
        if (beside.score < score) != (found.score < score):
            part = (score - found.score) / (beside.score - found.score)
            size = math.exp((1 - part) * math.log(found.size) + part * math.log(beside.size))
            return Point(score, round(size), (1 - part) * found.cpu + part * beside.cpu)
        setting, found = setting + step, beside


@dataclass(frozen=True)
class Kind:
    """A row: what it is called, the native command, and what ours is called with besides."""

    name: str
    command: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """What is measured.

    Attributes:
        folder: of the pictures.
        jobs: at a time.
        rounds: of each.
        judged: so many of the pictures.
    """

    folder: Path
    jobs: int
    rounds: int
    judged: int


def in_turns(run: Run, name: str, kind: Kind, ours: Path, theirs: Path) -> dict[str, float]:
    """Times and bytes of both sides; their outputs stay."""
    mine, other = [], []
    for _ in range(run.rounds):
        other.append(natively(run.folder, theirs, kind.command, run.jobs))
        mine.append(ourselves(run.folder, ours, name, run.jobs, kind.more))
    row: dict[str, float] = {}
    for side, times in (("native", other), ("our", mine)):
        row[f"{side}_seconds"] = min(each.clock for each in times)
        row[f"{side}_cpu_seconds"] = min(each.cpu for each in times)
    row["ratio"] = row["our_seconds"] / row["native_seconds"]
    row["cpu_ratio"] = row["our_cpu_seconds"] / row["native_cpu_seconds"]
    return {**row, "native_bytes": bytes_of(theirs), "our_bytes": bytes_of(ours)}


def judged(run: Run, name: str, start: int, ours: Path, theirs: Path) -> dict[str, float]:
    """Scores at equal settings, and what the native encoder takes at equal quality, relative to ours."""
    native = NATIVE[name]
    mine = score_of(run.folder, ours, name, run.judged)
    row = {"our_score": mine, "native_score": score_of(run.folder, theirs, name, run.judged)}
    known: dict[int, Point] = {}

    def measure(setting: int) -> Point:
        if setting not in known:
            with tempfile.TemporaryDirectory() as place:
                command = native.equal.replace("{q}", str(setting))
                cpu = natively(run.folder, Path(place), command, run.jobs, run.judged).cpu
                score = score_of(run.folder, Path(place), name, run.judged)
                known[setting] = Point(score, bytes_of(Path(place)), cpu)
        return known[setting]

    equal, same = at_equal_quality(measure, native, start, mine), measure(start)
    own = sum(path.stat().st_size for path in sorted(ours.iterdir())[: run.judged])
    row["size_at_equal_score"] = own / equal.size
    # Our time is that of all pictures, without the start that the first ones would bear alone.
    row["native_cpu_at_equal_score"] = equal.cpu / same.cpu
    return row


def show(name: str, kind: str, row: dict[str, float]) -> None:
    """A line of the table."""
    line = f"{name:6}{kind:15}{row['native_seconds']:8.2f}{row['our_seconds']:8.2f}{row['ratio']:7.2f}"
    line += f"{row['native_cpu_seconds']:9.2f}{row['our_cpu_seconds']:8.2f}{row['cpu_ratio']:7.2f}"
    line += f"{row['native_bytes'] / 1000:9.0f}{row['our_bytes'] / 1000:8.0f}"
    if "our_score" in row:
        line += f"{row['native_score']:9.2f}{row['our_score']:8.2f}"
        ratio = row["cpu_ratio"] / row["native_cpu_at_equal_score"]
        line += f"{row['size_at_equal_score']:9.3f}{ratio:8.2f}"
    print(line, flush=True)


def compare(run: Run, name: str, report: Report) -> None:
    """All rows of a format."""
    native = NATIVE[name]
    container = TARGETS[name].container
    start = native.setting(container.setting(container.default_quality))
    equal = native.equal.replace("{q}", str(start))
    kinds = [Kind("usual", native.usual), Kind("equal settings", equal)]
    if native.faster:
        kinds.append(Kind(" ".join(native.faster), equal, native.faster))
    for kind in kinds:
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            ours, theirs = Path(first), Path(second)
            row = in_turns(run, name, kind, ours, theirs)
            if kind.command == equal and run.judged and has_metric():
                row |= judged(run, name, start, ours, theirs)
        show(name, kind.name, row)
        report.add("formats", format=name, settings=kind.name, command=kind.command, **row)


def main(options: argparse.Namespace) -> None:
    """Print a table."""
    # What ends after its parent did is waited for here, so that its time is known.
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    print(machine_name())
    print(f"{options.pictures} photos of 640 x 480, {options.jobs} at a time, least of {options.rounds} runs")
    print("seconds by the clock and of processors, kB, mean SSIMULACRA2; = s: our size and processor time,")
    print("relative to those of the native encoder where it is as good\n")
    heads = ("format", "", "native", "ours", "ratio", "cpu", "ours", "ratio", "kB", "ours", "score", "ours")
    widths = (-6, -15, 8, 8, 7, 9, 8, 7, 9, 8, 9, 8)
    cells = (
        f"{head:<{-width}}" if width < 0 else f"{head:>{width}}"
        for head, width in zip(heads, widths, strict=True)
    )
    print(f"{''.join(cells)}{'= s kB':>9}{'= s cpu':>8}")
    with tempfile.TemporaryDirectory() as place, Report("command_line", options) as report:
        make_photos(Path(place), options.pictures)
        run = Run(Path(place), options.jobs, options.rounds, min(options.judged, options.pictures))
        for name in options.formats:
            program = NATIVE[name].usual.partition(" ")[0]
            if shutil.which(program) is None:
                print(f"{name:6}{program} is not installed")
                continue
            compare(run, name, report)


if __name__ == "__main__":
    parser = argument_parser(__doc__)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--judged", type=int, default=24, help="pictures that are judged; 0: none")
    parser.add_argument("--formats", nargs="+", default=list(NATIVE), choices=list(NATIVE))
    main(parser.parse_args())
