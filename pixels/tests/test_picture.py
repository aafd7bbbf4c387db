"""Scaling, cutting and flattening against Pillow, and the module's face."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import openmogr_pixels
import pytest
from openmogr_pixels import ArgumentError, Picture
from openmogr_pixels.pillow import from_pillow, to_pillow
from PIL import Image

FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def assert_alike(picture: Picture, wanted: Image.Image) -> None:
    """95 in 100 samples the same, all but 1 in 10,000 within 1 level, and none further off than 2."""
    assert (picture.mode, picture.size) == (wanted.mode, wanted.size)
    ours = np.frombuffer(picture.data, np.uint8).astype(np.int16)
    difference = np.abs(ours - np.frombuffer(wanted.tobytes(), np.uint8))
    assert difference.max() <= 2
    assert (difference > 1).mean() <= 1e-4
    assert (difference > 0).mean() <= 0.05


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("size", [(300, 200), (511, 97), (900, 700), (768, 100), (1, 1)])
def test_the_same_as_pillow_but_for_rounding(
    photo: Image.Image, mode: str, name: str, size: tuple[int, int]
) -> None:
    image = photo.convert(mode)
    picture = from_pillow(image).resize(*size, filter=name)  # type: ignore[arg-type]
    assert_alike(picture, image.resize(size, FILTERS[name]))


@pytest.mark.parametrize(
    "box", [(0.0, 0.0, 768.0, 512.0), (10.5, 20.25, 500.75, 400.125), (1.0, 2.0, 3.5, 4.0)]
)
def test_windows_in_parts_of_pixels(photo: Image.Image, box: tuple[float, float, float, float]) -> None:
    picture = from_pillow(photo).resize(130, 77, box=box)
    assert_alike(picture, photo.resize((130, 77), Image.Resampling.LANCZOS, box))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_weighs_colour(photo: Image.Image, mode: str) -> None:
    """Seen on any ground, the difference to Pillow's way is at most 2 levels."""
    image = photo.convert(mode)
    image.putalpha(photo.rotate(180).convert("L"))
    ours = to_pillow(from_pillow(image).resize(250, 170)).convert("RGBA")
    wanted = image.resize((250, 170), Image.Resampling.LANCZOS).convert("RGBA")
    for ground in ("black", "white"):
        shown = [Image.alpha_composite(Image.new("RGBA", (250, 170), ground), one) for one in (ours, wanted)]
        first, second = (np.asarray(one).astype(np.int16) for one in shown)
        assert np.abs(first - second).max() <= 2


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK"])
def test_crop(photo: Image.Image, mode: str) -> None:
    image = photo.convert(mode)
    assert to_pillow(from_pillow(image).crop(3, 5, 700, 6)).tobytes() == image.crop((3, 5, 700, 6)).tobytes()


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_flatten(photo: Image.Image, mode: str) -> None:
    image = photo.convert(mode)
    image.putalpha(photo.rotate(180).convert("L"))
    opaque = mode.removesuffix("A")
    color = (250, 3, 77)[: len(opaque)]
    wanted = Image.new(opaque, image.size, color if len(color) > 1 else color[0])
    wanted.paste(image.convert(opaque), mask=image.getchannel("A"))
    assert from_pillow(image).flatten(color).data == wanted.tobytes()
    white = Image.new(opaque, image.size, "white")
    white.paste(image.convert(opaque), mask=image.getchannel("A"))
    assert from_pillow(image).flatten().data == white.tobytes()


def test_there_and_back(photo: Image.Image) -> None:
    for mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        image = photo.convert(mode)
        assert to_pillow(from_pillow(image)).tobytes() == image.tobytes()
    data = bytes(12)
    assert Picture("RGB", 2, 2, data).data is data
    assert repr(Picture("RGB", 2, 2, data)) == "<Picture RGB 2x2>"
    with pytest.raises(ArgumentError, match=r"the mode is .P."):
        from_pillow(photo.quantize(4))


def test_bad_arguments() -> None:
    picture = Picture("RGB", 2, 2, bytearray(12))
    calls: dict[str, Callable[[], object]] = {
        "take 12 bytes, not 11": lambda: Picture("RGB", 2, 2, bytes(11)),
        "picture of 0x2 pixels": lambda: Picture("RGB", 0, 2, b""),
        "of 0x4 pixels": lambda: picture.resize(0, 4),
        "the filter is": lambda: picture.resize(1, 1, filter="sharp"),  # type: ignore[arg-type]
        "the window 0,0 to 2.5,1": lambda: picture.resize(1, 1, box=(0, 0, 2.5, 1)),
        "to NaN": lambda: picture.resize(1, 1, box=(0, 0, float("nan"), 1)),
        "the window 2,0 to 1,1 is empty": lambda: picture.crop(2, 0, 1, 1),
        "does not lie in": lambda: picture.crop(0, 0, 3, 1),
        "have no alpha": lambda: picture.flatten(),
        "has 3 samples, not 1": lambda: Picture("RGBA", 1, 1, bytes(4)).flatten((1,)),
    }
    for told, call in calls.items():
        with pytest.raises(ArgumentError, match=told):
            call()
    with pytest.raises(openmogr_pixels.LimitError, match="cannot be in memory"):
        Picture("L", 2**32 - 1, 2**32 - 1, b"")


def test_errors_are_one_family() -> None:
    for name in ("ArgumentError", "DamagedError", "LimitError", "UnsupportedError"):
        error = getattr(openmogr_pixels, name)
        assert issubclass(error, openmogr_pixels.PixelsError)
        assert issubclass(error, ValueError)
        assert error.__module__ == "openmogr_pixels"
        assert error.__doc__


def test_stubs_match_the_module() -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "openmogr_pixels._openmogr_pixels"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
