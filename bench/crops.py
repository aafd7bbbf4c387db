"""Crops of pictures at equal bytes, side by side: `python -m bench.crops`.

Source, HEIC as pillow-heif writes it, AVIF (speed 4, tuned for SSIMULACRA2), and TPG at the default effort: before it
weighed errors as they are seen (`perceptual=0`) and now. Each codec
gets the coarsest setting whose file of the whole picture has at least as many bits per pixel as asked for, so they
differ by at most a step of the setting; the caption says what came out. Writes `docs/inside/crops.webp`, one row a
crop, twice as large as the pixels.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pillow_heif
import pillow_tpg
from PIL import Image, ImageDraw, ImageFont

from bench.common import ROOT, Report, argument_parser
from bench.perception import renderings
from bench.perception.material import SHARED

SIDE, SCALE, CAPTION = 128, 2, 16
Encode = Callable[[Image.Image, int], bytes]


@dataclass(frozen=True)
class Place:
    """What is shown: a photo (without a name the rendered page of text), a corner, and bits per pixel."""

    title: str
    photo: str | None
    corner: tuple[int, int]
    bits: float


PLACES = (
    Place("face", "kodim04", (190, 190), 0.26),
    Place("hair and cloth", "kodim04", (320, 380), 0.26),
    Place("sky and roof", "kodim16", (250, 40), 0.2),
    Place("text", None, (16, 40), 0.6),
    Place("dark wall", "kodim01", (60, 330), 0.4),
)


def saved(image: Image.Image, name: str, **options: int | str | dict[str, str]) -> bytes:
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def heic(image: Image.Image, setting: int) -> bytes:
    return saved(image, "HEIF", quality=setting)


def avif(image: Image.Image, setting: int) -> bytes:
    return saved(image, "AVIF", quality=setting, speed=4, advanced={"tune": "ssimulacra2"})


def tpg_before(image: Image.Image, setting: int) -> bytes:
    return pillow_tpg.encode(image, qp=63 - setting, perceptual=0.0)


def tpg(image: Image.Image, setting: int) -> bytes:
    return pillow_tpg.encode(image, qp=63 - setting)


CODECS: dict[str, tuple[Encode, int]] = {
    "HEIC": (heic, 100),
    "AVIF": (avif, 100),
    "TPG before": (tpg_before, 63),
    "TPG": (tpg, 63),
}


def at_bits(image: Image.Image, encode: Encode, greatest: int, bits: float) -> tuple[Image.Image, float]:
    """The picture decoded from the first file that is large enough, and its bits per pixel."""
    low, high = 0, greatest
    wanted = bits * image.width * image.height / 8
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(encode(image, middle)) >= wanted else (middle + 1, high)
    data = encode(image, low)
    with Image.open(io.BytesIO(data)) as decoded:
        return decoded.convert("RGB"), 8 * len(data) / (image.width * image.height)


def picture(place: Place) -> Image.Image:
    if place.photo is None:
        return renderings.all_of(seed=1)["text"]
    with Image.open(SHARED / "corpus" / "photos" / f"{place.photo}.png") as image:
        return image.convert("RGB")


def strip(place: Place) -> Image.Image:
    """The row of one crop."""
    source = picture(place)
    shown: list[tuple[str, Image.Image]] = [(place.title, source)]
    for name, (encode, greatest) in CODECS.items():
        decoded, bits = at_bits(source, encode, greatest, place.bits)
        shown.append((f"{name}, {bits:.3f} bits per pixel", decoded))
    cell = SIDE * SCALE
    row = Image.new("RGB", (cell * len(shown), cell + CAPTION), "white")
    draw, font = ImageDraw.Draw(row), ImageFont.load_default(12)
    x, y = place.corner
    for i, (caption, image) in enumerate(shown):
        crop = image.crop((x, y, x + SIDE, y + SIDE))
        row.paste(crop.resize((cell, cell), Image.Resampling.NEAREST), (i * cell, CAPTION))
        draw.text((i * cell + 4, 0), caption, font=font, fill="black")
    return row


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "inside" / "crops.webp")
    options = parser.parse_args()
    pillow_heif.register_heif_opener()
    pillow_tpg.register_tpg_opener()
    with Report("crops", options) as report:
        rows = [strip(place) for place in PLACES]
        report.add("crops", rows=len(rows))
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)), "white")
    y = 0
    for row in rows:
        sheet.paste(row, (0, y))
        y += row.height
    sheet.save(options.output, quality=92)


if __name__ == "__main__":
    main()
