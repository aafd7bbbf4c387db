"""Qualities, searches for a target, arguments, progress and cancellation."""

from __future__ import annotations

import re
import threading
from itertools import pairwise

import numpy as np
import pillow_tpg
import pytest
from PIL import Image
from pillow_tpg import Ssimulacra2, TargetError, encode, encode_image, qp_for_quality, quality_for_qp
from pillow_tpg._search import most_encodings
from pillow_tpg.image import Samples


def photo(size: int = 160) -> Samples:
    """Smooth noise of several scales."""
    random = np.random.default_rng(3)
    layers = []
    for cells in (3, 9, 30):
        coarse = Image.fromarray(random.integers(0, 256, (cells, cells, 3), np.uint8))
        layers.append(np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC)).astype(float))
    return np.clip(0.6 * layers[0] + 0.25 * layers[1] + 0.15 * layers[2], 0, 255).astype(np.uint8)


PHOTO = photo()


@pytest.mark.parametrize("tools", ["full", "genuine"])
def test_qp_falls_with_quality(tools: str) -> None:
    qps = [qp_for_quality(quality, tools) for quality in range(1, 101)]
    assert qps == sorted(qps, reverse=True)
    assert all(0 <= qp <= 63 for qp in qps)
    assert len(set(qps)) > 20
    for quality in range(1, 101):
        qp = qp_for_quality(quality, tools)
        assert qp_for_quality(quality_for_qp(qp, tools), tools) == qp
    # The worst qualities may share the coarsest QP; the next one does not.
    assert quality_for_qp(63, tools) <= 3
    assert qp_for_quality(quality_for_qp(63, tools) + 1, tools) < 63


def test_default_is_quality_75() -> None:
    assert encode(PHOTO) == encode(PHOTO, quality=75) == encode(PHOTO, qp=qp_for_quality(75))


@pytest.mark.parametrize("target", [200, 500, 1111, 2000, 4000, 9000, 20000, 10**9])
def test_target_size(target: int) -> None:
    image = encode_image(PHOTO, target_size=target, effort=2)
    assert len(image.data) <= target
    assert image.encodings <= most_encodings()
    assert image.data == encode(PHOTO, qp=image.qp, effort=2)
    if image.qp > 0:
        assert len(encode(PHOTO, qp=image.qp - 1, effort=2)) > target


@pytest.mark.parametrize("target", [-20.0, 30.0, 50.0, 62.5, 70.0, 80.0, 88.0])
def test_target_ssimulacra2(target: float) -> None:
    metric = Ssimulacra2(PHOTO)
    image = encode_image(PHOTO, target_ssimulacra2=target, effort=2)
    assert metric.score(image.rgb()) >= target
    assert image.encodings <= most_encodings()
    if image.qp < 63:
        assert metric.score(encode_image(PHOTO, qp=image.qp + 1, effort=2).rgb()) < target


@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 2), (40, 50, 4), (1, 1, 3), (16, 16, 3)])
def test_targets_with_other_pictures(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, shape, np.uint8)
    size = len(encode(pixels, qp=30))
    image = encode_image(pixels, target_size=size)
    assert image.qp <= 30
    assert len(image.data) <= size
    if min(shape[:2]) >= 16:
        assert encode_image(pixels, target_ssimulacra2=-200.0).encodings <= most_encodings()


