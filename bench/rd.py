"""Rate and distortion of TPG against JPEG, WebP, AVIF and HEIC: `python -m bench.rd`.

Every codec encodes the photos of one half or both (`perception.material`: settings were found on `tune`, and `held` was
kept back) at several settings, with one thread. Quality is measured on the decoded RGB against the source, the same way
for all: SSIMULACRA2, DSSIM, Butteraugli (3-norm), MS-SSIM of luma and PSNR of BT.601 luma. A BD-rate is the mean
difference of the logarithm of the size at equal quality, per photo, against HEIC as pillow-heif writes it by default,
over the common range of quality (of SSIMULACRA2 at most 30 to 90). `detail` is the difference of the share of the
source's luma energy at 2 to 8 pixels that is kept, at equal bytes from 0.2 to 0.6 bits per pixel (with `--fine`, 1.5 to
4), in points of a hundred. Speed is the CPU time of whole encodes from RGB, in megapixels per second and against
HEIC's in the same run.

`--content` measures renderings (text, screenshots, line art, gradients, grain, icons, a photo with words) instead and
gives each its row. `--fine` measures qualities close to the source: settings from 85 to 100, and SSIMULACRA2 from 85.
Needs pillow-heif, and Rust for DSSIM and Butteraugli. Tables go to standard output, the curves to `docs/inside/rd.svg`.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import pillow_heif
import pillow_tpg
from PIL import Image
from pillow_tpg.settings import ToolSet

from bench.common import ROOT, Report, argument_parser, machine_name
from bench.perception.curves import Curve, bd_rate, mean_difference
from bench.perception.material import Half, Sample, content, photos
from bench.perception.measure import Judge, Scores, build_tool
from tools.calibrate.quality import server as server_encode
from tools.calibrate.quality import uncalibrated

REFERENCE = "HEIC"
METRICS = ("SSIMULACRA2", "DSSIM", "Butteraugli", "MS-SSIM", "PSNR-Y")
# Of quality for metrics, of bits per pixel for the detail kept.
SPANS = {"SSIMULACRA2": (30.0, 90.0), "detail": (0.2, 0.6)}
FINE_SPANS = {"SSIMULACRA2": (85.0, 98.0), "detail": (1.5, 4.0)}
ANY = (-math.inf, math.inf)
Encode = Callable[[Image.Image, int], bytes]


@dataclass(frozen=True)
class Codec:
    """How to encode at a setting, and the settings to use."""

    encode: Encode
    settings: Sequence[int]


@dataclass(frozen=True)
class Point:
    """One encode."""

    bits: float
    scores: Scores


@dataclass
class Result:
    """Points by picture, and the CPU seconds and pixels of all encodes."""

    pictures: list[list[Point]] = field(default_factory=list)
    seconds: float = 0.0
    pixels: int = 0

    def speed(self) -> float:
        """Megapixels per CPU second."""
        return self.pixels / 1e6 / self.seconds

    def curves(self, metric: str) -> list[Curve]:
        """Quality by one metric and bits per pixel."""
        return [[(p.scores.rising()[metric], p.bits) for p in points] for points in self.pictures]

    def detail(self) -> list[Curve]:
        """Energy kept and bits per pixel."""
        return [[(p.scores.detail, p.bits) for p in points] for points in self.pictures]


def pillow(name: str, **options: int | str | dict[str, str]) -> Encode:
    def encode(image: Image.Image, quality: int) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, name, quality=quality, **options)
        return buffer.getvalue()

    return encode


def tpg(effort: int, tools: ToolSet = "full") -> Encode:
    return lambda image, qp: pillow_tpg.encode(image, qp=qp, effort=effort, tools=tools, threads=1)


QUALITIES = (20, 30, 40, 50, 60, 70, 80, 90)
QPS = (16, 22, 28, 34, 40, 46)
FINE_QUALITIES = (50, 60, 70, 80, 88, 94, 98, 100)
FINE_QPS = (2, 6, 10, 14, 18)


def server(container: str) -> Encode:
    """As the server writes it, with the encoder's own settings for qualities."""

    def encode(image: Image.Image, quality: int) -> bytes:
        with uncalibrated():
            return server_encode(container)(image, quality)

    return encode


