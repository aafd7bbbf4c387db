"""Animations to TPG and back, by the real codec."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from openmogr.errors import ImageResolutionExceed
from openmogr.image import ImageSettings, Processor, Source, parse_operation

from .conftest import Pixels, Run, decoded, encoded, on_white, psnr
from .test_animation import DELAYS, animation, frames, read

pillow_tpg = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")


@pytest.mark.parametrize("source", ["gif", "webp", "apng", "avif"])
def test_frames_and_delays_are_kept(source: str, run: Run) -> None:
    data = animation(source)
    result = run("imageMogr2/format/tpg/quality/90", data)
    info = pillow_tpg.info(result.data)
    assert (result.content_type, result.frame_count) == ("image/tpg", len(DELAYS))
    assert (info.is_animated, info.frame_count) == (True, len(DELAYS))
    assert [10 * delay for delay in info.delays] == DELAYS
    pictures, _ = read(data)
    shown, _ = read(result.data)
    for wanted, found in zip(pictures, shown, strict=True):
        assert np.abs(wanted.astype(np.int16) - found).mean() < 6.0


def test_there_and_back(run: Run) -> None:
    tpg = run("imageMogr2/thumbnail/!50p/format/tpg", animation("gif"))
    back = Image.open(io.BytesIO(run("imageMogr2/format/gif", tpg.data).data))
    assert (back.size, back.n_frames) == ((32, 24), len(DELAYS))  # type: ignore[attr-defined]
    again = run("imageMogr2/format/tpg", run("imageMogr2/format/gif", tpg.data).data)
    assert pillow_tpg.info(again.data).delays == pillow_tpg.info(tpg.data).delays


STEPS = "imageMogr2/thumbnail/40x/crop/30x20/rotate/90"


def stepped(source: bytes) -> list[Pixels]:
    """What the steps make of each frame, by Pillow's own arithmetic."""
    pictures, _ = read(source)
    made = []
    for picture in pictures:
        small = Image.fromarray(picture).resize((40, 30), Image.Resampling.LANCZOS)
        small = small.resize((30, 23), Image.Resampling.LANCZOS).crop((0, 1, 30, 21))
        made.append(np.ascontiguousarray(np.rot90(np.asarray(small), -1)))
    return made


@pytest.mark.parametrize(
    ("origin", "target"),
    [
        ("gif", "tpg"),
        ("webp", "tpg"),
        ("apng", "tpg"),
        ("avif", "tpg"),
        ("tpg", "tpg"),
        ("tpg", "gif"),
        ("tpg", "webp"),
        ("tpg", "apng"),
        ("tpg", "avif"),
    ],
)
def test_steps_keep_frames_and_timing(origin: str, target: str, run: Run) -> None:
    data = run("imageMogr2/format/tpg", animation("apng")).data if origin == "tpg" else animation(origin)
    result = run(f"{STEPS}/format/{target}/quality/95!", data)
    pictures, delays = read(result.data)
    assert (result.width, result.height, result.frame_count) == (20, 30, len(DELAYS))
    assert delays == DELAYS
    for found, wanted in zip(pictures, stepped(data), strict=True):
        assert psnr(found, wanted) > 24


def test_information_and_limits(run: Run) -> None:
    tpg = run("imageMogr2/format/tpg", animation("gif")).data
    assert json.loads(run("imageInfo", tpg).data)["frame_count"] == "5"
    assert json.loads(run("imageMogr2/format/tpg|imageInfo", animation("gif")).data)["frame_count"] == "5"
    assert Processor(ImageSettings()).image_info(Source(data=tpg)).frame_count == 5
    for settings in (ImageSettings(max_frames=4), ImageSettings(max_animation_pixels=64 * 48 * 5 - 1)):
        for operation in ("imageInfo", "imageMogr2/format/png", "imageMogr2/format/gif"):
            with pytest.raises(ImageResolutionExceed) as caught:
                Processor(settings).execute(parse_operation(operation), Source(data=tpg))
            assert caught.value.number == -447


def test_cgif_cuts_frames_off(run: Run) -> None:
    assert run("imageMogr2/cgif/3/format/tpg", animation("gif")).frame_count == 3
    tpg = run("imageMogr2/format/tpg", animation("gif")).data
    assert run("imageMogr2/cgif/3/format/gif", tpg).frame_count == 5


def test_delays_beyond_those_of_gif(run: Run) -> None:
    first, second = frames(2)
    source = encoded(first, "WEBP", save_all=True, append_images=[second], duration=[700_000, 70])
    info = pillow_tpg.info(run("imageMogr2/format/tpg", source).data)
    assert sum(info.delays) == 70_007


def test_transparent_frames_keep_their_alpha(run: Run) -> None:
    data = animation("webp", "RGBA")
    result = run("imageMogr2/format/tpg/quality/90", data)
    assert pillow_tpg.info(result.data).has_alpha
    with Image.open(io.BytesIO(data)) as source, Image.open(io.BytesIO(result.data)) as written:
        for number in range(len(DELAYS)):
            source.seek(number)
            written.seek(number)
            before, after = (np.asarray(image.convert("RGBA"), np.int16) for image in (source, written))
            assert np.abs(before[..., 3] - after[..., 3]).mean() < 2.0
            assert psnr(on_white(source), on_white(written)) > 28


def test_opaque_animations_have_no_alpha(run: Run) -> None:
    result = run("imageMogr2/format/tpg", animation("webp"))
    assert not pillow_tpg.info(result.data).has_alpha


@pytest.mark.parametrize("target", ["jpg", "yjpeg", "png", "bmp", "tiff", "heif", "heic"])
def test_a_still_target_takes_the_first_frame(target: str, run: Run) -> None:
    if target.startswith("hei"):
        pytest.importorskip("pillow_heif", reason="the extra [heif] is not installed").register_heif_opener()
    tpg = run("imageMogr2/format/tpg/quality/90", animation("gif"))
    still = run(f"imageMogr2/format/{target}/quality/90", tpg.data)
    assert still.frame_count == 1
    assert psnr(on_white(decoded(still)), read(tpg.data)[0][0]) > 24
