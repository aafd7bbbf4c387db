"""Rate and distortion of TPG against JPEG, WebP, AVIF and HEIC: `python -m bench.rd`.

Every codec encodes the photos of `../shared/corpus/photos` (`OPENMOGR_SHARED` names another place) at several
settings. Quality is measured on the decoded RGB against the source, the same way for all: SSIMULACRA2, and PSNR of
BT.601 luma. BD-rate is the mean difference of the logarithm of the size at equal quality, per photo, against HEIC as
pillow-heif writes it by default, over the common range of quality (of SSIMULACRA2 at most 30 to 90). Speed is the CPU
time of whole encodes from RGB with one thread. Needs pillow-heif. The table goes to standard output, the curves to
`docs/inside/rd.svg`.
"""

from __future__ import annotations

import io
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pillow_heif
import pillow_tpg
from numpy.typing import NDArray
from PIL import Image

from bench.common import ROOT, Report, argument_parser, cpu_seconds, machine_name, photo_paths

REFERENCE = "HEIC"
Tools = Literal["compatible", "full"]
Encode = Callable[[Image.Image, int], bytes]


@dataclass(frozen=True)
class Point:
    """One encode: bits per pixel, SSIMULACRA2, PSNR of luma in dB."""

    bits: float
    score: float
    psnr: float


@dataclass
class Result:
    """Points by photo, and the CPU seconds and pixels of all encodes."""

    photos: list[list[Point]] = field(default_factory=list)
    seconds: float = 0.0
    pixels: int = 0


def pillow(name: str, **options: int | str) -> Encode:
    def encode(image: Image.Image, quality: int) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, name, quality=quality, **options)
        return buffer.getvalue()

    return encode


def tpg(tools: Tools, effort: int) -> Encode:
    return lambda image, qp: pillow_tpg.encode(image, qp=qp, effort=effort, tools=tools, threads=1)


QUALITIES = (20, 30, 40, 50, 60, 70, 80, 90)
QPS = (16, 22, 28, 34, 40, 46)


def codecs(efforts: Sequence[int]) -> dict[str, tuple[Encode, Sequence[int]]]:
    table: dict[str, tuple[Encode, Sequence[int]]] = {
        REFERENCE: (pillow("HEIF"), QUALITIES),
        "JPEG": (pillow("JPEG"), QUALITIES),
        "WebP": (pillow("WEBP", method=6), QUALITIES),
        "AVIF": (pillow("AVIF", speed=6, max_threads=1), QUALITIES),
    }
    for effort in efforts:
        table[f"TPG compatible, effort {effort}"] = (tpg("compatible", effort), QPS)
        table[f"TPG full, effort {effort}"] = (tpg("full", effort), QPS)
    return table


def luma(image: Image.Image) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.asarray(image, np.float64) @ np.array([0.299, 0.587, 0.114])
    return result


def measure(paths: Sequence[Path], encode: Encode, settings: Sequence[int]) -> Result:
    result = Result()
    for path in paths:
        image = Image.open(path).convert("RGB")
        metric = pillow_tpg.Ssimulacra2(image)
        reference = luma(image)
        points = []
        for setting in settings:
            start = cpu_seconds()
            data = encode(image, setting)
            result.seconds += cpu_seconds() - start
            result.pixels += image.width * image.height
            decoded = Image.open(io.BytesIO(data)).convert("RGB")
            error = float(np.mean((luma(decoded) - reference) ** 2))
            bits = 8 * len(data) / (image.width * image.height)
            points.append(Point(bits, metric.score(decoded), 10 * math.log10(65025 / max(error, 1e-9))))
        result.photos.append(points)
    return result