def codecs(efforts: Sequence[int], fine: bool = False) -> dict[str, Codec]:
    """All that are compared, the reference first."""
    qualities, qps = (FINE_QUALITIES, FINE_QPS) if fine else (QUALITIES, QPS)
    tuned = pillow("AVIF", speed=4, max_threads=1, advanced={"tune": "ssimulacra2"})
    table = {
        REFERENCE: pillow("HEIF"),
        "HEIC of the server": server("heif"),
        "JPEG": pillow("JPEG"),
        "WebP": pillow("WEBP", method=6),
        "AVIF speed 6": pillow("AVIF", speed=6, max_threads=1),
        "AVIF of the server": server("avif"),
        "AVIF speed 4, tune=ssimulacra2": tuned,
    }
    codecs = {name: Codec(encode, qualities) for name, encode in table.items()}
    for effort in efforts:
        codecs[f"TPG effort {effort}"] = Codec(tpg(effort), qps)
    codecs["TPG effort 5, genuine tools"] = Codec(tpg(5, "genuine"), qps)
    return codecs


@dataclass(frozen=True)
class Job:
    """One picture by one codec, in words that a new process understands."""

    half: Half
    rendered: bool
    name: str
    codec: str
    efforts: tuple[int, ...]
    fine: bool = False


def samples_of(half: Half, rendered: bool) -> list[Sample]:
    return list(content(half) if rendered else photos(half))


def measure_one(job: Job) -> Result:
    pillow_heif.register_heif_opener()
    pillow_tpg.register_tpg_opener()
    codec = codecs(job.efforts, job.fine)[job.codec]
    image = next(sample.image for sample in samples_of(job.half, job.rendered) if sample.name == job.name)
    result, points = Result(), []
    with Judge(image) as judge:
        for setting in codec.settings:
            start = time.process_time()
            data = codec.encode(image, setting)
            result.seconds += time.process_time() - start
            result.pixels += image.width * image.height
            with Image.open(io.BytesIO(data)) as decoded:
                scores = judge.scores(decoded.convert("RGB"))
            points.append(Point(8 * len(data) / (image.width * image.height), scores))
    result.pictures.append(points)
    return result


def measure(jobs: Sequence[Job], pool: Executor) -> Result:
    """Measures each job in one of the pool's processes, which count their own CPU time."""
    total = Result()
    for result in pool.map(measure_one, jobs):
        total.pictures += result.pictures
        total.seconds += result.seconds
        total.pixels += result.pixels
    return total


Spans = Mapping[str, tuple[float, float]]


def rates(
    reference: Result, result: Result, metrics: Sequence[str] = METRICS, spans: Spans = SPANS
) -> list[float]:
    """BD-rates in percent."""
    return [
        bd_rate(reference.curves(metric), result.curves(metric), spans.get(metric, ANY)) for metric in metrics
    ]


def row(name: str, reference: Result, result: Result, spans: Spans = SPANS) -> str:
    cells = [f"{rate:+.1f} %" for rate in rates(reference, result, spans=spans)]
    detail = 100 * mean_difference(reference.detail(), result.detail(), spans["detail"])
    speed = result.speed()
    return f"| {name} | {' | '.join(cells)} | {detail:+.1f} | {speed:.2f} | {speed / reference.speed():.2f} |"


