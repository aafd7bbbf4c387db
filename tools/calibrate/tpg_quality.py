"""QP of TPG by quality: `python -m tools.calibrate.tpg_quality [--write] [--step N] [--effort E] [--photos FOLDER]`.

A quality number stands for the SSIMULACRA2 (mean over the photos) that libjpeg-turbo gives at that number with 4:2:0.
TPG is measured at every N-th QP with both tool sets; between them the score is interpolated. The table lists the QP,
with a fraction, at which the scores are the same; the encoder takes the nearest whole one, and the last columns show
how far that is from JPEG. `--write` puts the tables into `codec/python/pillow_tpg/_calibration.py` and into
`codec/wasm/npm/quality.js`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from PIL import Image
from pillow_tpg import Ssimulacra2, encode_image
from pillow_tpg.encode import DEFAULT_EFFORT, ToolSet

from bench.common import PHOTOS, ROOT, Report, argument_parser, machine_name, photo_paths

MODULE = ROOT / "codec" / "python" / "pillow_tpg" / "_calibration.py"
SCRIPT = ROOT / "codec" / "wasm" / "npm" / "quality.js"
QUALITIES = (1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100)
TOOLS: tuple[ToolSet, ...] = ("full", "genuine")
MAX_QP = 63
# Between these qualities a whole QP may be this far from JPEG.
CHECKED = (20, 95)
BOUND = 3.0

Curve = dict[int, float]
Points = list[tuple[int, float]]


class Photos:
    """The photos and their analysed references."""

    def __init__(self, folder: Path) -> None:
        self._pictures = [Image.open(path).convert("RGB") for path in photo_paths(folder)]
        self._references = [Ssimulacra2(picture) for picture in self._pictures]
        self._pixels = sum(picture.width * picture.height for picture in self._pictures)

    def jpeg(self, quality: int) -> tuple[float, float]:
        """Mean score and bits per pixel of libjpeg-turbo at 4:2:0."""
        score = size = 0.0
        for picture, reference in zip(self._pictures, self._references, strict=True):
            out = io.BytesIO()
            # Saving leaves its options at the image: two threads that save one image take each other's.
            picture.copy().save(out, "JPEG", quality=quality, subsampling="4:2:0")
            size += out.tell()
            score += reference.score(Image.open(out))
        return score / len(self._pictures), size * 8 / self._pixels

    def tpg(self, qp: int, tools: ToolSet, effort: int) -> tuple[float, float]:
        """Mean score and bits per pixel at a QP."""
        score = size = 0.0
        for picture, reference in zip(self._pictures, self._references, strict=True):
            image = encode_image(picture, qp=qp, tools=tools, effort=effort)
            size += len(image.data)
            score += reference.score(image.rgb())
        return score / len(self._pictures), size * 8 / self._pixels


def measure(settings: Sequence[int], function: Callable[[int], tuple[float, float]]) -> tuple[Curve, Curve]:
    """Scores and bits per pixel by setting."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(function, settings))
    scores = {setting: score for setting, (score, _) in zip(settings, results, strict=True)}
    bits = {setting: size for setting, (_, size) in zip(settings, results, strict=True)}
    return scores, bits


def qp_at(curve: Curve, score: float) -> float:
    """The QP at which a curve that falls with QP has a score, clamped to its ends."""
    points = sorted(curve.items())
    for (low, at_low), (high, at_high) in pairwise(points):
        if at_low >= score >= at_high:
            return low + (high - low) * (at_low - score) / max(at_low - at_high, 1e-9)
    return points[0][0] if score > points[0][1] else points[-1][0]


def score_at(curve: Curve, qp: float) -> float:
    """The score at a QP between two measured ones."""
    for (low, at_low), (high, at_high) in pairwise(sorted(curve.items())):
        if low <= qp <= high:
            return at_low + (at_high - at_low) * (qp - low) / (high - low)
    raise ValueError(qp)


def table(curve: Curve, reference: Curve) -> Points:
    """(quality, QP); QP never rises with quality."""
    points: Points = []
    for quality, score in sorted(reference.items()):
        qp = round(qp_at(curve, score), 2)
        points.append((quality, min(qp, points[-1][1]) if points else qp))
    return points


