"""Animations with alpha: written, read frame by frame, and what is said where alpha is dropped."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator

import numpy as np
import pillow_tpg
import pytest
from PIL import Image
from pillow_tpg import _frames, encode_animated_image, encode_animation
from pillow_tpg.encode import ToolSet
from pillow_tpg.image import Samples

pillow_tpg.register_tpg_opener()


def disc(n: int, hidden: int = 0) -> Samples:
    """A soft disc that moves over nothing."""
    y, x = np.mgrid[0:48, 0:67]
    alpha = np.clip((14 - np.hypot(x - 18 - 5 * n, y - 24)) * 40 + 128, 0, 255).astype(np.uint8)
    pixels = np.stack([x * 3, y * 5, 255 - x * 2, alpha], 2).astype(np.uint8)
    pixels[alpha == 0, :3] = hidden
    return pixels


def opaque(n: int) -> Samples:
    return np.dstack([disc(n)[:, :, :3], np.full((48, 67), 255, np.uint8)])


@pytest.mark.parametrize("tools", ["full", "genuine"])
def test_alpha_is_kept(tools: ToolSet) -> None:
    frames = [disc(n) for n in range(5)]
    result = encode_animated_image(frames, [8, 3, 500, 2, 9], qp=20, tools=tools, effort=2, alpha="keep")
    assert (result.has_alpha, result.transparency_dropped, result.size) == (True, False, (67, 48))
    info = pillow_tpg.info(result.data)
    assert (info.mode, info.flags, info.frame_count) == ("animation+alpha", 0xD4, 5)
    assert info.delays == [8, 3, 500, 2, 9]
    decoded = list(pillow_tpg.decode_frames(result.data))
    for n, (frame, given) in enumerate(zip(decoded, frames, strict=True)):
        assert frame.alpha is not None
        assert np.abs(frame.alpha.astype(int) - given[:, :, 3]).mean() < 2, n
        visible = given[:, :, 3] == 255
        assert np.abs(frame.rgb().astype(int) - given[:, :, :3])[visible].mean() < 5, n


def test_pillow_seeks_in_frames_with_alpha() -> None:
    file = encode_animation([disc(n) for n in range(4)], 6, qp=20, effort=1, alpha="keep")
    expected = [frame.rgba() for frame in pillow_tpg.decode_frames(file)]
    with Image.open(io.BytesIO(file)) as image:
        assert image.mode == "RGBA"
        for index in (0, 3, 1, 2, 2, 0):
            image.seek(index)
            assert (np.asarray(image) == expected[index]).all(), index


def test_alpha_pictures_only_where_a_frame_is_transparent() -> None:
    plain = [opaque(n)[:, :, :3] for n in range(3)]
    wanted = encode_animation(plain, 5, effort=0)
    assert encode_animation([opaque(n) for n in range(3)], 5, effort=0, alpha="keep") == wanted
    assert encode_animation(iter(plain), 5, effort=0, alpha="keep") == wanted
    late: list[Samples] = [plain[0], opaque(1), disc(2)]
    file = encode_animation(iter(late), 5, qp=10, effort=0, alpha="keep")
    assert file == encode_animation(late, 5, qp=10, effort=0, alpha="keep")
    first, second, third = pillow_tpg.decode_frames(file)
    assert first.alpha is not None
    assert second.alpha is not None
    assert third.alpha is not None
    assert first.alpha.min() == second.alpha.min() == 255
    assert third.alpha.min() < 10


def test_frames_that_differ_in_hidden_colour_are_one() -> None:
    frames = [disc(0, 10), disc(0, 200), disc(1, 10), disc(1, 90), disc(1, 3)]
    file = encode_animation(frames, 4, effort=1, alpha="keep")
    assert pillow_tpg.info(file).delays == [8, 12]
    shallow = disc(1)
    shallow[:, :, 3] //= 2
    assert pillow_tpg.info(encode_animation([disc(1), shallow], 4, alpha="keep")).frame_count == 2


def test_alpha_has_a_quality_of_its_own() -> None:
    frames = [disc(n) for n in range(3)]
    coarse, fine = (
        encode_animation(frames, 5, quality=60, alpha_quality=quality, alpha="keep") for quality in (10, 95)
    )
    assert len(coarse) < len(fine)
    with pytest.raises(ValueError, match="alpha_quality is 0, allowed are 1 to 100"):
        encode_animation(frames, 5, alpha="keep", alpha_quality=0)


def test_alpha_of_opaque_frames_is_written_where_it_always_is(monkeypatch: pytest.MonkeyPatch) -> None:
    late: list[Samples] = [opaque(0)[:, :, :3], opaque(1), disc(2)]
    wanted = encode_animation(late, 5, qp=10, effort=0, alpha="keep")
    monkeypatch.setattr(_frames._Spool, "add", lambda *_: pytest.fail("a frame was recorded"))
    assert encode_animation(iter(late), 5, qp=10, effort=0, alpha="always") == wanted
    file = encode_animation([opaque(n) for n in range(2)], 5, qp=10, effort=0, alpha="always")
    frames = list(pillow_tpg.decode_frames(file))
    assert len(frames) == 2
    assert all(frame.alpha is not None and (frame.alpha == 255).all() for frame in frames)


def test_dropped_transparency_is_told() -> None:
    result = encode_animated_image((disc(n) for n in range(2)), 5, effort=0)
    assert (result.has_alpha, result.transparency_dropped) == (False, True)
    assert not pillow_tpg.info(result.data).has_alpha
    assert not encode_animated_image([opaque(0), opaque(1)], 5, effort=0).transparency_dropped


def images() -> list[Image.Image]:
    return [Image.fromarray(disc(n)) for n in range(3)]


def test_pillow_saves_alpha_if_asked() -> None:
    first, *others = images()
    saved = io.BytesIO()
    first.save(saved, "TPG", save_all=True, append_images=others, duration=50, alpha="keep", effort=1)
    assert pillow_tpg.info(saved.getvalue()).mode == "animation+alpha"
    with pytest.warns(pillow_tpg.TransparencyWarning, match="composed on white"):
        first.save(io.BytesIO(), "TPG", save_all=True, append_images=others, effort=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first.save(io.BytesIO(), "TPG", save_all=True, append_images=others, effort=0, alpha="white")
        Image.fromarray(opaque(0)).save(io.BytesIO(), "TPG", save_all=True, effort=0)


def test_recording_can_be_cancelled() -> None:
    taken = 0

    def frames() -> Iterator[Samples]:
        nonlocal taken
        for n in range(9):
            taken += 1
            yield opaque(n)

    with pytest.raises(pillow_tpg.CancelledError, match="encoding was cancelled"):
        encode_animation(frames(), 5, alpha="keep", cancel=lambda: taken == 3)
    assert taken == 3
