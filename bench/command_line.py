"""`openmogr compress` beside the native encoders under `xargs`: `python -m bench.command_line`.

Both sides compress the same photos (crops of those of `../shared/corpus/photos`) with as many processes as there are
processors; they take turns, start-up included. Times are by the clock, the least of some runs: the machine should
have nothing else to do. Debian has the encoders: `apt install webp libavif-bin libheif-examples`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from bench.common import Report, argument_parser, machine_name, photo_paths

# What native encoders are called with; {} is the source, which their outputs lie beside.
NATIVE = {
    "webp": "cwebp -quiet -q 75 -m 4 {} -o {}.webp",
    "avif": "avifenc --jobs 1 --speed 6 --min 20 --max 30 {} {}.avif",
    "heic": "heif-enc -q 50 {} -o {}.heic",
}


def make_photos(folder: Path, count: int) -> None:
    """So many pictures of 640 x 480 pixels: crops of all photos at places that differ."""
    paths = photo_paths()
    for number in range(count):
        with Image.open(paths[number % len(paths)]) as photo:
            step = number // len(paths)
            left, top = 13 * step % (photo.width - 640 + 1), 7 * step % (photo.height - 480 + 1)
            photo.convert("RGB").crop((left, top, left + 640, top + 480)).save(folder / f"{number:03}.png")


def seconds(command: Sequence[str] | str) -> float:
    """How long a command takes, by the clock."""
    since = time.perf_counter()
    subprocess.run(
        command,
        shell=isinstance(command, str),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - since


def compare(folder: Path, name: str, jobs: int, rounds: int) -> dict[str, float]:
    """Seconds and bytes of both sides, and the ratio of ours to theirs."""
    theirs = f"ls {folder}/*.png | xargs -P{jobs} -I{{}} {NATIVE[name]}"
    times: dict[str, list[float]] = {"native": [], "ours": []}
    size = {"native": 0, "ours": 0}
    for _ in range(rounds):
        times["native"].append(seconds(theirs))
        made = list(folder.glob(f"*.{name}"))
        size["native"] = sum(path.stat().st_size for path in made)
        for path in made:
            path.unlink()
        with tempfile.TemporaryDirectory() as out:
            ours = [sys.executable, "-m", "openmogr", "compress", str(folder), "-f", name, "--out", out]
            times["ours"].append(seconds([*ours, "-j", str(jobs), "--quiet"]))
            size["ours"] = sum(path.stat().st_size for path in Path(out).glob(f"*.{name}"))
    best = {side: min(found) for side, found in times.items()}
    return {
        "native_seconds": best["native"],
        "our_seconds": best["ours"],
        "ratio": best["ours"] / best["native"],
        "native_bytes": size["native"],
        "our_bytes": size["ours"],
    }


def main(options: argparse.Namespace) -> None:
    """Print a table."""
    print(machine_name())
    print(
        f"{options.pictures} photos of 640 x 480, {options.jobs} at a time, least of {options.rounds} runs\n"
    )
    print(f"{'format':8}{'native s':>10}{'ours s':>10}{'ratio':>8}{'native kB':>12}{'ours kB':>10}")
    with tempfile.TemporaryDirectory() as place, Report("command_line", options) as report:
        make_photos(Path(place), options.pictures)
        for name in options.formats:
            program = NATIVE[name].partition(" ")[0]
            if shutil.which(program) is None:
                print(f"{name:8}{program} is not installed")
                continue
            row = compare(Path(place), name, options.jobs, options.rounds)
            print(
                f"{name:8}{row['native_seconds']:10.2f}{row['our_seconds']:10.2f}{row['ratio']:8.2f}"
                f"{row['native_bytes'] / 1000:12.0f}{row['our_bytes'] / 1000:10.0f}"
            )
            report.add("formats", format=name, **row)


if __name__ == "__main__":
    parser = argument_parser(__doc__)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", nargs="+", default=list(NATIVE), choices=list(NATIVE))
    main(parser.parse_args())