def script(text: str, tables: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """JavaScript with its tables replaced by these."""
    for name, points in tables.items():
        rows = [
            "  " + " ".join(f"[{quality}, {qp}]," for quality, qp in points[start : start + 7])
            for start in range(0, len(points), 7)
        ]
        begin, _, rest = text.partition(f"const {name.upper()} = [\n")
        _, _, end = rest.partition("\n];")
        text = "\n".join([f"{begin}const {name.upper()} = [", *rows, f"];{end}"])
    return text


def write(tables: dict[ToolSet, Points]) -> None:
    """The module and the script that encoders read."""
    text = script(SCRIPT.read_text(encoding="utf-8"), {str(name): points for name, points in tables.items()})
    SCRIPT.write_text(text, encoding="utf-8")
    lines = [
        '"""QP by quality, measured: made by ``tools/calibrate/tpg_quality.py --write``."""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping",
        "from types import MappingProxyType",
        "",
        '__all__ = ["QP_BY_QUALITY"]',
        "",
        "# (quality, QP); linear between the points.",
        "# fmt: off",
        "QP_BY_QUALITY: Mapping[str, tuple[tuple[int, float], ...]] = MappingProxyType({",
    ]
    for name, points in tables.items():
        lines.append(f'    "{name}": (')
        for start in range(0, len(points), 7):
            lines.append("        " + ", ".join(map(str, points[start : start + 7])) + ",")
        lines.append("    ),")
    lines += ["})", "# fmt: on", ""]
    MODULE.write_text("\n".join(lines), encoding="utf-8")


@dataclass(frozen=True)
class Row:
    """One line of a table: what a quality's QP, and the nearest whole one, reach."""

    quality: int
    jpeg: float
    qp: float
    score: float
    bits: float

    @property
    def off(self) -> float:
        """Points above JPEG."""
        return self.score - self.jpeg


def table_rows(points: Points, curve: Curve, bits: Curve, reference: Curve) -> list[Row]:
    """The table's points with what their whole QPs reach."""
    return [
        Row(quality, reference[quality], qp, score_at(curve, round(qp)), score_at(bits, round(qp)))
        for quality, qp in points
    ]


def show_curve(title: str, curve: Curve, bits: Curve) -> None:
    """Prints what was measured."""
    print(f"\n{title}\n\n|  QP | SSIMULACRA2 | bits per pixel |\n|---:|---:|---:|")
    for qp, score in curve.items():
        print(f"| {qp} | {score:.2f} | {bits[qp]:.3f} |")


def show_table(tools: ToolSet, rows: Sequence[Row], jpeg_bits: Curve, report: Report) -> float:
    """Prints a table; returns the greatest difference from JPEG between the checked qualities."""
    print("\n| quality | JPEG | bits per pixel | QP | whole QP | TPG | difference | bits per pixel |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        report.add(
            tools,
            quality=row.quality,
            jpeg=row.jpeg,
            qp=row.qp,
            ssimulacra2=row.score,
            bits_per_pixel=row.bits,
        )
        print(
            f"| {row.quality} | {row.jpeg:.2f} | {jpeg_bits[row.quality]:.3f} | {row.qp:.2f} | {round(row.qp)} "
            f"| {row.score:.2f} | {row.off:+.2f} | {row.bits:.3f} |"
        )
    return max(abs(row.off) for row in rows if CHECKED[0] <= row.quality <= CHECKED[1])


def main() -> None:
    """Measures and prints the table."""
    parser = argument_parser(__doc__)
    parser.add_argument("--write", action="store_true", help="write the tables into the package")
    parser.add_argument("--step", type=int, default=3, help="distance of measured QPs; default 3")
    parser.add_argument("--effort", type=int, default=DEFAULT_EFFORT)
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    options = parser.parse_args()

    photos = Photos(options.photos)
    reference, jpeg_bits = measure(QUALITIES, photos.jpeg)
    qps = sorted({*range(0, MAX_QP, options.step), MAX_QP})
    tables: dict[ToolSet, Points] = {}
    print(f"machine: {machine_name()}")
    worst = 0.0
    with Report("tpg_quality", options) as report:
        for tools in TOOLS:
            curve, bits = measure(qps, partial(photos.tpg, tools=tools, effort=options.effort))
            show_curve(f"{tools}, effort {options.effort}", curve, bits)
            tables[tools] = table(curve, reference)
            rows = table_rows(tables[tools], curve, bits, reference)
            worst = max(worst, show_table(tools, rows, jpeg_bits, report))
    print(f"\nGreatest difference from quality {CHECKED[0]} to {CHECKED[1]}: {worst:.2f}")
    if options.write:
        write(tables)
    if worst > BOUND:
        raise SystemExit(f"more than {BOUND} points from JPEG")


if __name__ == "__main__":
    main()
