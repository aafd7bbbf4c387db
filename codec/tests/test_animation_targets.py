"""Targets, progress, cancellation and memory of animations."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pillow_tpg
import pytest
from pillow_tpg import Ssimulacra2, TargetError, encode_animated_image, encode_animation
from pillow_tpg._search import most_encodings
from pillow_tpg.animation import QP_PARTS
from pillow_tpg.image import Samples


def picture(n: int, width: int = 72, height: int = 56) -> Samples:
    y, x = np.mgrid[0:height, 0:width]
    wave = 60 * np.sin((x + 3 * n) * 0.2) + 50 * np.cos((y - n) * 0.13)
    return np.stack([120 + wave, 100 + wave / 2 + x, 90 - wave / 3 + y], 2).clip(0, 255).astype(np.uint8)


FRAMES = [picture(n) for n in (0, 1, 1, 2, 3)]


def mean_score(data: bytes, frames: list[Samples]) -> float:
    """By frames given; equal ones share a frame of the file."""
    decoded = list(pillow_tpg.decode_frames(data))
    shown = [0]
    for before, now in pairwise(frames):
        shown.append(shown[-1] + int(not np.array_equal(before, now)))
    scores = [Ssimulacra2(frame).score(decoded[at].rgb()) for frame, at in zip(frames, shown, strict=True)]
    return sum(scores) / len(scores)


@pytest.mark.parametrize("target", [500, 1500, 6000, 10**8])
def test_target_size(target: int) -> None:
    result = encode_animated_image(iter(FRAMES), 5, target_size=target, effort=1)
    assert len(result.data) <= target
    assert result.encodings <= most_encodings(QP_PARTS)
    assert result.data == encode_animation(FRAMES, 5, qp=result.qp, effort=1)
    if result.qp > 0:
        assert len(encode_animation(FRAMES, 5, qp=result.qp - 1 / QP_PARTS, effort=1)) > target


@pytest.mark.parametrize("target", [30.0, 60.0, 80.0])
def test_target_ssimulacra2(target: float) -> None:
    result = encode_animated_image(iter(FRAMES), 5, target_ssimulacra2=target, effort=1)
    assert result.encodings <= most_encodings(QP_PARTS)
    assert result.score is not None
    assert result.score >= target
    assert result.score == pytest.approx(mean_score(result.data, FRAMES), abs=1e-6)
    coarser = encode_animation(FRAMES, 5, qp=result.qp + 1 / QP_PARTS, effort=1)
    assert mean_score(coarser, FRAMES) < target


def test_targets_with_alpha() -> None:
    alpha = np.where(np.mgrid[0:56, 0:72][1] < 40, 255, 90).astype(np.uint8)
    frames = [np.dstack([frame, alpha]) for frame in FRAMES]
    result = encode_animated_image(frames, 5, target_size=2500, alpha="keep", effort=1)
    assert len(result.data) <= 2500
    assert pillow_tpg.info(result.data).has_alpha
    result = encode_animated_image(frames, 5, target_ssimulacra2=50, effort=1)
    assert result.transparency_dropped


def test_targets_out_of_reach() -> None:
    with pytest.raises(TargetError, match="target_size is 90 bytes, but even QP 63 takes"):
        encode_animation(FRAMES, 5, target_size=90)
    noise = [np.random.default_rng(n).integers(0, 256, (40, 40, 3), np.uint8) for n in range(2)]
    with pytest.raises(TargetError, match="even QP 0 reaches only"):
        encode_animation(noise, 5, target_ssimulacra2=99.9, effort=0)
    with pytest.raises(ValueError, match="target_size and target_ssimulacra2 cannot go together"):
        encode_animation(FRAMES, 5, target_size=90, target_ssimulacra2=50)
    with pytest.raises(ValueError, match="at least one frame"):
        encode_animation([], 5, target_size=90)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("threads", [1, 3])
def test_progress(known: bool, threads: int) -> None:
    calls: list[tuple[int, int]] = []
    frames = FRAMES if known else iter(FRAMES)
    encode_animation(
        frames, 5, lcu_size=32, effort=0, threads=threads, progress=lambda *rows: calls.append(rows)
    )
    # Two rows of each of five frames, one of which is not encoded.
    assert calls[-1] == (10, 10)
    assert all(before[0] < after[0] for before, after in pairwise(calls))
    # All frames are taken before the first is encoded.
    assert {total for _, total in calls} == {10}


def test_progress_begins_anew_in_searches() -> None:
    done: list[int] = []
    result = encode_animated_image(
        FRAMES, 5, target_size=2000, effort=0, lcu_size=32, progress=lambda rows, _: done.append(rows)
    )
    assert done.count(10) == result.encodings > 1


@pytest.mark.parametrize("name", ["progress", "cancel"])
def test_exceptions_of_callbacks_end_the_call(name: str) -> None:
    def fail(*_: object) -> bool:
        raise RuntimeError("no more")

    for options in ({}, {"target_size": 2000}):
        with pytest.raises(RuntimeError, match="no more"):
            encode_animation(FRAMES, 5, **options, **{name: fail})  # type: ignore[arg-type]


def test_cancel_in_a_search() -> None:
    asked = 0

    def cancel() -> bool:
        nonlocal asked
        asked += 1
        return asked > 12

    with pytest.raises(pillow_tpg.CancelledError, match="encoding was cancelled"):
        encode_animation(FRAMES, 5, target_size=2000, effort=0, cancel=cancel)
    assert asked == 13


def test_other_threads_run_meanwhile() -> None:
    done = threading.Event()

    def work() -> None:
        encode_animation((picture(n, 300, 200) for n in range(4)), 5, effort=6)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    steps = 0
    while not done.wait(0.001):
        steps += 1
    thread.join()
    assert steps > 5


_MEMORY = """
import json, resource, sys
import numpy as np
import pillow_tpg

