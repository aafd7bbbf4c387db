"""What a hundred million pictures take, from what some take here: `python -m bench.scale_estimate`.

Runs `openmogr bulk` over photos of two sizes with some operations, and reckons with the CPU seconds of each picture,
which the load of the machine changes little: all of a run's, those of listing, reading, writing and the ledger
included, less those of its start. Prices are options; they are examples, and those of no provider. Requests are those
of a store: a GET and a PUT for each picture, and a listing of a thousand keys twice (once to compare keys, once to
work).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from PIL import Image

from bench.bulk import command, run
from bench.common import Report, argument_parser, machine_name, photo_paths

# Width and height of sources, JPEGs of quality 90.
SOURCES = {"0.4 MP": (768, 512), "12 MP": (4272, 2848)}
OPERATIONS = {
    "thumbnail, WebP": "imageMogr2/thumbnail/400x/format/webp",
    "800 px, AVIF": "imageMogr2/thumbnail/800x/format/avif",
    "full size, WebP": "imageMogr2/format/webp",
}
_KEYS_IN_A_PAGE = 1000
_SECONDS_IN_AN_HOUR = 3600


def make_sources(folder: Path, size: tuple[int, int], count: int) -> None:
    """Photos scaled to a size."""
    paths = photo_paths()
    folder.mkdir()
    for number in range(count):
        with Image.open(paths[number % len(paths)]) as photo:
            picture = photo.convert("RGB").resize(size, Image.Resampling.BICUBIC)
            picture.save(folder / f"{number:04}.jpg", quality=90)


def estimate(cpu: float, before: float, after: float, options: argparse.Namespace) -> dict[str, float]:
    """What all of it takes: hours of processors and of the clock, money, requests, bytes.

    Args:
        cpu: seconds of a picture.
        before: bytes of a source.
        after: bytes of a result.
        options: how many pictures, on what, at what prices.
    """
    count = options.pictures
    hours = cpu * count / _SECONDS_IN_AN_HOUR
    processors = options.machines * options.processors
    listings = 2 * count / _KEYS_IN_A_PAGE
    requests = (count * options.price_get + (count + listings) * options.price_put) / 1e6
    return {
        "cpu_hours": hours,
        "hours": hours / processors / options.efficiency,
        "cpu_money": hours / options.efficiency * options.price_per_cpu_hour,
        "request_money": requests,
        "requests": 2 * count + listings,
        "read_terabytes": before * count / 1e12,
        "written_terabytes": after * count / 1e12,
        "read_megabytes_a_second": before * count / 1e6 / (hours * 3600 / processors / options.efficiency),
    }


def main(options: argparse.Namespace) -> None:
    """Print a table."""
    print(machine_name())
    print(
        f"{options.pictures / 1e6:.0f} million pictures, {options.machines} machines of {options.processors}"
        f" processors like these, busy to {options.efficiency:.0%}; {options.price_per_cpu_hour} a CPU hour,"
        f" {options.price_get} a million GETs, {options.price_put} a million PUTs or listings\n"
    )
    print(
        f"{'source':8}{'operation':18}{'ms CPU':>8}{'CPU hours':>11}{'hours':>8}{'CPU cost':>10}{'requests':>10}"
        f"{'read TB':>9}{'written':>9}{'MB/s':>7}"
    )
    with tempfile.TemporaryDirectory() as place, Report("scale_estimate", options) as report:
        start = start_seconds(Path(place))
        for name, size in SOURCES.items():
            source = Path(place, name.partition(" ")[0])
            make_sources(source, size, options.photos if size[0] < 1000 else max(options.photos // 6, 12))
            for told, operation in OPERATIONS.items():
                with tempfile.TemporaryDirectory(dir=place) as target:
                    summary, _, _ = run(command(source, Path(target), operation, "-j2"))
                _row((name, told), summary, start, options, report)


def start_seconds(place: Path) -> float:
    """CPU seconds that a run takes besides its pictures, however few there are."""
    source = place / "one"
    make_sources(source, SOURCES["0.4 MP"], 1)
    with tempfile.TemporaryDirectory(dir=place) as target:
        summary, _, _ = run(command(source, Path(target), OPERATIONS["thumbnail, WebP"], "-j2"))
    return float(summary["cpu_seconds"] - summary["picture_cpu_seconds"])


def _row(
    names: tuple[str, str],
    summary: dict[str, float],
    start: float,
    options: argparse.Namespace,
    report: Report,
) -> None:
    (source, operation), done = names, summary["done"]
    cpu = (summary["cpu_seconds"] - start) / done
    found = estimate(cpu, summary["bytes_before"] / done, summary["bytes_after"] / done, options)
    print(
        f"{source:8}{operation:18}{1000 * cpu:8.1f}{found['cpu_hours']:11.0f}{found['hours']:8.1f}"
        f"{found['cpu_money']:10.0f}{found['request_money']:10.0f}{found['read_terabytes']:9.1f}"
        f"{found['written_terabytes']:9.1f}{found['read_megabytes_a_second']:7.0f}"
    )
    load = os.getloadavg()[0]
    report.add("estimate", source=source, operation=operation, cpu_seconds_each=cpu, load=load, **found)


if __name__ == "__main__":
    parser = argument_parser(__doc__)
    parser.add_argument("--pictures", type=float, default=1e8)
    parser.add_argument("--photos", type=int, default=120, help="that are measured")
    parser.add_argument("--machines", type=int, default=10)
    parser.add_argument("--processors", type=int, default=64)
    parser.add_argument(
        "--efficiency", type=float, default=0.85, help="part of the time that processors work"
    )
    parser.add_argument("--price-per-cpu-hour", type=float, default=0.04)
    parser.add_argument("--price-get", type=float, default=0.4, help="of a million")
    parser.add_argument("--price-put", type=float, default=5.0, help="of a million")
    main(parser.parse_args())
