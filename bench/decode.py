"""Speed and memory of the TPG decoder on genuine files: `python bench/decode.py`.

Every file and thread count runs in a process of its own, so that peak memory is its own. Output are the planes of
the frame, 1.5 bytes per pixel (2.5 with alpha); memory is what the peak adds to the process that has imported the
package and read the file, less the output. Times are the best of some runs. On a machine that does other work the
CPU time is the one to trust. Files are read from `../shared/corpus/tpg` (`OPENMOGR_SHARED` names another place).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

from pillow_tpg import _pillow_tpg as native

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("OPENMOGR_SHARED", ROOT.parent / "shared"))
CORPUS = SHARED / "corpus" / "tpg"
THREADS = (1, 2)


def machine() -> str:
    """Processor, number of processors, operating system."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    return f"{name}, {os.cpu_count()} processors, {platform.system()} {platform.machine()}"


def peak() -> int:
    """Peak memory of this process in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def cpu() -> float:
    """User and system time of all threads in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure(path: Path, threads: int, repeat: int) -> dict[str, float]:
    """Decodes all frames of one file some times."""
    data = path.read_bytes()
    before = peak()
    pixels = output = memory = frames = 0
    wall = work = convert = float("inf")
    for run in range(repeat):
        start, start_cpu = time.perf_counter(), cpu()
        frames = pixels = 0
        last = None
        for frame in native.Decoder(data, threads=threads):
            pixels += frame.width * frame.height
            frames += 1
            last = frame
        wall, work = min(wall, time.perf_counter() - start), min(work, cpu() - start_cpu)
        if last is None:
            raise ValueError(f"{path.name} has no frame")
        if run == 0:
            size = last.width * last.height
            output = size * 3 // 2 + (size if last.has_alpha else 0)
            memory = peak() - before - output
        start_cpu = cpu()
        last.rgb()
        convert = min(convert, cpu() - start_cpu)
    return {
        "pixels": pixels,
        "frames": frames,
        "wall": wall,
        "cpu": work,
        "convert": convert,
        "memory": memory / (pixels / frames),
    }


def child(path: Path, threads: int, repeat: int) -> dict[str, float]:
    command = [
        sys.executable,
        __file__,
        "--one",
        str(path),
        "--threads",
        str(threads),
        "--repeat",
        str(repeat),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(result.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
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
    print(f"Machine: {machine()}\n")
    print(
        "| file | MP | frames | threads | MP/s | MP per CPU s | RGB, MP per CPU s | bytes per pixel above output |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for path in files:
        for threads in THREADS:
            found = child(path, threads, options.repeat)
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
