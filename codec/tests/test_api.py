"""Budgets, cancellation, threads and types of the Python interface."""

from __future__ import annotations

import mmap
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pillow_tpg
import pytest
from pillow_tpg import _pillow_tpg as native


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (pillow_tpg.Limits(max_pixels=70 * 51 - 1), "number of pixels is 3570, allowed are 3569"),
        (pillow_tpg.Limits(max_bytes=276), "file size is 277, allowed are 276"),
        (pillow_tpg.Limits(max_total_pixels=3569), "number of pixels of all frames is 3570"),
        (pillow_tpg.Limits(max_frames=0), "number of frames is 1, allowed are 0"),
    ],
)
def test_budgets_of_the_container(limits: pillow_tpg.Limits, message: str, still: bytes) -> None:
    with pytest.raises(pillow_tpg.LimitError, match=message):
        pillow_tpg.info(still, limits=limits)
    with pytest.raises(pillow_tpg.LimitError, match=message):
        pillow_tpg.decode(still, limits=limits)


def test_budgets_of_the_decoder(still: bytes, shared: Path) -> None:
    with pytest.raises(pillow_tpg.LimitError):
        pillow_tpg.decode(still, limits=pillow_tpg.Limits(max_memory=1000))
    # The coded size counts as well: 72x56.
    with pytest.raises(pillow_tpg.LimitError, match="4032"):
        pillow_tpg.decode(still, limits=pillow_tpg.Limits(max_pixels=4031))
    stream = (shared / "vectors/avs2/malformed/m069_size_16383x16383_no_data.avs").read_bytes()
    with pytest.raises(pillow_tpg.LimitError):
        list(pillow_tpg.decode_frames(stream))


def test_frames_are_counted_before_they_are_decoded(animation: bytes) -> None:
    with pytest.raises(pillow_tpg.LimitError, match="number of frames is 4, allowed are 3"):
        pillow_tpg.info(animation, limits=pillow_tpg.Limits(max_frames=3))
    with pytest.raises(pillow_tpg.LimitError, match="all frames is 14280"):
        pillow_tpg.info(animation, limits=pillow_tpg.Limits(max_total_pixels=14279))


def test_limits_have_defaults_and_show_themselves() -> None:
    limits = pillow_tpg.Limits(max_frames=7)
    assert limits.max_frames == 7
    assert limits.max_pixels == pillow_tpg.Limits().max_pixels == 128_000_000
    assert "max_frames=7" in repr(limits)
    assert limits == pillow_tpg.Limits(max_frames=7) != pillow_tpg.Limits()
    with pytest.raises(OverflowError):
        pillow_tpg.Limits(max_frames=-1)


def test_wrong_arguments(still: bytes) -> None:
    with pytest.raises(ValueError, match="threads is 0"):
        pillow_tpg.decode(still, threads=0)
    with pytest.raises(ValueError, match='simd is "mmx"'):
        pillow_tpg.decode(still, simd="mmx")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        pillow_tpg.decode("text")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        pillow_tpg.decode(17)  # type: ignore[arg-type]
    frame = next(native.Decoder(still))
    with pytest.raises(ValueError, match="no plane 4"):
        frame.plane(4)
    with pytest.raises(ValueError, match="no plane 3"):
        frame.plane(3)


def test_any_buffer_can_be_decoded(malformed: Path, still: bytes) -> None:
    wanted = pillow_tpg.decode(still).y
    array = np.frombuffer(still, dtype=np.uint8)
    with (malformed / "base_still.tpg").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        for data in (bytearray(still), memoryview(still), mapped, array.data):
            assert (pillow_tpg.decode(data).y == wanted).all()
        mapped.close()


def test_arrays_belong_to_the_caller(still: bytes) -> None:
    image = pillow_tpg.decode(still)
    for array in (image.y, image.cb, image.cr, image.rgb(), image.rgba()):
        assert array.flags.writeable
        assert array.dtype == np.uint8
    image.rgb()[:] = 0
    assert image.rgb().any()
    assert image.alpha is None


def test_frames_start_anew_each_time(animation: bytes) -> None:
    image = pillow_tpg.decode(animation)
    assert image.frame_count == len(image.delays) == 4
    first, again = next(image.frames()), next(image.frames())
    assert first.index == again.index == 0
    assert (first.y == image.y).all()
    assert [frame.delay for frame in image.frames()] == image.delays


