"""Animations that are written are read with their frames and delays."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pillow_tpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence
from pillow_tpg import TpgError, encode_animated_image, encode_animation
from pillow_tpg import _pillow_tpg as native
from pillow_tpg.encode import ToolSet
from pillow_tpg.image import Samples
from pillow_tpg.settings import Settings


@pytest.fixture(autouse=True)
def opener() -> None:
    pillow_tpg.register_tpg_opener()


def frame(n: int, width: int = 61, height: int = 45) -> Samples:
    """A square that moves over a gradient."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 4, y * 5, 255 - x * 2], 2).astype(np.uint8)
    pixels[10:20, 3 * n : 3 * n + 10] = (240, 240, 250)
    return pixels


def start(
    width: int,
    height: int,
    *,
    qp: int,
    qp_fraction: int = 0,
    alpha_qp: int | None,
    effort: int,
    tools: ToolSet,
) -> native.AnimationEncoder:
    settings: Settings = {
        "alpha_qp": alpha_qp,
        "exif": None,
        "chroma": "box",
        "effort": effort,
        "tools": tools,
    }
    return native.AnimationEncoder(width, height, qp, settings, qp_fraction=qp_fraction)


def reconstructions(encoder: native.AnimationEncoder) -> Iterator[bytes]:
    """What decoders make of the frames that wait in an encoder."""
    while encoder.counts()[1]:
        encoder.encode_next(progress=None, cancel=None)
        yield bytes(encoder.rgb())


def psnr(a: Samples, b: Samples) -> float:
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def test_frames_and_delays_are_kept() -> None:
    delays = [8, 3, 500, 2, 65535]
    file = encode_animation((frame(n) for n in range(5)), delays, qp=16, effort=2)
    info = pillow_tpg.info(file)
    assert (info.frame_count, info.width, info.height, info.is_animated) == (5, 61, 45, True)
    assert list(info.delays) == delays
    decoded = list(pillow_tpg.decode_frames(file))
    for n, picture in enumerate(decoded):
        assert psnr(picture.rgb(), frame(n)) > 36, n


def test_equal_frames_are_merged() -> None:
    frames = [frame(0), frame(0), frame(1), frame(1), frame(0)]
    file = encode_animation(frames, [4, 0, 1, 7, 5], quality=50, effort=1)
    assert list(pillow_tpg.info(file).delays) == [14, 17, 5]


def test_frames_are_taken_one_by_one() -> None:
    taken = 0
    progress: list[int] = []

    def frames() -> Iterator[Samples]:
        nonlocal taken
        for n in range(4):
            taken += 1
            yield frame(n)

    def cancel() -> bool:
        progress.append(taken)
        return taken == 3

    with pytest.raises(pillow_tpg.CancelledError):
        encode_animation(frames(), 5, qp=40, effort=0, cancel=cancel)
    assert taken == 3
    assert {1, 2, 3} <= set(progress)


def test_bytes_do_not_depend_on_threads_or_instructions() -> None:
    frames = [frame(n, 150, 140) for n in range(3)]
    file = encode_animation(frames, 4, qp=30, effort=4)
    assert encode_animation(frames, 4, qp=30, effort=4, threads=3) == file
    assert encode_animation(frames, 4, qp=30, effort=4, simd="scalar") == file


def test_alpha_is_composed_on_white() -> None:
    clear = np.zeros((24, 32, 4), np.uint8)
    clear[:, 16:] = (10, 20, 30, 255)
    file = encode_animation([clear, clear[:, ::-1]], 5, qp=8, effort=1)
    first, second = (picture.rgb() for picture in pillow_tpg.decode_frames(file))
    assert not pillow_tpg.info(file).has_alpha
    assert first[4, 4].min() > 245
    assert second[4, 4].max() < 40


