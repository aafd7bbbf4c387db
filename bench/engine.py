"""Pillow against libvips on the operations of the server: `python -m bench.engine`.

Every case runs in a process of its own, so that peak memory is its own; libvips is measured where `pyvips` is
installed (`pip install 'pyvips[binary]'`). Encoders get the same settings, one thread each. CPU is user and
system time of one run; memory is what the peak adds to the process that has only imported the engine.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageSequence

from bench.common import DEMO_PHOTO, Report, argument_parser, machine_name, peak_memory, run_apart

ENGINES = ("pillow", "libvips")
Case = Callable[[bytes], bytes]


def make_sources(folder: Path) -> None:
    """A 12 MP JPEG and PNG and an animation of 40 frames, made from the demo photo."""
    with Image.open(DEMO_PHOTO) as opened:
        photo = opened.convert("RGB")
    large = photo.resize((4000, 3000), Image.Resampling.BICUBIC)
    large.save(folder / "12mp.jpg", quality=90)
    photo.resize((2000, 1500), Image.Resampling.BICUBIC).save(folder / "3mp.png")
    photo.resize((1000, 750), Image.Resampling.BICUBIC).save(folder / "1mp.png")
    small = photo.resize((520, 400), Image.Resampling.BICUBIC)
    frames = [small.crop((x, 0, x + 480, 360)).quantize(128) for x in range(0, 40)]
    frames[0].save(folder / "40frames.gif", save_all=True, append_images=frames[1:], duration=40, loop=0)


def pillow_encoded(picture: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def pillow_jpeg_thumbnail(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as picture:
        picture.draft("RGB", (600, 450))
        return pillow_encoded(
            picture.resize((300, 225), Image.Resampling.LANCZOS), "WEBP", quality=75, method=4
        )


def pillow_jpeg_half(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as picture:
        small = picture.resize((1600, 1200), Image.Resampling.LANCZOS)
        return pillow_encoded(small, "JPEG", quality=85)


def pillow_jpeg_crop(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as picture:
        return pillow_encoded(picture.crop((1000, 1000, 2500, 2000)), "JPEG", quality=85)


def pillow_png_webp(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as picture:
        return pillow_encoded(picture, "WEBP", quality=75, method=4)


def pillow_png_avif(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as picture:
        return pillow_encoded(picture, "AVIF", quality=60, speed=6, max_threads=1)


def pillow_png_png(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as picture:
        return pillow_encoded(picture.resize((1000, 750), Image.Resampling.LANCZOS), "PNG", compress_level=6)


def pillow_rotate(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as picture:
        return pillow_encoded(picture.transpose(Image.Transpose.ROTATE_270), "JPEG", quality=85)


def pillow_gif(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as picture:
        frames = [f.convert("RGB").resize((240, 180)) for f in ImageSequence.Iterator(picture)]
        return pillow_encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=40, loop=0)


def pillow_gif_webp(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as picture:
        frames = [f.convert("RGB").resize((240, 180)) for f in ImageSequence.Iterator(picture)]
        return pillow_encoded(
            frames[0],
            "WEBP",
            save_all=True,
            append_images=frames[1:],
            duration=40,
            loop=0,
            quality=75,
            method=4,
        )


def pillow_cases() -> dict[str, tuple[str, Case]]:
    return {
        "12 MP JPEG, 300x, WebP": ("12mp.jpg", pillow_jpeg_thumbnail),
        "12 MP JPEG, 1600x, JPEG": ("12mp.jpg", pillow_jpeg_half),
        "12 MP JPEG, crop, JPEG": ("12mp.jpg", pillow_jpeg_crop),
        "12 MP JPEG, rotate 90, JPEG": ("12mp.jpg", pillow_rotate),
        "3 MP PNG, WebP": ("3mp.png", pillow_png_webp),
        "3 MP PNG, 1000x, PNG": ("3mp.png", pillow_png_png),
        "0.75 MP PNG, AVIF": ("1mp.png", pillow_png_avif),
        "GIF of 40 frames, 240x, GIF": ("40frames.gif", pillow_gif),
        "GIF of 40 frames, 240x, WebP": ("40frames.gif", pillow_gif_webp),
    }


def libvips_cases() -> dict[str, tuple[str, Case]]:
    os.environ["VIPS_CONCURRENCY"] = "1"
    import pyvips  # the measured alternative, not a dependency

    pyvips.cache_set_max(0)
    image = pyvips.Image

    def thumbnail(data: bytes, width: int, suffix: str, **options: object) -> bytes:
        return bytes(image.thumbnail_buffer(data, width, no_rotate=True).write_to_buffer(suffix, **options))

    def jpeg_crop(data: bytes) -> bytes:
        picture = image.new_from_buffer(data, "", access="sequential").crop(1000, 1000, 1500, 1000)
        return bytes(picture.jpegsave_buffer(Q=85))

    def rotate(data: bytes) -> bytes:
        return bytes(image.new_from_buffer(data, "").rot90().jpegsave_buffer(Q=85))

    def convert(data: bytes, suffix: str, **options: object) -> bytes:
        return bytes(image.new_from_buffer(data, "", access="sequential").write_to_buffer(suffix, **options))

    def frames(data: bytes, suffix: str, **options: object) -> bytes:
        picture = image.thumbnail_buffer(data, 240, option_string="n=-1")
        return bytes(picture.write_to_buffer(suffix, **options))

    return {
        "12 MP JPEG, 300x, WebP": ("12mp.jpg", lambda d: thumbnail(d, 300, ".webp", Q=75, effort=4)),
        "12 MP JPEG, 1600x, JPEG": ("12mp.jpg", lambda d: thumbnail(d, 1600, ".jpg", Q=85)),
        "12 MP JPEG, crop, JPEG": ("12mp.jpg", jpeg_crop),
        "12 MP JPEG, rotate 90, JPEG": ("12mp.jpg", rotate),
        "3 MP PNG, WebP": ("3mp.png", lambda d: convert(d, ".webp", Q=75, effort=4)),
        "3 MP PNG, 1000x, PNG": (
            "3mp.png",
            lambda d: thumbnail(d, 1000, ".png", compression=6, filter="all"),
        ),
        "0.75 MP PNG, AVIF": ("1mp.png", lambda d: convert(d, ".avif", Q=60, effort=3)),
        "GIF of 40 frames, 240x, GIF": ("40frames.gif", lambda d: frames(d, ".gif")),
        "GIF of 40 frames, 240x, WebP": ("40frames.gif", lambda d: frames(d, ".webp", Q=75, effort=4)),
    }


def measure(engine: str, name: str, folder: Path, runs: int) -> dict[str, float]:
    """One case in this process."""
    file, case = (pillow_cases() if engine == "pillow" else libvips_cases())[name]
    data = (folder / file).read_bytes()
    before = peak_memory()
    size = len(case(data))
    peak = peak_memory()
    wall, cpu = [], []
    for _ in range(runs):
        w, c = time.perf_counter(), time.process_time()
        case(data)
        wall.append(time.perf_counter() - w)
        cpu.append(time.process_time() - c)
    return {"ms": min(wall) * 1e3, "cpu": min(cpu) * 1e3, "mib": (peak - before) / 2**20, "kb": size / 1000}


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--case", nargs=3, metavar=("ENGINE", "NAME", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        engine, name, place = arguments.case
        print(json.dumps(measure(engine, name, Path(place), arguments.runs)))
        return
    engines = [e for e in ENGINES if e == "pillow" or importlib.util.find_spec("pyvips")]
    print(f"machine: {machine_name()}; runs per case: {arguments.runs}, best counts")
    print(f"{'case':32} {'engine':8} {'ms':>8} {'CPU ms':>8} {'peak MiB':>9} {'out kB':>8}")
    with Report("engine", arguments) as report, tempfile.TemporaryDirectory() as temporary:
        make_sources(Path(temporary))
        for name in pillow_cases():
            for engine in engines:
                row = run_apart(
                    "bench.engine", "--runs", str(arguments.runs), "--case", engine, name, temporary
                )
                report.add("engine", case=name, engine=engine, **row)
                numbers = f"{row['ms']:8.1f} {row['cpu']:8.1f} {row['mib']:9.1f} {row['kb']:8.1f}"
                print(f"{name:32} {engine:8} {numbers}", flush=True)


if __name__ == "__main__":
    main()
