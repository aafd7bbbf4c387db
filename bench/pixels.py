"""``openmogr_pixels`` against Pillow, primitive by primitive: ``python -m bench.pixels``.

CPU time in milliseconds, the least of some runs that alternate; the ratio is what to compare between machines.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable

from openmogr_pixels import decode_jpeg, decode_png, encode_jpeg, encode_png, has_jpeg_simd
from openmogr_pixels.pillow import from_pillow
from PIL import Image

from bench.common import DEMO_PHOTO, Report, argument_parser, machine_name

LANCZOS = Image.Resampling.LANCZOS
Call = Callable[[], object]


def written(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def read(data: bytes, size: tuple[int, int] | None = None) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    if size:
        image.draft(None, size)
    image.load()
    return image


def scaling() -> dict[str, tuple[Call, Call]]:
    with Image.open(DEMO_PHOTO) as opened:
        photo = opened.convert("RGB")
    large = photo.resize((4000, 3000), Image.Resampling.BICUBIC)
    half = large.resize((2000, 1500), LANCZOS)
    clear = large.convert("RGBA")
    pixels, halves, translucent = from_pillow(large), from_pillow(half), from_pillow(clear)
    white = Image.new("RGB", clear.size, "white")
    return {
        "Lanczos 4000 to 1600": (
            lambda: large.resize((1600, 1200), LANCZOS),
            lambda: pixels.resize(1600, 1200),
        ),
        "Lanczos 2000 to 1600": (
            lambda: half.resize((1600, 1200), LANCZOS),
            lambda: halves.resize(1600, 1200),
        ),
        "Lanczos 2000 to 512": (lambda: half.resize((512, 384), LANCZOS), lambda: halves.resize(512, 384)),
        "Lanczos 4000 to 1600, RGBA": (
            lambda: clear.resize((1600, 1200), LANCZOS),
            lambda: translucent.resize(1600, 1200),
        ),
        "12 MP on white": (lambda: white.paste(clear, mask=clear.getchannel("A")), translucent.flatten),
        "12 MP to Pillow and back": (lambda: large.copy(), lambda: from_pillow(large)),
    }


def codecs() -> dict[str, tuple[Call, Call]]:
    with Image.open(DEMO_PHOTO) as opened:
        large = opened.convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC)
    small = large.resize((1600, 1200), LANCZOS)
    jpeg, png = written(large, "JPEG", quality=90), written(large, "PNG", compress_level=6)
    box = (1250, 1000, 2750, 2000)
    pixels = from_pillow(small)
    return {
        "JPEG decode 12 MP": (lambda: read(jpeg), lambda: decode_jpeg(jpeg)),
        "JPEG decode 12 MP at 1/2": (lambda: read(jpeg, (2000, 1500)), lambda: decode_jpeg(jpeg, scale=4)),
        "JPEG decode 12 MP at 1/4": (lambda: read(jpeg, (1000, 750)), lambda: decode_jpeg(jpeg, scale=2)),
        "JPEG decode 1.5 of 12 MP": (lambda: read(jpeg).crop(box), lambda: decode_jpeg(jpeg, box=box)),
        "JPEG encode 2 MP": (
            lambda: written(small, "JPEG", quality=80),
            lambda: encode_jpeg(pixels, quality=80),
        ),
        "JPEG encode 2 MP, optimised": (
            lambda: written(small, "JPEG", quality=80, optimize=True),
            lambda: encode_jpeg(pixels, quality=80, optimize=True),
        ),
        "PNG decode 12 MP": (lambda: read(png), lambda: decode_png(png)),
        "PNG encode 2 MP, fast": (
            lambda: written(small, "PNG", compress_level=1),
            lambda: encode_png(pixels, level=0, palette=False),
        ),
        "PNG encode 2 MP, usual": (
            lambda: written(small, "PNG", compress_level=6),
            lambda: encode_png(pixels, palette=False),
        ),
    }


def spent(call: Call) -> float:
    before = time.process_time()
    call()
    return 1000 * (time.process_time() - before)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    simd = has_jpeg_simd()
    print(f"machine: {machine_name()}; SIMD in JPEG: {'yes' if simd else 'no'}")
    print(f"{'primitive':32} {'Pillow':>9} {'pixels':>9} {'ratio':>7}   bytes where they are written")
    with Report("pixels", arguments) as report:
        for name, (theirs, ours) in {**scaling(), **codecs()}.items():
            pairs = [(spent(theirs), spent(ours)) for _ in range(arguments.runs)]
            first, second = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
            sizes = [len(made) for made in (theirs(), ours()) if isinstance(made, bytes)]
            told = f"   {sizes[0]}, {sizes[1]}" if len(sizes) == 2 else ""
            print(f"{name:32} {first:9.1f} {second:9.1f} {second / first:7.2f}{told}", flush=True)
            before, after = sizes if len(sizes) == 2 else (None, None)
            report.add(
                "primitives",
                primitive=name,
                pillow_cpu_ms=first,
                pixels_cpu_ms=second,
                pillow_bytes=before,
                pixels_bytes=after,
                jpeg_simd=simd,
            )


if __name__ == "__main__":
    main()