def interpolate(xs: Sequence[float], ys: Sequence[float], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """A monotone cubic through the points (Fritsch and Carlson); `xs` increase."""
    x, y = np.array(xs), np.array(ys)
    width, slope = np.diff(x), np.diff(y) / np.diff(x)
    tangent = np.concatenate([slope[:1], (slope[:-1] + slope[1:]) / 2, slope[-1:]])
    tangent[1:-1] = np.where(slope[:-1] * slope[1:] <= 0, 0.0, tangent[1:-1])
    for i, s in enumerate(slope):
        if s == 0:
            tangent[i] = tangent[i + 1] = 0.0
            continue
        size = math.hypot(tangent[i] / s, tangent[i + 1] / s)
        if size > 3:
            tangent[i : i + 2] *= 3 / size
    k = np.clip(np.searchsorted(x, at, "right") - 1, 0, len(width) - 1)
    t = (at - x[k]) / width[k]
    low = y[k] * (1 + 2 * t) * (1 - t) ** 2 + y[k + 1] * t * t * (3 - 2 * t)
    result: NDArray[np.float64] = low + width[k] * (
        tangent[k] * t * (1 - t) ** 2 + tangent[k + 1] * t * t * (t - 1)
    )
    return result


def bd_rate(
    reference: Result, test: Result, quality: Callable[[Point], float], span: tuple[float, float]
) -> float:
    """Mean difference of size at equal quality in percent."""
    rates = []
    for before, after in zip(reference.photos, test.photos, strict=True):
        curves = [sorted((quality(p), math.log(p.bits)) for p in points) for points in (before, after)]
        low = max(span[0], *(curve[0][0] for curve in curves))
        high = min(span[1], *(curve[-1][0] for curve in curves))
        grid = np.linspace(low, high, 200)
        a, b = (interpolate([q for q, _ in curve], [r for _, r in curve], grid) for curve in curves)
        rates.append(math.exp(float(np.mean(b - a))) - 1)
    return 100 * statistics.mean(rates)


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
            (statistics.mean(p.bits for p in points), statistics.mean(p.score for p in points))
            for points in zip(*result.photos, strict=True)
        ]
        shown = " ".join(
            place(bits, score) for bits, score in sorted(means) if 0.1 <= bits <= 4 and score >= 10
        )
        colour = colours[i % len(colours)]
        lines.append(f'<polyline points="{shown}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        lines.append(f'<text x="{width - 200}" y="{height - 200 + 16 * i}" fill="{colour}">{name}</text>')
    lines.append(f'<text x="{width // 2}" y="{height - 4}" text-anchor="middle">bits per pixel</text>')
    lines.append('<text x="60" y="18">SSIMULACRA2, mean of the photos</text></svg>')
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--efforts", type=int, nargs="+", default=[5, 9])
    parser.add_argument("--photos", type=int, default=0, help="use only so many photos, spread over all")
    parser.add_argument("--svg", type=Path, default=ROOT / "docs" / "inside" / "rd.svg")
    options = parser.parse_args()
    pillow_heif.register_heif_opener()
    pillow_tpg.register_tpg_opener()
    paths = photo_paths()
    if options.photos:
        paths = paths[:: max(1, len(paths) // options.photos)][: options.photos]
    print(f"{len(paths)} photos; {machine_name()}; pillow-heif {pillow_heif.__version__}\n")
    print(
        "| codec | BD-rate PSNR-Y | BD-rate SSIMULACRA2 | MP per CPU second |\n|---|---:|---:|---:|",
        flush=True,
    )
    results: dict[str, Result] = {}
    with Report("rd", options) as report:
        rows(paths, options.efforts, results, report)
    options.svg.write_text(svg(results))


def rows(paths: Sequence[Path], efforts: Sequence[int], results: dict[str, Result], report: Report) -> None:
    """Measure every codec and print its row."""
    for name, (encode, settings) in codecs(efforts).items():
        result = results[name] = measure(paths, encode, settings)
        psnr = bd_rate(results[REFERENCE], result, lambda point: point.psnr, (0, 100))
        score = bd_rate(results[REFERENCE], result, lambda point: point.score, (30, 90))
        speed = result.pixels / 1e6 / result.seconds
        print(f"| {name} | {psnr:+.1f} % | {score:+.1f} % | {speed:.2f} |", flush=True)
        report.add(
            "rd", codec=name, bd_rate_psnr=psnr, bd_rate_ssimulacra2=score, megapixels_per_cpu_second=speed
        )


if __name__ == "__main__":
    main()
