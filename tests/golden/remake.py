"""Make the goldens anew: ``make goldens``. Look at what changed before committing it.

With ``--sources`` the source pictures, too, which are cut out of the demo bucket's photo, and what is laid on them.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from .cases import EXPECTED, GRAVITIES, MARK, OPERATIONS, SOURCES, results, write_sheet

_ROOT = Path(__file__).resolve().parents[2]
_PHOTO = _ROOT / "src" / "openmogr" / "demo" / "sample.png"


def _make_sources(folder: Path) -> None:
    with Image.open(_PHOTO) as image:
        image.load()
    large = image.crop((360, 200, 744, 488))
    # Every fourth pixel: all the detail that a picture can have.
    small = Image.fromarray(np.asarray(image)[300:492:4, 480:736:4].copy())
    large.save(folder / "large.jpg", quality=92, subsampling="4:2:0")
    exif = Image.Exif()
    exif[0x0112] = 6
    small.save(folder / "photo.png", exif=exif)
    small.quantize(32, dither=Image.Dither.NONE).save(folder / "palette.png", transparency=3)
    clear = np.asarray(small.convert("RGBA")).copy()
    y, x = np.mgrid[: small.height, : small.width]
    distance = np.hypot(x - 32, y - 24)
    clear[..., 3] = np.clip((22 - distance) * 40, 0, 255).astype(np.uint8)
    # A colour that must never be seen.
    clear[clear[..., 3] == 0, :3] = (255, 0, 255)
    Image.fromarray(clear).save(folder / "alpha.png")
    grey = np.asarray(small.convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(folder / "deep.png")
    small.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    frames = [Image.fromarray(np.roll(clear, 8 * number, axis=1)) for number in range(3)]
    frames[0].save(
        folder / "animation.webp", save_all=True, append_images=frames[1:], duration=100, lossless=True
    )
    _make_mark()


def _make_mark() -> None:
    """A disc with a soft edge in a frame, of two colours, so that it is seen where up is."""
    y, x = np.mgrid[:14, :18]
    mark = np.zeros((14, 18, 4), np.uint8)
    mark[..., :3] = np.where(y[..., None] < 7, (255, 224, 0), (0, 96, 255))
    mark[..., 3] = np.clip((6.5 - np.hypot(x - 8.5, y - 6.5)) * 120, 0, 255).astype(np.uint8)
    mark[(x < 1) | (y < 1) | (x > 16) | (y > 12)] = (255, 255, 255, 255)
    Image.fromarray(mark).save(MARK)


def main() -> None:
    """Write every sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", action="store_true", help="make the source pictures, too")
    if parser.parse_args().sources:
        shutil.rmtree(SOURCES, ignore_errors=True)
        SOURCES.mkdir()
        _make_sources(SOURCES)
    shutil.rmtree(EXPECTED, ignore_errors=True)
    EXPECTED.mkdir()
    for name in (*OPERATIONS, *GRAVITIES):
        write_sheet(EXPECTED / f"{name}.png", dict(results(name)))


if __name__ == "__main__":
    main()
