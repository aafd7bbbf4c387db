"""Animations to TPG and back, by the real codec."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from .conftest import Run
from .test_animation import DELAYS, animation, read

pillow_tpg = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")


@pytest.mark.parametrize("source", ["gif", "webp", "apng"])
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


def test_transparent_frames_lie_on_white(run: Run) -> None:
    data = animation("webp", "RGBA")
    result = run("imageMogr2/format/tpg/quality/90", data)
    assert not pillow_tpg.info(result.data).has_alpha
    pictures, _ = read(data)
    shown, _ = read(result.data)
    assert np.abs(pictures[0].astype(np.int16) - shown[0]).mean() < 6.0


def test_only_dropped_transparency_is_told(run: Run) -> None:
    transparent, opaque = animation("webp", "RGBA"), animation("webp")
    name = "x-openmogr-transparency-dropped"
    assert run("imageMogr2/format/tpg", transparent).headers[name]
    assert name not in run("imageMogr2/format/tpg", opaque).headers
    assert name not in run("imageMogr2/format/webp/quality/50", transparent).headers


def test_a_still_target_takes_the_first_frame(run: Run) -> None:
    tpg = run("imageMogr2/format/tpg", animation("gif"))
    assert run("imageMogr2/format/png", tpg.data).frame_count == 1