def test_cancellation(corpus: Path) -> None:
    data = (corpus / "tpg.jpg").read_bytes()
    calls: list[None] = []

    def cancel() -> bool:
        calls.append(None)
        return len(calls) == 3

    with pytest.raises(pillow_tpg.CancelledError, match="cancelled"):
        pillow_tpg.decode(data, cancel=cancel)
    assert len(calls) == 3
    calls.clear()
    calls.extend([None] * 3)
    pillow_tpg.decode(data, cancel=cancel)
    # 17 rows of largest coding units.
    assert len(calls) >= 3 + 17


def test_what_the_cancel_function_raises_is_raised(corpus: Path) -> None:
    def cancel() -> bool:
        raise ZeroDivisionError("on purpose")

    with pytest.raises(ZeroDivisionError, match="on purpose"):
        pillow_tpg.decode((corpus / "tpg.jpg").read_bytes(), cancel=cancel)


def test_a_decoder_is_not_entered_twice(corpus: Path) -> None:
    errors: list[str] = []

    def cancel() -> bool:
        try:
            next(decoder)
        except RuntimeError as error:
            errors.append(str(error))
        return True

    decoder = native.Decoder((corpus / "tpg.jpg").read_bytes(), cancel=cancel)
    with pytest.raises(pillow_tpg.CancelledError):
        next(decoder)
    assert errors == ["the decoder is already running in another call"]
    assert list(decoder) == []


@pytest.mark.alone
def test_other_threads_run_meanwhile(corpus: Path) -> None:
    data = (corpus / "test1.tpg").read_bytes()
    running = threading.Event()

    def decode() -> None:
        running.set()
        pillow_tpg.decode(data).rgb()

    worker = threading.Thread(target=decode)
    worker.start()
    running.wait()
    longest, last = 0.0, time.perf_counter()
    steps = 0
    while worker.is_alive():
        now = time.perf_counter()
        longest, last, steps = max(longest, now - last), now, steps + 1
        time.sleep(0.001)
    worker.join()
    # A decoder that held the lock would leave no more than a few steps.
    assert steps > 20
    assert longest < 0.5


def test_many_threads_give_the_same(corpus: Path) -> None:
    data = (corpus / "tpg.jpg").read_bytes()
    wanted = pillow_tpg.decode(data).rgb()
    same = []
    workers = [
        threading.Thread(target=lambda: same.append((pillow_tpg.decode(data).rgb() == wanted).all()))
        for _ in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert same == [True] * 8


@pytest.mark.parametrize("broken", [False, True])
def test_alpha_beside_colour_is_as_if_after_it(broken: bool) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (512, 528, 4), np.uint8)
    pixels[:, :, 3] = np.linspace(0, 255, 528).astype(np.uint8)
    data = bytearray(pillow_tpg.encode(pixels, qp=30, effort=0, alpha_quality=50))
    if broken:
        data[-24:] = bytes(24)

    def decode(threads: int) -> tuple[bytes, bytes] | str:
        try:
            image = pillow_tpg.decode(data, threads=threads)
        except pillow_tpg.TpgError as error:
            return str(error)
        assert image.alpha is not None
        return image.first.yuv420(), image.alpha.tobytes()

    one = decode(1)
    assert isinstance(one, str) == broken
    assert all(decode(threads) == one for threads in (2, 3))


def test_every_error_class_is_exported() -> None:
    classes = {
        name
        for name in native.__all__
        if isinstance(getattr(native, name), type) and issubclass(getattr(native, name), Exception)
    }
    assert len(classes) == 11
    for name in classes:
        assert getattr(pillow_tpg, name) is getattr(native, name)
        assert issubclass(getattr(pillow_tpg, name), pillow_tpg.TpgError)
        assert getattr(pillow_tpg, name).__module__ == "pillow_tpg"
        assert getattr(pillow_tpg, name).__doc__


def test_stubs_match_the_module() -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "pillow_tpg._pillow_tpg"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_memory_does_not_grow(malformed: Path) -> None:
    import resource

    data = (malformed / "base_alpha.tpg").read_bytes()

    def rounds(count: int) -> int:
        for _ in range(count):
            pillow_tpg.decode(data).rgba()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    before = rounds(200)
    # 2000 leaked frames would be 30 MB.
    assert rounds(2000) - before < 8 << 20