def test_long_delays_are_shared_by_copies() -> None:
    file = encode_animation([frame(0), frame(1), frame(1)], [65536, 65535, 70000], effort=0)
    assert list(pillow_tpg.info(file).delays) == [65533, 3, 65535, 65535, 4465]
    pictures = [picture.rgb() for picture in pillow_tpg.decode_frames(file)]
    for copy, original in ((1, 0), (3, 2), (4, 2)):
        assert psnr(pictures[copy], pictures[original]) > 40


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    size=st.tuples(st.integers(1, 80), st.integers(1, 80)),
    seeds=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 70_000)), min_size=1, max_size=6),
    alpha=st.booleans(),
    qp=st.integers(0, 63),
    effort=st.integers(0, 6),
    tools=st.sampled_from(["full", "genuine"]),
)
def test_random_animations(
    size: tuple[int, int],
    seeds: list[tuple[int, int]],
    alpha: bool,
    qp: int,
    effort: int,
    tools: ToolSet,
) -> None:
    """Decoded frames are those of the encoder, by both instruction sets, and delays add up."""
    height, width = size
    channels = 4 if alpha else 3
    pictures = [
        np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8) for seed, _ in seeds
    ]
    encoder = start(width, height, qp=qp, alpha_qp=qp if alpha else None, effort=effort, tools=tools)
    for picture, (_, delay) in zip(pictures, seeds, strict=True):
        encoder.push(picture, channels, delay, progress=None, cancel=None)
    expected = list(reconstructions(encoder))
    file = encoder.finish(cancel=None)
    info = pillow_tpg.info(file)
    assert info.has_alpha == alpha
    assert sum(info.delays) == sum(10 if delay < 2 else delay for _, delay in seeds)
    frames = list(pillow_tpg.decode_frames(file))
    # Long delays are shared by copies of a frame.
    assert set(expected) <= {frame.rgb().tobytes() for frame in frames}
    assert frames[-1].rgb().tobytes() == expected[-1]
    for frame, portable in zip(frames, pillow_tpg.decode_frames(file, simd="scalar"), strict=True):
        assert np.array_equal(frame.rgba(), portable.rgba())


GIFS = [
    ("rotating_earth.gif", 5, 6),
    ("iss634.gif", 5, 12),
    ("SmallFullColourGIF.gif", 6, 6),
    ("nyan-cat.gif", 5, 4),
    ("dancing-banana.gif", 5, 8),
    ("animated-loop-3.gif", 7, 3),
]


@pytest.mark.parametrize("tools", ["full", "genuine"])
@pytest.mark.parametrize(("name", "effort", "count"), GIFS)
def test_frames_of_gifs(shared: Path, name: str, effort: int, count: int, tools: ToolSet) -> None:
    """Frames of real animations decode to what the encoder says."""
    with Image.open(shared / "corpus" / "inputs" / name) as image:
        frames = [np.asarray(frame.convert("RGB")) for frame in islice(ImageSequence.Iterator(image), count)]
    height, width, _ = frames[0].shape
    encoder = start(width, height, qp=27, alpha_qp=None, effort=effort, tools=tools)
    expected: list[bytes] = []
    for pixels in frames:
        encoder.push(pixels, 3, 8, progress=None, cancel=None)
        if encoder.counts()[0] > len(expected):
            expected.append(bytes(encoder.rgb()))
    expected += reconstructions(encoder)
    decoded = [frame.rgb() for frame in pillow_tpg.decode_frames(encoder.finish(cancel=None))]
    assert [picture.tobytes() for picture in decoded] == expected
    # Equal frames are one.
    distinct = [a for a, b in zip(frames, [None, *frames], strict=False) if b is None or (a != b).any()]
    assert len(decoded) == len(distinct)
    assert all(psnr(picture, source) > 26 for picture, source in zip(decoded, distinct, strict=True))


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        encode_animation([], 5)
    with pytest.raises(ValueError, match="frame 1 has 30x45 pixels, the first one 61x45"):
        encode_animation([frame(0), frame(1, 30)], 5)
    with pytest.raises(ValueError, match="delay 0 is 6553501, allowed are 0 to 6553500"):
        encode_animation([frame(0)], 6553501)
    with pytest.raises(ValueError, match="there are 1 delays for more frames"):
        encode_animation([frame(0), frame(1)], [5])
    with pytest.raises(ValueError, match="there are more delays than the 1 frames"):
        encode_animation([frame(0)], [5, 5])
    with pytest.raises(ValueError, match="alpha is 'black', allowed are 'white', 'keep' and 'always'"):
        encode_animation([frame(0)], 5, alpha="black")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cannot go together"):
        encode_animation([frame(0)], 5, qp=3, quality=70)
    with pytest.raises(ValueError, match="effort is 10"):
        encode_animation([frame(0)], 5, effort=10)
    for qp in (-0.1, 63.01, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"qp is {qp}, allowed are 0 to 63"):
            encode_animation([frame(0)], 5, qp=qp)
    with pytest.raises(TpgError, match="qp_fraction is out of range: 16"):
        start(61, 45, qp=3, qp_fraction=16, alpha_qp=None, effort=0, tools="full")


