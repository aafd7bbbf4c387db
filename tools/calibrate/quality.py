"""What the quality numbers mean: `python -m tools.calibrate.quality [--write] [--only FORMAT]`.

The reference is libjpeg-turbo at 4:2:0: a quality number stands for the SSIMULACRA2 (mean over the photos) that it
gives at that number. For each other format the encoder's settings are measured on the same photos, as the server
encodes, and the setting with the same score is looked up. "avif untuned" is measured with stills, too, and used for
sequences and to read qualities. `--write` puts the tables into
`src/openmogr/image/formats/calibration.py` and the curves into `docs/format/quality.svg`; then
`docs/format/quality.md` quotes the run. With `--only` the tables of the other formats and the curves stay as they are.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path
from unittest import mock

from PIL import Image
from pillow_tpg import Ssimulacra2

from bench.common import PHOTOS, ROOT, Report, argument_parser, machine_name, photo_paths
from openmogr.image.formats.avif import SPEED
from openmogr.image.formats.base import Format
from openmogr.image.formats.calibration import CALIBRATION
from openmogr.image.formats.encode import EncodeOptions
from openmogr.image.formats.encode import encode as server_encode
from openmogr.image.formats.registry import CONTAINERS, target_for
from openmogr.image.settings import ImageSettings

QUALITIES = (1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100)
CHECKED = (20, 30, 40, 50, 60, 70, 80, 90, 95)
COLOURS = ("#444", "#1b7", "#c60", "#06c", "#a0a", "#084", "#730")
STEPS = {name: found.calibration_step for name, found in CONTAINERS.items() if found.calibration_step}
UNTUNED = "avif untuned"
STEPS |= {UNTUNED: STEPS["avif"]}
Encode = Callable[[Image.Image, int], bytes]
Curve = list[tuple[int, float]]


def jpeg(picture: Image.Image, quality: int) -> bytes:
    """The reference: libjpeg-turbo, 4:2:0."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, subsampling="4:2:0")
    return out.getvalue()


def uncalibrated() -> AbstractContextManager[object]:
    """Makes the server's encoders take settings for qualities. Once around all threads: it changes a class."""
    return mock.patch.object(Format, "setting", lambda _, quality: quality)


def server(container: str) -> Encode:
    """The server's own encoder, taking its setting in place of a quality while `uncalibrated`."""
    settings = ImageSettings()
    target = target_for(container)

    def encode(picture: Image.Image, setting: int) -> bytes:
        return server_encode(picture, EncodeOptions(target, setting), settings)

    return encode


def untuned(picture: Image.Image, setting: int) -> bytes:
    """AVIF by libaom as it is without tuning."""
    out = io.BytesIO()
    picture.save(out, "AVIF", quality=setting, speed=SPEED, max_threads=1)
    return out.getvalue()


def encoder(name: str) -> Encode:
    """What settings under a name are measured with."""
    return untuned if name == UNTUNED else server(name)


class Photos:
    """The photos and their analysed references."""

    def __init__(self, folder: Path) -> None:
        self._pictures = [Image.open(path).convert("RGB") for path in photo_paths(folder)]
        self._references = [Ssimulacra2(picture) for picture in self._pictures]

    def score(self, encode: Encode, setting: int) -> float:
        """Mean SSIMULACRA2."""
        scores = []
        for picture, reference in zip(self._pictures, self._references, strict=True):
            # Saving leaves its options at the image: two threads that save one image take each other's.
            with Image.open(io.BytesIO(encode(picture.copy(), setting))) as decoded:
                scores.append(reference.score(decoded.convert("RGB")))
        return sum(scores) / len(scores)

    def curve(self, encode: Encode, settings: Sequence[int]) -> Curve:
        """The score at each setting, made monotone."""
        with ThreadPoolExecutor(2) as pool:
            scores = list(pool.map(lambda setting: self.score(encode, setting), settings))
        rising: Curve = []
        for setting, score in zip(settings, scores, strict=True):
            rising.append((setting, max(score, rising[-1][1]) if rising else score))
        return rising


def setting_for(curve: Curve, score: float) -> float:
    """The setting at which a rising curve reaches a score, clamped to its ends."""
    for (low, at_low), (high, at_high) in pairwise(curve):
        if at_low <= score <= at_high:
            return low + (high - low) * (score - at_low) / max(at_high - at_low, 1e-9)
    return curve[0][0] if score < curve[0][1] else curve[-1][0]


def table(curve: Curve, reference: dict[int, float]) -> list[tuple[int, int]]:
    """(quality, setting) at ``QUALITIES``."""
    return [(quality, round(setting_for(curve, reference[quality]))) for quality in QUALITIES]