def svg(results: dict[str, Result]) -> str:
    """Mean SSIMULACRA2 over mean bits per pixel on a logarithmic axis."""
    width, height, left, bottom = 760, 460, 50, 40
    colours = ("#333333", "#c0392b", "#2980b9", "#8e44ad", "#27ae60", "#e67e22", "#16a085", "#d35400")
    low, high, top = math.log2(0.1), math.log2(4), 95.0

    def place(bits: float, score: float) -> str:
        x = left + (math.log2(bits) - low) / (high - low) * (width - left - 10)
        return f"{x:.1f},{(height - bottom) * (1 - (score - 10) / (top - 10)) + 5:.1f}"

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{width}" height="{height}" fill="white"/>'
    ]
    for score in range(20, 95, 10):
        (x0, y0), (x1, _) = (place(bits, score).split(",") for bits in (0.1, 4))
        lines.append(f'<path d="M{x0} {y0}H{x1}" stroke="#ddd"/><text x="20" y="{y0}">{score}</text>')
    for bits in (0.1, 0.25, 0.5, 1, 2, 4):
        x = place(bits, 10).split(",")[0]
        lines.append(f'<path d="M{x} 5V{height - bottom + 5}" stroke="#ddd"/>')
        lines.append(f'<text x="{x}" y="{height - 18}" text-anchor="middle">{bits}</text>')
    for i, (name, result) in enumerate(results.items()):
        means = [
            (statistics.mean(p.bits for p in points), statistics.mean(p.scores.ssimulacra2 for p in points))
            for points in zip(*result.pictures, strict=True)
        ]
        shown = " ".join(
            place(bits, score) for bits, score in sorted(means) if 0.1 <= bits <= 4 and score >= 10
        )
        colour = colours[i % len(colours)]
        lines.append(f'<polyline points="{shown}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        lines.append(f'<text x="{width - 230}" y="{height - 200 + 16 * i}" fill="{colour}">{name}</text>')
    lines.append(f'<text x="{width // 2}" y="{height - 4}" text-anchor="middle">bits per pixel</text>')
    lines.append('<text x="60" y="18">SSIMULACRA2, mean of the photos</text></svg>')
    return "\n".join(lines) + "\n"


def compare(half: Half, names: Sequence[str], options: Options, pool: Executor) -> dict[str, Result]:
    """Measures and prints one half of the photos."""
    samples = [sample.name for sample in samples_of(half, rendered=False)]
    if options.photos:
        samples = samples[:: max(1, len(samples) // options.photos)][: options.photos]
    print(f"\n`{half}`: {', '.join(samples)}\n")
    print(f"| codec | {' | '.join(METRICS)} | detail | MP per CPU second | against HEIC |")
    print("|---|" + "---:|" * (len(METRICS) + 3), flush=True)
    results: dict[str, Result] = {}
    for name in names:
        jobs = [Job(half, False, sample, name, options.efforts, options.fine) for sample in samples]
        results[name] = measure(jobs, pool)
        print(row(name, results[REFERENCE], results[name], options.spans()), flush=True)
    return results


def compare_content(half: Half, names: Sequence[str], options: Options, pool: Executor) -> None:
    """Measures and prints renderings, each on its own: BD-rates by SSIMULACRA2 and Butteraugli."""
    print(f"\nRenderings of `{half}`: SSIMULACRA2 / Butteraugli\n")
    others = [name for name in names if name != REFERENCE]
    print(f"| picture | {' | '.join(others)} |\n|---|{'---:|' * len(others)}", flush=True)
    samples = [sample.name for sample in samples_of(half, rendered=True)]
    jobs = [Job(half, True, sample, name, options.efforts) for sample in samples for name in names]
    results = pool.map(measure_one, jobs)
    for sample in samples:
        reference, *measured = (next(results) for _ in names)
        pairs = (rates(reference, result, ("SSIMULACRA2", "Butteraugli")) for result in measured)
        cells = [f"{score:+.1f} / {butteraugli:+.1f} %" for score, butteraugli in pairs]
        print(f"| {sample} | {' | '.join(cells)} |", flush=True)


class Options(argparse.Namespace):
    """Arguments."""

    efforts: tuple[int, ...]
    half: list[Half]
    photos: int
    only: list[str] | None
    content: bool
    fine: bool
    jobs: int
    svg: Path

    def spans(self) -> Spans:
        return FINE_SPANS if self.fine else SPANS


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--efforts", type=int, nargs="+", default=[5, 7, 9])
    parser.add_argument("--half", choices=["tune", "held"], nargs="+", default=["tune", "held"])
    parser.add_argument(
        "--photos", type=int, default=0, help="use only so many photos of a half, spread over it"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only codecs that begin so, beside HEIC")
    parser.add_argument("--content", action="store_true", help="measure renderings instead of photos")
    parser.add_argument("--fine", action="store_true", help="measure qualities close to the source")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="pictures measured at a time")
    parser.add_argument("--svg", type=Path, default=ROOT / "docs" / "inside" / "rd.svg")
    options = parser.parse_args(namespace=Options())
    options.efforts = tuple(options.efforts)
    chosen = (REFERENCE, *options.only) if options.only else ("",)
    names = [name for name in codecs(options.efforts) if name.startswith(chosen)]
    print(f"{machine_name()}; pillow-heif {pillow_heif.__version__}")
    build_tool()
    # New processes: encoders with threads do not survive a fork.
    with (
        Report("rd", options) as report,
        ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool,
    ):
        for half in options.half:
            if options.content:
                compare_content(half, names, options, pool)
                continue
            results = compare(half, names, options, pool)
            for name, result in results.items():
                reference = results[REFERENCE]
                line = row(name, reference, result, options.spans())
                report.add("rd", half=half, codec=name, row=line)
            if half == "held" and not options.fine:
                options.svg.write_text(svg(results))


if __name__ == "__main__":
    main()
