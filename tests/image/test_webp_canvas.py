"""Animated WebPs whose frames do not cover the canvas: it is transparent there, whatever the alpha flag says."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from openmogr.image import ImageSettings, Loss, Processor, Result, Source, parse_operation
from openmogr.image.formats.webp_parts.headers import leaves_canvas_open


def webp(*frames: Image.Image) -> bytes:
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], duration=100, lossless=True)
    return out.getvalue()


def sprites(count: int) -> list[Image.Image]:
    """An opaque rectangle that moves over nothing."""
    stills = [Image.new("RGBA", (24, 16)) for _ in range(count)]
    for number, still in enumerate(stills):
        still.paste((255, 0, 60 * number, 255), (6 * number, 4, 6 * number + 8, 12))
    return stills


def run(operation: str, data: bytes) -> Result:
    return Processor(ImageSettings()).execute(parse_operation(operation), Source(data=data))


@pytest.fixture
def unmarked() -> bytes:
    """As libwebp writes it: without the alpha flag, since every frame is opaque in its own rectangle."""
    data = webp(*sprites(3))
    assert data[12:16] == b"VP8X"
    assert not data[20] & 0x10
    return data


@pytest.mark.parametrize("name", ["png", "gif", "apng", "tpg"])
def test_what_no_frame_covers_is_transparent(name: str, unmarked: bytes) -> None:
    if name == "tpg":
        pytest.importorskip("pillow_tpg")
    made = run(f"imageMogr2/format/{name}/quality/100", unmarked)
    with Image.open(io.BytesIO(made.data)) as image:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    # TPG codes alpha with loss.
    assert alpha[:4].max() < 8
    assert alpha[5:11, 1:7].min() > 247


def test_the_loss_of_it_is_told(unmarked: bytes) -> None:
    made = run("imageMogr2/format/jpg", unmarked)
    assert Loss.alpha in made.losses
    with Image.open(io.BytesIO(made.data)) as image:
        assert np.asarray(image.convert("RGB"))[1, 20].min() > 240


def test_a_covered_canvas_stays_opaque() -> None:
    colours = [Image.new("RGB", (24, 16), colour) for colour in ("red", "blue")]
    colours[1].paste("red", (0, 0, 12, 16))
    data = webp(*colours)
    assert not leaves_canvas_open(io.BytesIO(data))
    with Image.open(io.BytesIO(run("imageMogr2/format/png", data).data)) as image:
        assert np.asarray(image.convert("RGBA"))[..., 3].min() == 255


def test_headers_that_lie_end() -> None:
    data = webp(*sprites(2))
    for cut in range(30, len(data)):
        leaves_canvas_open(io.BytesIO(data[:cut]))
    huge = data[:34] + b"\xff\xff\xff\xff" + data[38:]
    assert not leaves_canvas_open(io.BytesIO(huge))
