"""Speed and memory of the TPG decoder on genuine files: `python -m bench.decode`.

Every file and thread count runs in a process of its own, so that peak memory is its own. Output are the planes of
the frame, 1.5 bytes per pixel (2.5 with alpha); memory is what the peak adds to the process that has imported the
package and read the file, less the output. Times are the best of some runs. On a machine that does other work the
CPU time is the one to trust. Files are read from `../shared/corpus/tpg` (`OPENMOGR_SHARED` names another place).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from pillow_tpg import _pillow_tpg as native

from bench.common import SHARED, Report, argument_parser, cpu_seconds, machine_name, peak_memory, run_apart

CORPUS = SHARED / "corpus" / "tpg"
THREADS = (1, 2)


def measure(path: Path, threads: int, repeat: int) -> dict[str, float]:
    """Decodes all frames of one file some times."""
    data = path.read_bytes()
    before = peak_memory()
    pixels = output = memory = frames = 0
    wall = work = convert = float("inf")
    for run in range(repeat):
        start, start_cpu = time.perf_counter(), cpu_seconds()
        frames = pixels = 0
        last = None
        for frame in native.Decoder(data, threads=threads):
            pixels += frame.width * frame.height
            frames += 1
            last = frame
        wall, work = min(wall, time.perf_counter() - start), min(work, cpu_seconds() - start_cpu)
        if last is None:
            raise ValueError(f"{path.name} has no frame")
        if run == 0:
            size = last.width * last.height
            output = size * 3 // 2 + (size if last.has_alpha else 0)
            memory = peak_memory() - before - output
        start_cpu = cpu_seconds()
        last.rgb()
        convert = min(convert, cpu_seconds() - start_cpu)
    return {
        "pixels": pixels,
        "frames": frames,
        "wall": wall,
        "cpu": work,
        "convert": convert,
        "memory": memory / (pixels / frames),
    }


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="TPG files; without them those of the corpus")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(measure(options.one, options.threads, options.repeat)))
        return
    files = options.files or [
        path for path in sorted(CORPUS.glob("*")) if native.file_type(head(path)) == "tpg"
    ]
    if not files:
        print(f"no TPG files in {CORPUS}: name some, or set OPENMOGR_SHARED")
        return
    with Report("decode", options) as report:
        rows(files, options.repeat, report)


def rows(files: list[Path], repeat: int, report: Report) -> None:
    """Print the table."""
    print(f"Machine: {machine_name()}\n")
    print(
        "| file | MP | frames | threads | MP/s | MP per CPU s | RGB, MP per CPU s | bytes per pixel above output |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for path in files:
        for threads in THREADS:
            found = run_apart(
                "bench.decode", "--one", str(path), "--threads", str(threads), "--repeat", str(repeat)
            )
            report.add("decode", file=path.name, threads=threads, **found)
            megapixels = found["pixels"] / 1e6
            name = path.name if len(path.name) < 30 else f"{path.name[:8]}…{path.name[-8:]}"
            print(
                f"| {name} | {megapixels:.2f} | {found['frames']} | {threads} "
                f"| {megapixels / found['wall']:.1f} | {megapixels / max(found['cpu'], 1e-6):.1f} "
                f"| {megapixels / found['frames'] / max(found['convert'], 1e-6):.0f} | {found['memory']:.2f} |",
                flush=True,
            )


def head(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(16)


if __name__ == "__main__":
    main()