@pytest.mark.parametrize("tools", ["full", "genuine"])
def test_fractions_of_qps(tools: ToolSet) -> None:
    random = np.random.default_rng(5)
    frames = [(frame(n) * 0.7 + random.integers(0, 70, (45, 61, 3))).astype(np.uint8) for n in range(18)]
    sizes = [len(encode_animation(frames, 5, qp=30 + n / 16, tools=tools, effort=1)) for n in range(0, 17, 2)]
    assert sizes[0] > sizes[-1]
    # No step is more than a third of the way, and none leads far back.
    steps = [(before - after) / (sizes[0] - sizes[-1]) for before, after in pairwise(sizes)]
    assert all(-0.1 < step < 0.34 for step in steps), sizes
    assert len(set(sizes)) == len(sizes)
    finer = encode_animated_image(frames, 5, qp=30.49, tools=tools, effort=1)
    assert finer.qp == 30.5
    assert len(finer.data) == sizes[4]
    assert encode_animation(frames[:4], 5, qp=62.99) == encode_animation(frames[:4], 5, qp=63)


def test_pillow_saves_animations() -> None:
    images = [Image.fromarray(frame(n)) for n in range(3)]
    saved = io.BytesIO()
    images[0].save(
        saved, "TPG", save_all=True, append_images=images[1:], duration=[80, 0, 250], effort=1, qp=20
    )
    with Image.open(saved) as image:
        assert image.n_frames == 3  # type: ignore[attr-defined]
        durations = []
        for n in range(3):
            image.seek(n)
            durations.append(image.info["duration"])
            assert psnr(np.asarray(image.convert("RGB")), frame(n)) > 33
        assert durations == [80, 100, 250]
    saved = io.BytesIO()
    images[0].save(saved, "TPG", save_all=True, append_images=images[1:], effort=0)
    assert list(pillow_tpg.info(saved.getvalue()).delays) == [10, 10, 10]
    with pytest.raises(ValueError, match="2 durations for 3 frames"):
        images[0].save(io.BytesIO(), "TPG", save_all=True, append_images=images[1:], duration=[1, 2])


def test_tpg_to_gif_and_back_keeps_count_and_delays() -> None:
    delays = [8, 3, 50, 2]
    first = encode_animation([frame(n) for n in range(4)], delays, effort=1)
    gif, again = io.BytesIO(), io.BytesIO()
    with Image.open(io.BytesIO(first)) as image:
        durations = []
        for n in range(4):
            image.seek(n)
            durations.append(image.info["duration"])
        image.seek(0)
        image.save(gif, "GIF", save_all=True, duration=durations)
    with Image.open(gif) as image:
        image.save(again, "TPG", save_all=True, effort=1)
    assert list(pillow_tpg.info(again.getvalue()).delays) == delays
