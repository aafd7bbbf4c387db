"""What is compared with goldens: every operation on every kind of picture."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from openmogr.errors import InvalidImageFormat
from openmogr.image import ImageSettings, Processor, Source, parse_operation
from openmogr.image.language.operations import Gravity

__all__ = [
    "EXPECTED",
    "FONT",
    "GRAVITIES",
    "MARK",
    "OPERATIONS",
    "SOURCES",
    "WRITING",
    "read_sheet",
    "results",
    "write_sheet",
]

_HERE = Path(__file__).resolve().parent
EXPECTED = _HERE / "expected"
SOURCES = _HERE / "sources"


def _token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


# File name of the goldens to operation.
OPERATIONS = {
    "percent": "thumbnail/!50p",
    "percent-width": "thumbnail/!150px",
    "fit": "thumbnail/40x40",
    "shrink": "thumbnail/29x>",
    "enlarge": "thumbnail/x70<",
    "cover": "thumbnail/!30x30r",
    "exact": "thumbnail/21x33!",
    "area": "thumbnail/800@",
    "pad": "thumbnail/40x40/pad/1/color/IzMzNjY5OQ",
    "cut": "cut/24x20x10x5/gravity/southeast",
    "crop": "crop/30x40/gravity/west",
    "ratio": "rcrop/0.5x0.9/gravity/east",
    "old-crop": "crop/!30x20a20a10",
    "auto-orient": "auto-orient",
    "rotate-90": "rotate/90",
    "rotate-30": "rotate/30",
    "flip": "flip/vertical",
    "mirror": "flip/horizontal",
    "blur": "blur/6x3",
    "sharpen": "sharpen/150",
    "bright": "bright/40",
    "contrast": "contrast/-40",
    "grayscale": "grayscale/1",
    "iradius": "iradius/18",
    "rradius": "rradius/15",
    "view-0": "imageView2/0/w/40/h/20",
    "view-1": "imageView2/1/w/30/h/30",
    "view-2": "imageView2/2/w/30/h/30",
    "view-3": "imageView2/3/w/30/h/30",
    "view-4": "imageView2/4/w/30/h/20",
    "view-5": "imageView2/5/w/40/h/20",
    "pipeline": "thumbnail/!70p/rotate/90|imageMogr2/crop/20x20/sharpen/80",
    "watermark-image": f"watermark/1/image/{_token('logo')}/dx/4/dy/2",
    "watermark-image-scaled": f"watermark/1/image/{_token('logo')}/scatype/1/spcent/600/gravity/north/dissolve/60",
    "watermark-image-tiled": f"watermark/1/image/{_token('logo')}/batch/1/degree/30/dx/2/dy/3/dissolve/70",
    "watermark-text": f"watermark/2/text/{_token('水印')}/fontsize/20/fill/{_token('#FF8000')}/shadow/80",
    "watermark-text-tiled": f"watermark/2/text/{_token('a国')}/batch/1/degree/30/fill/{_token('#FFFFFF')}",
}

# The large photo is for what its decoder may shrink already; as it is, it would be too large for here.
_LARGE = "large"
_SHRINKING = {"fit", "cover", "exact", "area", "crop", "view-0", "view-1", "view-2", "view-3", "view-5"}

_GAP = 2

# By anchor, over the photo alone: what stands there.
GRAVITIES = {
    "watermark-image-gravities": f"watermark/1/image/{_token('logo')}/dx/3/dy/5/gravity/",
    "watermark-text-gravities": f"watermark/2/text/{_token('水Ag')}/fill/{_token('#FFFFFF')}/dx/3/dy/5/gravity/",
}
# Operations that write, which need the font that they were made with.
WRITING = {"watermark-text", "watermark-text-tiled", "watermark-text-gravities"}
FONT = "Noto Sans CJK SC"
# Laid on the others, and of no format that loses anything.
MARK = _HERE / "mark.png"

Pixels = npt.NDArray[np.uint8]


def results(name: str) -> Iterator[tuple[str, Pixels]]:
    """The result of an operation for every source that it takes, as RGBA; frames lie side by side."""
    if name in GRAVITIES:
        for gravity in Gravity.__members__:
            yield gravity, _made(GRAVITIES[name] + gravity, SOURCES / "photo.png")
        return
    text = OPERATIONS[name] if name.startswith(("view", "watermark")) else f"imageMogr2/{OPERATIONS[name]}"
    for path in sorted(SOURCES.iterdir()):
        source = path.stem
        if source == _LARGE and name not in _SHRINKING:
            continue
        try:
            yield source, _made(text, path)
        except InvalidImageFormat:
            continue


def _made(text: str, path: Path) -> Pixels:
    target = "apng" if path.stem == "animation" else "png"
    pipeline = parse_operation(f"{text}|imageMogr2/format/{target}")
    further = {"logo": Source(path=MARK)} if pipeline.further_sources else {}
    data = Processor(ImageSettings()).execute(pipeline, Source(path=path), further).data
    with Image.open(io.BytesIO(data)) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGBA")))
    return np.concatenate(frames, axis=1)


def write_sheet(path: Path, tiles: dict[str, Pixels]) -> None:
    """Put pictures below each other into one PNG, which knows where each is."""
    width = max(tile.shape[1] for tile in tiles.values())
    height = sum(tile.shape[0] + _GAP for tile in tiles.values()) - _GAP
    sheet = np.zeros((height, width, 4), np.uint8)
    boxes: dict[str, tuple[int, int, int]] = {}
    top = 0
    for name, tile in tiles.items():
        sheet[top : top + tile.shape[0], : tile.shape[1]] = tile
        boxes[name] = (top, tile.shape[1], tile.shape[0])
        top += tile.shape[0] + _GAP
    info = PngInfo()
    info.add_text("boxes", json.dumps(boxes))
    Image.fromarray(sheet).save(path, optimize=True, pnginfo=info)


def read_sheet(path: Path) -> dict[str, Pixels]:
    """The pictures of a sheet."""
    with Image.open(path) as image:
        sheet = np.asarray(image.convert("RGBA"))
        boxes = json.loads(image.info["boxes"])
    return {name: sheet[top : top + height, :width] for name, (top, width, height) in boxes.items()}