def write_tables(tables: Mapping[str, Sequence[tuple[int, int]]]) -> None:
    """The module that the server reads."""
    lines = [
        '"""Encoder settings by quality, measured: made by ``tools/calibrate/quality.py --write``."""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping, Sequence",
        "from types import MappingProxyType",
        "",
        '__all__ = ["CALIBRATION"]',
        "",
        "# (quality, setting); linear between the points.",
        "# fmt: off",
        "CALIBRATION: Mapping[str, Sequence[tuple[int, int]]] = MappingProxyType({",
    ]
    for name, points in tables.items():
        lines.append(f'    "{name}": (')
        for start in range(0, len(points), 7):
            lines.append("        " + ", ".join(map(str, points[start : start + 7])) + ",")
        lines.append("    ),")
    lines += ["})", "# fmt: on", ""]
    module = ROOT / "src" / "openmogr" / "image" / "formats" / "calibration.py"
    module.write_text("\n".join(lines), encoding="utf-8")


def write_plot(curves: dict[str, Curve]) -> None:
    """The curves as SVG: setting across, SSIMULACRA2 up, -20 to 100."""
    width, height, left, top = 640, 400, 50, 20
    colours = dict(zip(curves, COLOURS, strict=False))

    def place(setting: float, score: float) -> str:
        x = left + setting / 100 * (width - left - 90)
        y = top + (100 - max(score, -20)) / 120 * (height - top - 40)
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for score in range(-20, 101, 20):
        (x0, y), (x1, _) = (place(x, score).split(",") for x in (0, 100))
        parts.append(
            f'<path d="M{x0},{y}H{x1}" stroke="#ddd"/><text x="{left - 32}" y="{y}" dy="4">{score}</text>'
        )
    for setting in range(0, 101, 10):
        x, y = place(setting, -20).split(",")
        parts.append(f'<text x="{x}" y="{float(y) + 18:.1f}" text-anchor="middle">{setting}</text>')
    for name, curve in curves.items():
        line = " ".join(place(*point) for point in curve if point[1] >= -20)
        x, y = place(*curve[-1]).split(",")
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colours[name]}" stroke-width="2"/>')
        label = 12 * list(curves).index(name)
        parts.append(f'<text x="{width - 80}" y="{top + 60 + label}" fill="{colours[name]}">{name}</text>')
    parts.append(
        f'<text x="{left}" y="{height - 4}">encoder setting; up: SSIMULACRA2, mean of the photos</text></svg>'
    )
    (ROOT / "docs" / "format" / "quality.svg").write_text("\n".join(parts) + "\n", encoding="utf-8")


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--write", action="store_true", help="write the tables and the plot")
    parser.add_argument("--only", metavar="FORMAT", choices=sorted(STEPS), help="measure one format")
    arguments = parser.parse_args()
    for name in STEPS:
        if name in CONTAINERS:
            CONTAINERS[name].check_writable()
    with uncalibrated():
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    """Print the tables, and write them if that is asked for."""
    photos = Photos(PHOTOS)
    # The plot has them all.
    references = range(1, 101) if arguments.only is None else sorted({*QUALITIES, *CHECKED})
    curves = {"jpeg": photos.curve(jpeg, references)}
    reference = dict(curves["jpeg"])
    tables: dict[str, list[tuple[int, int]]] = {}
    for container, step in STEPS.items():
        if arguments.only not in (None, container):
            continue
        curves[container] = photos.curve(encoder(container), range(0, 101, step))
        tables[container] = table(curves[container], reference)
    print(f"machine: {machine_name()}, {len(QUALITIES)} points a format\n")
    print(
        "| quality | JPEG scores | " + " | ".join(f"{name} setting | {name} scores" for name in tables) + " |"
    )
    print("|---:|---:|" + "---:|---:|" * len(tables))
    with Report("quality", arguments) as report:
        for quality in CHECKED:
            cells = []
            for container, points in tables.items():
                setting = dict(points).get(quality, 0)
                score = photos.score(encoder(container), setting)
                report.add(
                    container, quality=quality, setting=setting, ssimulacra2=score, jpeg=reference[quality]
                )
                cells.append(f"{setting} | {score:.1f}")
            print(f"| {quality} | {reference[quality]:.1f} | " + " | ".join(cells) + " |")
    if arguments.write:
        write_tables({**CALIBRATION, **tables})
        if arguments.only is None:
            write_plot(curves)


if __name__ == "__main__":
    main()