def test_unknown_options_are_errors() -> None:
    for function in (encode, encode_image):
        with pytest.raises(
            TypeError, match=f"{function.__name__}.. got an unexpected keyword argument 'qality'"
        ):
            function(PHOTO, qality=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'slice_rows'"):
        pillow_tpg.encode_animation([PHOTO], 5, slice_rows=1)  # type: ignore[call-arg]


def test_searches_keep_chroma_qps_in_range() -> None:
    options = {"tools": "full", "effort": 0}
    plain = np.full((32, 32, 3), 90, np.uint8)
    assert encode_image(plain, target_size=10**6, chroma_qp_delta=(-5, -5), **options).qp == 5  # type: ignore[arg-type]
    with pytest.raises(TargetError, match="even QP 57 takes"):
        encode(PHOTO, target_size=60, chroma_qp_delta=(6, 6), **options)  # type: ignore[arg-type]
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    with pytest.raises(TargetError, match="even QP 3 reaches only"):
        encode(noise, target_ssimulacra2=99.5, chroma_qp_delta=(-3, -3), **options)  # type: ignore[arg-type]


def test_targets_out_of_reach() -> None:
    with pytest.raises(TargetError, match="even QP 63 takes"):
        encode(PHOTO, target_size=60)
    with pytest.raises(TargetError, match="even QP 0 reaches only"):
        encode(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8), target_ssimulacra2=99.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quality": 50, "qp": 3}, "quality and qp cannot go together"),
        (
            {"target_size": 50, "target_ssimulacra2": 3},
            "target_size and target_ssimulacra2 cannot go together",
        ),
        ({"quality": 0}, "quality is 0, allowed are 1 to 100"),
        ({"quality": 101}, "quality is 101, allowed are 1 to 100"),
        ({"quality": float("nan")}, "quality is nan"),
        ({"alpha_quality": 0}, "alpha_quality is 0, allowed are 1 to 100"),
        ({"qp": -1}, "qp is -1, allowed are 0 to 63"),
        ({"qp": 64}, "qp is 64, allowed are 0 to 63"),
        ({"effort": 10}, "effort is 10, allowed are 0 to 9"),
        ({"tools": "all"}, "tools is 'all', allowed are 'full' and 'genuine'"),
        ({"chroma": "none"}, 'chroma is "none", allowed are "box", "lanczos" and "sharp"'),
        ({"threads": 0}, "threads is 0, allowed are 1 to 64"),
        ({"threads": 65}, "threads is 65, allowed are 1 to 64"),
        ({"simd": "mmx"}, 'simd is "mmx"'),
        ({"lcu_size": 16}, "lcu_size is 16, allowed are 32 and 64"),
        ({"perceptual": 2.5}, "perceptual is 2.5, allowed are 0 to 2"),
        ({"chroma_qp_delta": (17, 0)}, "chroma_qp_delta is 17, allowed are -16 to 16"),
        ({"chroma_qp_delta": (1, 0), "tools": "genuine"}, "chroma_qp_delta is out of range: 1"),
        (
            {"chroma_qp_delta": (-4, -3), "tools": "full"},
            "chroma_qp_delta is (-4, -3), but Cb and Cr need the same",
        ),
        (
            {"chroma_qp_delta": (-4, -4), "tools": "full", "qp": 3},
            "chroma_qp_delta is -4 for a picture of QP 3, but their sum must be 0 to 63",
        ),
        (
            {"chroma_qp_delta": (5, 5), "tools": "full", "qp": 59},
            "chroma_qp_delta is 5 for a picture of QP 59",
        ),
        ({"slice_rows": 1, "tools": "genuine"}, "slice_rows is out of range: 1"),
        ({"slice_rows": -1}, "slice_rows is -1"),
        ({"target_size": 0}, "target_size is 0"),
        ({"target_ssimulacra2": 101}, "target_ssimulacra2 is 101"),
    ],
)
def test_wrong_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        encode(PHOTO, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((4, 4, 5), np.uint8), ValueError, "not \\(4, 4, 5\\)"),
        (np.zeros(4, np.uint8), ValueError, "not \\(4,\\)"),
        (np.zeros((4, 4), np.uint16), ValueError, "an array of 8 bits is needed, not uint16"),
        (np.zeros((0, 4), np.uint8), ValueError, "the picture has no pixels"),
        (Image.new("RGB", (0, 3)), ValueError, "the picture has no pixels"),
        (np.zeros((16383, 1), np.uint8), pillow_tpg.TpgError, "1x16383 pixels cannot be written: sides"),
        ("picture.png", TypeError, "not str"),
        (b"\0" * 12, TypeError, "not bytes"),
    ],
)
def test_wrong_pictures(image: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        encode(image)  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [1, 3])
def test_progress(threads: int) -> None:
    calls: list[tuple[int, int]] = []
    pixels = np.dstack([PHOTO, PHOTO[:, :, 0]])
    encode(pixels, threads=threads, lcu_size=32, progress=lambda done, rows: calls.append((done, rows)))
    rows = 2 * 160 // 32
    assert calls[-1] == (rows, rows)
    assert {total for _, total in calls} == {rows}
    assert all(before < after for (before, _), (after, _) in pairwise(calls))
    if threads == 1:
        assert len(calls) == rows


@pytest.mark.parametrize("threads", [1, 3])
def test_cancel(threads: int) -> None:
    asked = []

    def cancel() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(pillow_tpg.CancelledError, match="encoding was cancelled"):
        encode(PHOTO, lcu_size=32, threads=threads, cancel=cancel)
    assert len(asked) <= 2 + threads


@pytest.mark.parametrize("name", ["progress", "cancel"])
def test_exceptions_of_callbacks_end_the_call(name: str) -> None:
    def fail(*_: object) -> bool:
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        encode(PHOTO, **{name: fail})  # type: ignore[arg-type]


def test_other_threads_run_meanwhile() -> None:
    pixels = photo(400)
    running = threading.Event()

    def work() -> None:
        encode(pixels, effort=9)
        running.set()

    thread = threading.Thread(target=work)
    thread.start()
    steps = 0
    while not running.is_set():
        running.wait(0.001)
        steps += 1
    thread.join()
    assert steps > 5


def test_pictures_have_whole_qps() -> None:
    assert encode(PHOTO, qp=30.0, effort=0) == encode(PHOTO, qp=30, effort=0)
    with pytest.raises(ValueError, match=r"qp is 30.5, but only animations have fractions of QPs"):
        encode(PHOTO, qp=30.5, effort=0)
    with pytest.raises(ValueError, match="qp is nan, allowed are 0 to 63"):
        encode(PHOTO, qp=float("nan"))
