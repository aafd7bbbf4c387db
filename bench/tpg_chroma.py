"""Filters that halve TPG's chroma, compared: `python -m bench.tpg_chroma [--photos FOLDER] [--effort E]`.

Prints, for photos and for generated pictures with text and saturated edges, the mean SSIMULACRA2 and PSNR of RGB at
some QPs, and how many more bits a filter takes than the box filter for the same SSIMULACRA2.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pillow_tpg import Ssimulacra2, encode_image
from pillow_tpg.encode import ChromaFilter
from pillow_tpg.image import Samples

from bench.common import PHOTOS, Report, argument_parser, machine_name

FILTERS: tuple[ChromaFilter, ...] = ("box", "lanczos", "sharp")
QPS = (12, 20, 28, 36)
SIDE = 512


def text_picture() -> Samples:
    """Coloured text on coloured ground."""
    colours = [
        (255, 0, 0),
        (0, 0, 255),
        (0, 128, 0),
        (255, 255, 0),
        (255, 0, 255),
        (0, 0, 0),
        (255, 255, 255),
    ]
    picture = Image.new("RGB", (SIDE, SIDE), "white")
    draw = ImageDraw.Draw(picture)
    for line in range(16):
        ground, ink = colours[line % 7], colours[(line * 3 + 1) % 7]
        draw.rectangle(
            [0, line * 32, SIDE, line * 32 + 31], fill=ground if ground != ink else (128, 128, 128)
        )
        font = ImageFont.load_default(size=10 + line)
        draw.text((4, line * 32 + 2), "Sphinx of black quartz, judge my vow 0123456789", fill=ink, font=font)
    return np.asarray(picture)


def edge_picture() -> Samples:
    """Saturated discs, lines and stripes with smooth edges."""
    random = np.random.default_rng(4)
    picture = Image.new("RGB", (SIDE * 2, SIDE * 2), (30, 30, 200))
    draw = ImageDraw.Draw(picture)
    for _ in range(60):
        x, y, radius = (int(value) for value in random.integers((0, 0, 10), (SIDE * 2, SIDE * 2, 120)))
        colour = tuple(int(value) for value in random.choice([0, 255], 3))
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)
        end = tuple(int(value) for value in random.integers(0, SIDE * 2, 2))
        draw.line([(x, y), end], fill=colour, width=3)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))


def psnr(a: Samples, b: Samples) -> float:
    """PSNR over all components in dB."""
    return 10 * math.log10(255**2 / float(np.mean((a.astype(float) - b.astype(float)) ** 2)))


def measure(
    pictures: list[Samples], effort: int
) -> dict[ChromaFilter, list[tuple[int, float, float, float]]]:
    """(QP, bits per pixel, SSIMULACRA2, PSNR) of each filter."""
    references = [Ssimulacra2(picture) for picture in pictures]
    pixels = sum(picture.shape[0] * picture.shape[1] for picture in pictures)
    results: dict[ChromaFilter, list[tuple[int, float, float, float]]] = {}
    for name in FILTERS:
        results[name] = []
        for qp in QPS:
            images = [
                encode_image(picture, qp=qp, chroma=name, effort=effort, threads=2) for picture in pictures
            ]
            decoded = [image.rgb() for image in images]
            scores = [metric.score(rgb) for metric, rgb in zip(references, decoded, strict=True)]
            noise = [psnr(rgb, picture) for rgb, picture in zip(decoded, pictures, strict=True)]
            bits = 8 * sum(len(image.data) for image in images) / pixels
            results[name].append((qp, bits, float(np.mean(scores)), float(np.mean(noise))))
    return results


def log_bits_at(points: list[tuple[int, float, float, float]], score: float) -> float | None:
    """Logarithm of the bits with which a score is reached."""
    for (_, bits, high, _), (_, fewer_bits, low, _) in pairwise(points):
        if low <= score <= high:
            part = (score - low) / max(high - low, 1e-9)
            return math.log(fewer_bits) + part * (math.log(bits) - math.log(fewer_bits))
    return None


def more_bits(
    points: list[tuple[int, float, float, float]], box: list[tuple[int, float, float, float]]
) -> float:
    """How many per cent more bits are needed for the box filter's scores."""
    changes = []
    for _, bits, score, _ in box:
        found = log_bits_at(points, score)
        if found is not None:
            changes.append(found - math.log(bits))
    return 100 * (math.exp(float(np.mean(changes))) - 1) if changes else math.nan


def main() -> None:
    """Prints the tables."""
    parser = argument_parser(__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    parser.add_argument("--effort", type=int, default=3)
    options = parser.parse_args()
    photos = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(options.photos.glob("*.png"))]
    print(f"machine: {machine_name()}")
    with Report("tpg_chroma", options) as report:
        rows(photos, options.effort, report)


def rows(photos: list[Samples], effort: int, report: Report) -> None:
    """Prints a table for each kind of picture."""
    for title, pictures in (
        ("photos", photos),
        ("text", [text_picture()]),
        ("saturated edges", [edge_picture()]),
    ):
        if not pictures:
            continue
        results = measure(pictures, effort)
        print(
            f"\n{title}\n\n| filter | QP | bits per pixel | SSIMULACRA2 | PSNR of RGB |\n|---|---:|---:|---:|---:|"
        )
        for name in FILTERS:
            for qp, bits, score, noise in results[name]:
                report.add(title, filter=name, qp=qp, bits_per_pixel=bits, ssimulacra2=score, psnr=noise)
                print(f"| {name} | {qp} | {bits:.3f} | {score:.2f} | {noise:.2f} |")
        for name in FILTERS[1:]:
            change = more_bits(results[name], results["box"])
            report.add(f"{title}, change", filter=name, percent_of_bits=change)
            print(f"\n{name}: {change:+.1f} % bits", flush=True)


if __name__ == "__main__":
    main()
