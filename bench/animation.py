"""Animations at matched quality: `python -m bench.animation [FILE...]`.

The GIFs and animated WebPs of `../shared/corpus/inputs` go to TPG, animated WebP (libwebp, method 6) and AVIF
sequences (libaom, speed 6). Each encoder's setting is searched for the same mean SSIMULACRA2 over the frames, scored
against the source's own frames on white; the table has the sizes and the frames per CPU second of that encode.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageSequence
from pillow_tpg import Ssimulacra2, encode_animation, register_tpg_opener
from pillow_tpg.animation import QP_PARTS

from bench.common import SHARED, Report, argument_parser, machine_name

NAMES = (
    "rotating_earth.gif",
    "Crash_test.gif",
    "iss634.gif",
    "SmallFullColourGIF.gif",
    "nyan-cat.gif",
    "rotating-squares.gif",
    "rotating-squares.webp",
    "iss634.webp",
)
TARGET = 75.0
# Scoring every frame of a long animation says little more than scoring some of them.
MAX_SCORED = 12


@dataclass
class Clip:
    """The frames of a source on white, and their delays in 1/100 s."""

    frames: list[Image.Image]
    delays: list[int]

    @classmethod
    def read(cls, path: Path) -> Clip:
        frames, delays = [], []
        with Image.open(path) as image:
            for frame in ImageSequence.Iterator(image):
                picture = frame.convert("RGBA")
                canvas = Image.new("RGBA", picture.size, "white")
                canvas.alpha_composite(picture)
                frames.append(canvas.convert("RGB"))
                delays.append(max(round(frame.info.get("duration", 100) / 10), 2))
        return cls(frames, delays)


Encode = Callable[[Clip, int], bytes]


def tpg(clip: Clip, setting: int) -> bytes:
    """Settings from 0 are sixteenths of QPs from the coarsest."""
    return encode_animation(clip.frames, clip.delays, qp=63 - setting / QP_PARTS)


def tpg_genuine(clip: Clip, setting: int) -> bytes:
    """The same with the tools of Tencent's encoder alone."""
    return encode_animation(clip.frames, clip.delays, qp=63 - setting / QP_PARTS, tools="genuine")


def _saved(clip: Clip, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    durations = [10 * delay for delay in clip.delays]
    clip.frames[0].save(
        out, form, save_all=True, append_images=clip.frames[1:], duration=durations, **options
    )
    return out.getvalue()


def webp(clip: Clip, setting: int) -> bytes:
    return _saved(clip, "WEBP", quality=setting, method=6)


def avif(clip: Clip, setting: int) -> bytes:
    return _saved(clip, "AVIF", quality=setting, speed=6, max_threads=1)


ENCODERS: dict[str, tuple[Encode, int]] = {
    "TPG": (tpg, 63 * QP_PARTS),
    "TPG genuine": (tpg_genuine, 63 * QP_PARTS),
    "WebP": (webp, 100),
    "AVIF": (avif, 100),
}


class Scorer:
    """Mean SSIMULACRA2 of an encoded animation, by time shown: equal frames may have been merged."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        step = max(len(clip.frames) // MAX_SCORED, 1)
        self._chosen = range(0, len(clip.frames), step)
        self._references = {number: Ssimulacra2(clip.frames[number]) for number in self._chosen}

    def score(self, data: bytes) -> float:
        ends, pictures, passed = [], [], 0
        with Image.open(io.BytesIO(data)) as image:
            for frame in ImageSequence.Iterator(image):
                pictures.append(frame.convert("RGB"))
                passed += round(frame.info.get("duration", 0))
                ends.append(passed)
        scores = []
        for number in self._chosen:
            middle = 10 * sum(self._clip.delays[:number]) + 5 * self._clip.delays[number]
            shown = next((i for i, end in enumerate(ends) if middle < end), len(pictures) - 1)
            scores.append(self._references[number].score(pictures[shown]))
        return sum(scores) / len(scores)


def matched(encode: Encode, top: int, clip: Clip, scorer: Scorer) -> tuple[bytes, float, float]:
    """The smallest encode of at least the target's score, its score, and its CPU seconds."""
    low, high = 0, top
    best: tuple[bytes, float, float] | None = None
    while low <= high:
        middle = (low + high) // 2
        start = time.process_time()
        data = encode(clip, middle)
        seconds = time.process_time() - start
        score = scorer.score(data)
        if score >= TARGET:
            best, high = (data, score, seconds), middle - 1
        else:
            low = middle + 1
    if best is None:
        data = encode(clip, top)
        best = (data, scorer.score(data), 0.0)
    return best


def rows(paths: Sequence[Path], report: Report) -> None:
    """Print the table."""
    print(f"machine: {machine_name()}, target SSIMULACRA2 {TARGET:g}\n")
    print("| file | frames | source | format | bytes | to source | score | frames per CPU s |")
    print("|---|---:|---:|---|---:|---:|---:|---:|")
    for path in paths:
        clip = Clip.read(path)
        scorer = Scorer(clip)
        size = path.stat().st_size
        for name, (encode, top) in ENCODERS.items():
            data, score, seconds = matched(encode, top, clip, scorer)
            speed = f"{len(clip.frames) / seconds:.0f}" if seconds else "-"
            change = f"{100 * (len(data) / size - 1):+.1f} %"
            count = len(clip.frames)
            report.add(
                "animations",
                file=path.name,
                frames=count,
                source_bytes=size,
                format=name,
                bytes=len(data),
                score=score,
                cpu_seconds=seconds,
            )
            print(
                f"| {path.name} | {count} | {size} | {name} | {len(data)} | {change} | {score:.1f} | {speed} |",
                flush=True,
            )


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="animations; by default some of the corpus")
    arguments = parser.parse_args()
    register_tpg_opener()
    with Report("animation", arguments) as report:
        rows(arguments.files or [SHARED / "corpus" / "inputs" / name for name in NAMES], report)


if __name__ == "__main__":
    main()
