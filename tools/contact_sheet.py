"""Makes ``docs/use/operations-sheet.webp``: every operation as a server answers it, with its text below.

It starts a server, uploads pictures, gets each operation over HTTP and puts what it shows on one sheet. The pictures
are those of ``tests/golden`` and the photo of ``tests/image/data``, so that the sheet can be made again anywhere. All
extras and the fonts that text watermarks need must be installed.

    python tools/contact_sheet.py [--output FILE]
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from openmogr.errors import NotSupported
from openmogr.image.formats.registry import CONTAINERS
from openmogr.testing import Answer, ServerProcess

__all__ = ["OPERATIONS", "SHEET", "main"]

ROOT = Path(__file__).resolve().parent.parent
SHEET = ROOT / "docs" / "use" / "operations-sheet.webp"
BUCKET = "sheet-1250000000.cos.ap-shanghai.myqcloud.com"

_COLUMNS = 8
_TILE, _CAPTION, _GAP = (168, 150), 52, 8
_LETTERS = 10
_MOST_BYTES = 400_000


def _token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


_LOGO = _token(f"http://{BUCKET}/logo.png")

# By the picture that they are shown on.
OPERATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("photo.jpg", (
        "", "imageMogr2/thumbnail/!50p", "imageMogr2/thumbnail/!50px", "imageMogr2/thumbnail/!x50p",
        "imageMogr2/thumbnail/100x", "imageMogr2/thumbnail/90x90", "imageMogr2/thumbnail/90x90>",
        "imageMogr2/thumbnail/300x300<", "imageMogr2/thumbnail/!100x100r", "imageMogr2/thumbnail/150x60!",
        "imageMogr2/thumbnail/9000@", "imageMogr2/thumbnail/150x130/pad/1/color/I0ZGQzgwMA",
        "imageMogr2/cut/100x80x40x90", "imageMogr2/cut/100x80x0x0/gravity/southeast", "imageMogr2/crop/150x90",
        "imageMogr2/crop/!120x120a30a60", "imageMogr2/scrop/150x120", "imageMogr2/rcrop/1x1.5/gravity/north",
        "imageMogr2/rotate/90", "imageMogr2/rotate/25", "imageMogr2/flip/vertical", "imageMogr2/flip/horizontal",
        "imageMogr2/blur/12x6", "imageMogr2/sharpen/200", "imageMogr2/bright/40", "imageMogr2/bright/-40",
        "imageMogr2/contrast/50", "imageMogr2/contrast/-50", "imageMogr2/grayscale/1",
        "imageMogr2/iradius/80/format/png", "imageMogr2/rradius/40/format/png", "imageMogr2/quality/10",
        "imageMogr2/quality/99!", "imageMogr2/rquality/30", "imageMogr2/lquality/95", "imageMogr2/quality/auto",
        "imageMogr2/target-ssimulacra2/40", "imageMogr2/size-limit/5k", "imageMogr2/interlace/1", "imageMogr2/strip",
        "imageMogr2/metadata/copyright", "imageMogr2/thumbnail/100x/icc/keep",
        "imageMogr2/effort/0", "imageMogr2/effort/9", "imageMogr2/ignore-error/1", "imageMogr2/format/webp/lossless/1",
        *(f"imageMogr2/format/{name}" for name in CONTAINERS if name != "apng"),
        "imageMogr2/AIGCMetadata/Label/MQ/format/png|imageAIGCMetadata",
        "imageView2/0/w/150/h/90", "imageView2/1/w/150/h/90", "imageView2/2/w/150/h/90", "imageView2/3/w/150/h/90",
        "imageView2/4/w/150/h/90", "imageView2/5/w/150/h/90", "imageView2/2/w/120/format/webp/q/30",
        "imageView2/rq/50/lq/30", "imageView2/target-ssimulacra2/50/effort/7/interlace/1/ignore-error/1",
        "imageView2/format/webp/lossless/1/icc/keep/metadata/none",
        f"watermark/1/image/{_LOGO}/gravity/southeast/dx/8/dy/8/dissolve/80",
        f"watermark/1/image/{_LOGO}/scatype/1/spcent/500/gravity/north",
        f"watermark/1/image/{_LOGO}/blogo/1/batch/1/degree/30/dx/20/dy/20/ignore-error/1",
        f"watermark/2/text/{_token('水印 OpenMogr')}/fontsize/24/fill/{_token('#FFFFFF')}/shadow/80",
        f"watermark/2/text/{_token('proof')}/font/{_token('simsun.ttc')}/fontsize/20/fill/{_token('white')}/batch/1/degree/315",
        "imageMogr2/thumbnail/!80p|imageMogr2/rotate/15|imageMogr2/grayscale/1", "style/small", "imageSlim",
        "imageInfo", "imageAve", "exif",
    )),
    ("turned.jpg", ("", "imageMogr2/auto-orient")),
    ("moving.gif", ("", "imageMogr2/cgif/2", "imageMogr2/format/apng", "imageMogr2/thumbnail/50x/format/webp")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Tile:
    operation: str
    source: str
    answer: Answer

    @property
    def caption(self) -> str:
        """The operation as it is written in a URL, or the name of the source."""
        return self.operation.replace(_LOGO, "…") or f"{self.source}, as it is"


def _sources() -> dict[str, bytes]:
    photo = Image.open(ROOT / "tests" / "image" / "data" / "face.jpg").convert("RGB")
    made = {}
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Kodak", "Photo CD"
    made["photo.jpg"] = _file(photo, "JPEG", quality=90, exif=exif.tobytes())
    exif[0x0112] = 6
    turned = photo.transpose(Image.Transpose.ROTATE_90)
    made["turned.jpg"] = _file(turned, "JPEG", quality=90, exif=exif.tobytes())
    frames = [photo.rotate(angle).resize((96, 144)) for angle in (0, 8, 0, -8)]
    made["moving.gif"] = _file(
        frames[0], "GIF", save_all=True, append_images=frames[1:], duration=200, loop=0
    )
    mark = Image.open(ROOT / "tests" / "golden" / "mark.png").convert("RGBA")
    made["logo.png"] = _file(mark.resize((54, 42), Image.Resampling.LANCZOS), "PNG")
    return made


def _file(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def _answers() -> list[_Tile]:
    """What a server answers to each operation."""
    with tempfile.TemporaryDirectory() as folder, ServerProcess(Path(folder) / "data") as server:
        style = (
            "<AddStyle><StyleName>small</StyleName><StyleBody>imageMogr2/thumbnail/80x</StyleBody></AddStyle>"
        )
        setup = [server.request("PUT", "/", b"", host=BUCKET)]
        for name, data in _sources().items():
            kind = {"Content-Type": f"image/{name.rpartition('.')[2].replace('jpg', 'jpeg')}"}
            setup.append(server.request("PUT", f"/{name}", data, kind, host=BUCKET))
        setup.append(server.request("PUT", "/?style", style.encode(), host=BUCKET))
        tiles = []
        for name, operations in OPERATIONS:
            for operation in operations:
                target = f"/{name}?{operation}".removesuffix("?")
                tiles.append(_Tile(operation, name, server.request("GET", target, host=BUCKET)))
    for what in [*setup, *(tile.answer for tile in tiles)]:
        if what.status != 200:
            raise SystemExit(f"the server answers {what.status}: {what.body.decode(errors='replace')}")
    return tiles


def _shown(tile: _Tile, font: ImageFont.FreeTypeFont) -> tuple[Image.Image, str]:
    """The answer in a tile's size, a picture or the beginning of a document; and its kind, size and length."""
    kind = (tile.answer.header("Content-Type") or "").rpartition("/")[2]
    told = f"{len(tile.answer.body):,} bytes"
    canvas = Image.new("RGB", _TILE, "#e8e8e8")
    if tile.answer.body[:1] == b"{":
        document = json.dumps(json.loads(tile.answer.body), indent=1)
        lines = [part for line in document.splitlines() for part in textwrap.wrap(line, 30) or [""]]
        ImageDraw.Draw(canvas).multiline_text((6, 4), "\n".join(lines[:11]), "black", font, spacing=2)
        return canvas, f"{kind}, {told}"
    with Image.open(io.BytesIO(tile.answer.body)) as image:
        picture = image.convert("RGBA")
    size = picture.size
    picture.thumbnail(_TILE, Image.Resampling.LANCZOS)
    place = (_TILE[0] - picture.width) // 2, (_TILE[1] - picture.height) // 2
    canvas.paste(picture, place, picture)
    return canvas, f"{kind} {size[0]}x{size[1]}, {told}"


