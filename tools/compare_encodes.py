"""Encodes the same pictures with two builds of the codec and compares the files, and what they took.

    python tools/compare_encodes.py OLD_PYTHON NEW_PYTHON [--count N] [--effort N] [--size S] [--decode] [--repeat N]

Each argument is the interpreter of an environment with a build of ``pillow_tpg``. Cases are drawn with a fixed seed:
crops of many sizes, grey, alpha and animations, every effort and option. They are encoded in turn by both builds, each
in a process of its own, so that CPU times compare on a machine that does other work; the order changes from case to
case. With ``--decode`` the files of the old build are decoded by both as well. Exit status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("OPENMOGR_SHARED", ROOT.parent / "shared"))
SAMPLE = ROOT / "src" / "openmogr" / "demo" / "sample.png"
SIDES = (1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 48, 63, 64, 65, 100, 127, 129, 160)
MODES = ("L", "LA", "RGB", "RGBA")
KINDS = ("still", "still", "still", "animation")

Case: TypeAlias = dict[str, Any]


def cases(count: int, effort: int | None, size: int | None) -> list[Case]:
    """What to encode; the first cases go through the efforts and kinds in turn."""
    draw = random.Random(20)
    return [_case(draw, i, effort, size) for i in range(count)]


def _case(draw: random.Random, i: int, effort: int | None, size: int | None) -> Case:
    kind = "still" if size else KINDS[i % len(KINDS)]
    options: dict[str, Any] = {
        "qp": draw.choice((3, 12, 20, 26, 32, 38, 44, 51, 60)),
        "effort": i // len(KINDS) % 10 if effort is None else effort,
    }
    sides = (size, size) if size else (draw.choice(SIDES), draw.choice(SIDES))
    case = {"kind": kind, "photo": draw.randrange(1000), "corner": (draw.random(), draw.random())}
    case |= {"sides": sides, "mode": "RGB" if size else draw.choice(MODES), "frames": draw.randint(2, 6)}
    if size:
        return case | {"options": options}
    choices: dict[str, tuple[Any, ...]] = {
        "tools": ("full", "full", "genuine"),
        "chroma": ("sharp", "box", "lanczos"),
        "perceptual": (1.0, 1.0, 0.0, 0.5, 2.0),
        "lcu_size": (None, 32, 64),
        "threads": (1, 2),
        "simd": ("auto", "auto", "scalar"),
    }
    options |= {name: draw.choice(values) for name, values in choices.items()}
    delta, rows = draw.choice((None, (1, 1), (-2, -2))), draw.choice((0, 0, 1, 2))
    if kind == "still" and options["tools"] == "full":
        options |= {"chroma_qp_delta": delta, "slice_rows": rows}
    elif kind == "animation":
        options["alpha"] = draw.choice(("white", "keep"))
    return case | {"options": options}


@cache
def photos() -> list[Path]:
    return [SAMPLE, *sorted((SHARED / "corpus" / "photos").glob("*.png"))]


def frames_of(case: Case) -> list[Any]:
    """The pictures of a case; those of an animation are crops along a way."""
    from PIL import Image

    with Image.open(photos()[case["photo"] % len(photos())]) as photo:
        image = photo.convert("RGBA")
    width, height = case["sides"]
    room = max(width, height) + 16
    x, y = (int(share * (side - room)) for share, side in zip(case["corner"], image.size, strict=True))
    found = []
    for step in range(case["frames"] if case["kind"] == "animation" else 1):
        frame = image.crop((x + step, y + 2 * step, x + step + width, y + 2 * step + height))
        if case["mode"] in {"LA", "RGBA"}:
            frame.putalpha(Image.linear_gradient("L").resize(frame.size))
        found.append(frame.convert(case["mode"]))
    return found


def measured(call: Callable[[], bytes], repeat: int) -> tuple[bytes, float]:
    """The result and the least CPU time of some calls."""
    result, least = b"", float("inf")
    for _ in range(repeat):
        start = time.process_time()
        result = call()
        least = min(least, time.process_time() - start)
    return result, least


def encoded(case: Case, frames: list[Any]) -> bytes:
    import pillow_tpg

    options = case["options"]
    if options.get("chroma_qp_delta"):
        options["chroma_qp_delta"] = tuple(options["chroma_qp_delta"])
    if case["kind"] == "still":
        return pillow_tpg.encode(frames[0], **options)
    return pillow_tpg.encode_animation(frames, 7, **options)


def decoded(data: bytes) -> bytes:
    from pillow_tpg import _pillow_tpg as native

    return b"".join(bytes(frame.yuv420()) for frame in native.Decoder(data))


def worker() -> None:
    """Answers one job a line: a case to encode, or a file to decode."""
    for line in sys.stdin:
        job = json.loads(line)
        path = Path(job["file"])
        if job["decode"]:
            result, seconds = measured(partial(decoded, path.read_bytes()), job["repeat"])
        else:
            case = job["case"]
            result, seconds = measured(partial(encoded, case, frames_of(case)), job["repeat"])
            path.write_bytes(result)
        print(json.dumps({"hash": hashlib.sha256(result).hexdigest(), "seconds": seconds}), flush=True)


class Build:
    """A process with one build of the codec."""

    def __init__(self, python: str, folder: Path) -> None:
        self.file = folder / f"{id(self)}.tpg"
        self._python = python
        self.times = {False: 0.0, True: 0.0}
        self._process = subprocess.Popen(
            [python, __file__, "--worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, case: Case, file: Path, *, decode: bool, repeat: int) -> str:
        """The hash of what came out."""
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the worker has no pipes")
        job = {"case": case, "file": str(file), "decode": decode, "repeat": repeat}
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise SystemExit(f"the worker of {self._python} ended at {case}")
        found = json.loads(answer)
        self.times[decode] += found["seconds"]
        return str(found["hash"])

    def end(self) -> None:
        self._process.communicate()


def compare(options: argparse.Namespace, folder: Path) -> int:
    """Runs all cases; how many differ."""
    old, new = Build(options.old, folder), Build(options.new, folder)
    different = 0
    for i, case in enumerate(cases(options.count, options.effort, options.size)):
        order = (old, new) if i % 2 else (new, old)
        kinds = (False, True) if options.decode else (False,)
        for decode in kinds:
            hashes = {
                build: build.run(
                    case, old.file if decode else build.file, decode=decode, repeat=options.repeat
                )
                for build in order
            }
            if hashes[old] != hashes[new]:
                different += 1
                print(f"{'decoded' if decode else 'encoded'} otherwise: {case}")
    old.end()
    new.end()
    print(f"{options.count} cases, {different} different")
    for decode, name in ((False, "encoding"), (True, "decoding")):
        if old.times[decode] > 0:
            before, after = old.times[decode], new.times[decode]
            print(f"{name}: {before:.3f} s CPU before, {after:.3f} s after, ratio {after / before:.3f}")
    return different


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--effort", type=int, help="this effort only")
    parser.add_argument(
        "--size", type=int, help="square crops of this side and plain options, to measure speed"
    )
    parser.add_argument("--repeat", type=int, default=1, help="the least time of so many runs counts")
    parser.add_argument("--decode", action="store_true", help="decode with both builds, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        raise SystemExit(1 if compare(options, Path(folder)) else 0)


if __name__ == "__main__":
    worker() if sys.argv[1:] == ["--worker"] else main()
