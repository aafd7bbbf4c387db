"""TPG results are upright, since decoders of TPG do not look at EXIF."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image, ImageOps

from openmogr.image import Processor, Source

from .conftest import Run, decoded, encoded, photo

pillow_tpg = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")

_ORIENTATION = 0x0112


def _source(orientation: int, form: str = "PNG") -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return encoded(photo(96, 64), form, exif=exif)


def _difference(first: Image.Image, second: Image.Image) -> float:
    assert first.size == second.size
    return float(
        np.abs(
            np.asarray(first.convert("RGB"), np.int16) - np.asarray(second.convert("RGB"), np.int16)
        ).mean()
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_turned_and_the_exif_says_so(orientation: int, run: Run, processor: Processor) -> None:
    source = _source(orientation)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(source)))
    result = run("imageMogr2/format/tpg/quality/95", source)
    assert (result.width, result.height) == upright.size
    assert _difference(decoded(result), upright) < 4
    info = processor.image_info(Source(data=result.data))
    assert (info.width, info.height, info.orientation) == (*upright.size, 1)
    told = json.loads(run("imageMogr2/format/tpg|imageInfo", source).data)
    assert (int(told["width"]), int(told["height"])) == upright.size


@pytest.mark.parametrize("form", ["gif", "bmp"])
@pytest.mark.parametrize("more", ["", "/strip"])
def test_formats_that_hold_no_exif_are_upright_too(form: str, more: str, run: Run) -> None:
    """There is nothing else in them to tell their readers."""
    source = _source(6)
    result = run(f"imageMogr2/format/{form}{more}", source)
    assert (result.width, result.height) == (64, 96)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(source)))
    assert _difference(decoded(result), upright) < 12
    kept = run(f"imageMogr2/auto-orient/0/format/{form}{more}", source)
    assert _difference(decoded(kept), photo(96, 64)) < 12


@pytest.mark.parametrize("orientation", [3, 6])
def test_they_stay_where_that_is_asked_for(orientation: int, run: Run, processor: Processor) -> None:
    source = _source(orientation)
    for operation in (
        "imageMogr2/auto-orient/0/format/tpg/quality/95",
        "imageView2/format/tpg/q/95|imageMogr2/auto-orient/0",
    ):
        result = run(operation, source)
        assert _difference(decoded(result), photo(96, 64)) < 4
        info = processor.image_info(Source(data=result.data))
        assert (info.width, info.height, info.orientation) == (96, 64, orientation)


def test_they_are_turned_once(run: Run) -> None:
    for operation in ("imageMogr2/auto-orient/format/tpg", "imageMogr2/format/tpg|imageMogr2/auto-orient"):
        result = run(operation, _source(6))
        assert (result.width, result.height) == (64, 96)


def test_steps_come_before_as_in_other_formats(run: Run) -> None:
    source = _source(6, "JPEG")
    assert (run("imageMogr2/thumbnail/48x/format/webp", source).width) == 48
    result = run("imageMogr2/thumbnail/48x/format/tpg", source)
    assert (result.width, result.height) == (32, 48)
    shown = ImageOps.exif_transpose(decoded(run("imageMogr2/thumbnail/48x/format/png", source)))
    assert _difference(decoded(run("imageMogr2/thumbnail/48x/format/tpg/quality/95!", source)), shown) < 4


def test_without_metadata_they_are_turned_too(run: Run, processor: Processor) -> None:
    result = run("imageMogr2/format/tpg/strip", _source(8))
    info = processor.image_info(Source(data=result.data))
    assert (info.width, info.height, info.orientation) == (64, 96, 0)


def test_size_limits_count_what_is_turned(run: Run) -> None:
    result = run("imageMogr2/format/tpg/size-limit/2k", _source(6))
    assert (result.width, result.height) == (64, 96) == decoded(result).size


def test_a_tpg_is_never_kept_lying(run: Run, processor: Processor) -> None:
    lying = run("imageMogr2/auto-orient/0/format/tpg/quality/30", _source(6)).data
    result = run("imageMogr2/format/tpg/quality/95!", lying)
    info = processor.image_info(Source(data=result.data))
    assert (info.width, info.height, info.orientation) == (64, 96, 1)
    assert run("imageMogr2/auto-orient/0", lying).data == lying


def test_animations_are_turned(run: Run) -> None:
    frames = [photo(96, 64), ImageOps.mirror(photo(96, 64))]
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    source = encoded(
        frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100, lossless=True, exif=exif
    )
    result = run("imageMogr2/format/tpg/quality/95", source)
    assert (result.frame_count, result.width, result.height) == (2, 64, 96)
    with Image.open(io.BytesIO(result.data)) as animation:
        assert animation.size == (64, 96)
        for number, frame in enumerate(frames):
            animation.seek(number)
            assert _difference(animation.copy(), frame.transpose(Image.Transpose.ROTATE_270)) < 5
    kept = run("imageMogr2/auto-orient/0/format/tpg", source)
    assert (kept.width, kept.height) == (96, 64)


def test_other_formats_stay_as_they_are(run: Run) -> None:
    result = run("imageMogr2/format/webp", _source(6))
    assert (result.width, result.height) == (96, 64)
    assert decoded(result).getexif()[_ORIENTATION] == 6
