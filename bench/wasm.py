"""Speed of the TPG decoder as WebAssembly in Node, beside the native one: `python -m bench.wasm`, after `make wasm`.

Kinds take turns, each run in a process of its own; times are CPU time from the bytes of a file to RGBA, the best of
some runs, and that of the first run of a process, in which the engine compiles. The ratio is that to native portable
code. Files are read from `../shared/corpus/tpg` (`OPENMOGR_SHARED` names another place).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from pathlib import Path

from pillow_tpg import _pillow_tpg as native

from bench.common import ROOT, SHARED, Report, argument_parser, cpu_seconds, machine_name, run_apart

CORPUS = SHARED / "corpus" / "tpg"
PACKAGE = ROOT / "codec" / "wasm" / "npm"
# The processor's time and not the clock's: the machine may do other work. One picture at a time is in memory.
SCRIPT = """
import { readFileSync } from 'node:fs';
const [file, entry, repeat] = process.argv.slice(1);
const { frames, load } = await import(entry);
await load();
const data = readFileSync(file);
const found = [];
for (let run = 0; run < Number(repeat); run++) {
  const start = process.cpuUsage();
  let pixels = 0;
  for await (const { width, height } of frames(data)) pixels += width * height;
  const { user, system } = process.cpuUsage(start);
  found.push({ pixels, cpu: (user + system) / 1e6 });
}
const cpu = Math.min(...found.map((run) => run.cpu));
console.log(JSON.stringify({ pixels: found[0].pixels, first: found[0].cpu, cpu }));
"""


def in_node(path: Path, repeat: int) -> dict[str, float]:
    """Decode a file some times in Node."""
    node = shutil.which("node")
    if node is None or not (PACKAGE / "dist").is_dir():
        raise SystemExit("this needs Node, and the package: make wasm")
    entry = (PACKAGE / "decode.js").as_uri()
    command = [node, "--input-type=module", "--eval", SCRIPT, "--", str(path), entry, str(repeat)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def by_native(path: Path, simd: str, repeat: int) -> dict[str, float]:
    """Decode a file some times in this process."""
    data = path.read_bytes()
    times = []
    pixels = 0
    for _ in range(repeat):
        start, pixels = cpu_seconds(), 0
        for frame in native.Decoder(data, simd=simd):
            frame.rgba()
            pixels += frame.width * frame.height
        times.append(cpu_seconds() - start)
    return {"pixels": pixels, "first": times[0], "cpu": min(times)}


def measure(path: Path, rounds: int, repeat: int) -> dict[str, dict[str, float]]:
    """The best of some rounds by kind."""
    best: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        for kind in ("scalar", "auto", "wasm"):
            if kind == "wasm":
                found = in_node(path, repeat)
            else:
                found = run_apart("bench.wasm", "--one", str(path), "--simd", kind, "--repeat", str(repeat))
            kept = best.setdefault(kind, found)
            best[kind] = {name: min(kept[name], value) for name, value in found.items()}
    return best


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="TPG files; without them those of the corpus")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--simd", default="auto", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(by_native(options.one, options.simd, options.repeat)))
        return
    files = options.files or [path for path in sorted(CORPUS.glob("*")) if is_tpg(path)]
    with Report("wasm", options) as report:
        print(f"Machine: {machine_name()}\n")
        print("| file | MP | native portable, s | native SIMD, s | WebAssembly, s | first run, s | ratio |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for path in files:
            best = measure(path, options.rounds, options.repeat)
            scalar, auto, wasm = best["scalar"], best["auto"], best["wasm"]
            ratio = wasm["cpu"] / scalar["cpu"]
            report.add(
                "wasm",
                file=path.name,
                ratio=ratio,
                **{f"{kind}_cpu": found["cpu"] for kind, found in best.items()},
            )
            print(
                f"| {path.name[:28]} | {wasm['pixels'] / 1e6:.2f} | {scalar['cpu']:.3f} | {auto['cpu']:.3f} "
                f"| {wasm['cpu']:.3f} | {wasm['first']:.3f} | {ratio:.2f} |",
                flush=True,
            )


def is_tpg(path: Path) -> bool:
    return path.is_file() and path.read_bytes().startswith(b"TPG AVS2B")


if __name__ == "__main__":
    main()
