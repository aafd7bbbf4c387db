"""Time and memory of TPG by the size of the picture: `python -m bench.large`.

Mosaics of the demo photo, each tile moved by some pixels, are encoded and decoded with one thread, every size in a
process of its own. Memory is what the peak adds to the process that holds the pixels (to encode) or the file (to
decode), output included. Rows that agree per megapixel say that both grow with the picture and no faster.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from PIL import Image
from pillow_tpg import _pillow_tpg as native
from pillow_tpg import encode

from bench.common import (
    DEMO_PHOTO,
    Report,
    argument_parser,
    cpu_seconds,
    machine_name,
    peak_memory,
    run_apart,
)

# The longest side of TPG is 16382.
SIDES = (2500, 5000, 10_000, 14_000)


def mosaic(side: int) -> Image.Image:
    """A square picture of that many pixels a side."""
    with Image.open(DEMO_PHOTO) as opened:
        photo = opened.convert("RGB")
    picture = Image.new("RGB", (side, side))
    for row, top in enumerate(range(0, side, photo.height)):
        # No two rows of tiles begin at the same place, so that blocks do not repeat.
        for left in range(-(row * 37 % photo.width), side, photo.width):
            picture.paste(photo, (left, top))
    return picture


def measure_encode(side: int, effort: int, path: Path) -> dict[str, float]:
    """Encodes a mosaic to a file."""
    picture = mosaic(side)
    before, start = peak_memory(), cpu_seconds()
    data = encode(picture, effort=effort, threads=1)
    spent, memory = cpu_seconds() - start, peak_memory() - before
    path.write_bytes(data)
    return {"cpu": spent, "memory": memory, "bytes": len(data)}


def measure_decode(path: Path) -> dict[str, float]:
    """Decodes a file to RGB."""
    data = path.read_bytes()
    before, start = peak_memory(), cpu_seconds()
    size = sum(len(frame.rgb()) for frame in native.Decoder(data, threads=1))
    return {"cpu": cpu_seconds() - start, "memory": peak_memory() - before, "bytes": size}


def rows(sides: list[int], effort: int, report: Report) -> None:
    """Print the table."""
    print(f"Machine: {machine_name()}; effort {effort}\n")
    print("| MP | encode, MP per CPU s | bytes per pixel | decode, MP per CPU s | bytes per pixel |")
    print("|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.tpg"
        for side in sides:
            pixels = side * side
            cells = []
            for kind in ("encode", "decode"):
                found = run_apart(
                    "bench.large", str(side), "--effort", str(effort), "--one", kind, "--file", str(path)
                )
                report.add(kind, side=side, **found)
                cells.append(f"{pixels / 1e6 / max(found['cpu'], 1e-6):.2f} | {found['memory'] / pixels:.1f}")
            print(f"| {pixels / 1e6:.1f} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("sides", nargs="*", type=int, help=f"pixels a side; {SIDES} without them")
    parser.add_argument("--effort", type=int, default=0)
    parser.add_argument("--one", choices=["encode", "decode"], help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sides = options.sides or list(SIDES)
    if options.one == "encode":
        print(json.dumps(measure_encode(sides[0], options.effort, options.file)))
    elif options.one == "decode":
        print(json.dumps(measure_decode(options.file)))
    else:
        with Report("large", options) as report:
            rows(sides, options.effort, report)


if __name__ == "__main__":
    main()