def _sheet(tiles: list[_Tile]) -> Image.Image:
    font = ImageFont.load_default(_LETTERS)
    assert isinstance(font, ImageFont.FreeTypeFont)
    width, height = _TILE[0] + _GAP, _TILE[1] + _CAPTION + _GAP
    rows = -(-len(tiles) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * width + _GAP, rows * height + _GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for number, tile in enumerate(tiles):
        left, top = _GAP + number % _COLUMNS * width, _GAP + number // _COLUMNS * height
        picture, told = _shown(tile, font)
        sheet.paste(picture, (left, top))
        lines = _wrapped(tile.caption, font)
        if len(lines) > 3:
            lines = [*lines[:2], lines[2][:-2] + "…"]
        draw.multiline_text((left, top + _TILE[1] + 1), "\n".join(lines), "black", font, spacing=1)
        place = left, top + _TILE[1] + 2 + 12 * len(lines)
        draw.text(place, told, "#707070", font)
    return sheet


def _wrapped(text: str, font: ImageFont.FreeTypeFont) -> list[str]:
    lines = [""]
    for letter in text:
        if font.getlength(lines[-1] + letter) > _TILE[0]:
            lines.append("")
        lines[-1] += letter
    return lines


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=SHEET)
    output: Path = parser.parse_args().output
    for container in CONTAINERS.values():
        try:
            container.check_readable()
        except NotSupported as error:
            sys.exit(error.message)
    sheet = _sheet(_answers())
    data = _file(sheet, "WEBP", quality=60, method=6)
    if len(data) > _MOST_BYTES:
        sys.exit(f"the sheet would have {len(data)} bytes, more than {_MOST_BYTES}")
    output.write_bytes(data)
    print(f"{output}: {sheet.width}x{sheet.height}, {len(data)} bytes")


if __name__ == "__main__":
    main()