def frames(count):
    y, x = np.mgrid[0:600, 0:800]
    base = np.stack([x % 256, y % 256, (x + y) % 256, np.full_like(x, 200)], 2).astype(np.uint8)
    for n in range(count):
        frame = base.copy()
        frame[100:200, 10 * (n % 60) : 10 * (n % 60) + 50] = (n % 256, 40, 90, 255)
        yield frame

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def run(count):
    options = json.loads(sys.argv[1])
    data = pillow_tpg.encode_animation(frames(count), 5, effort=0, lcu_size=64, **options)
    shown = sum(1 for frame in pillow_tpg.decode_frames(data) if frame.rgba().size)
    assert shown == count
    return len(data)

run(20)
few = peak()
size = run(60)
print(json.dumps({"few": few, "many": peak(), "bytes": size}))
"""


@pytest.mark.parametrize("options", [{"qp": 50}, {"qp": 50, "alpha": "keep"}])
def test_long_animations_take_the_memory_of_a_few_frames(options: dict[str, object]) -> None:
    command = [sys.executable, "-c", _MEMORY, json.dumps(options)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    peaks = json.loads(result.stdout)
    # 40 frames more, of which one takes 1.9 million bytes.
    assert peaks["many"] - peaks["few"] < 20_000_000 + 3 * peaks["bytes"], peaks


def test_recorded_frames_go_to_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import tempfile

    from pillow_tpg import _frames

    monkeypatch.setattr(_frames, "_IN_MEMORY", 1000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    recorded = encode_animation(iter(FRAMES), 5, target_size=2000, effort=0)
    monkeypatch.undo()
    assert recorded == encode_animation(FRAMES, 5, target_size=2000, effort=0)


def test_frames_are_not_kept() -> None:
    import gc
    import weakref

    alive: list[weakref.ref[Samples]] = []
    most = 0

    def frames() -> Iterator[Samples]:
        nonlocal most
        for n in range(12):
            frame = picture(n)
            alive.append(weakref.ref(frame))
            yield frame
            del frame
            gc.collect()
            most = max(most, sum(reference() is not None for reference in alive))

    encode_animation(frames(), 5, effort=0)
    assert most <= 2
