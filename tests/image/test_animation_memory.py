"""Animations take the memory of a few frames, however many there are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measures as Linux counts memory")

WIDTH, HEIGHT = 640, 480
COUNTS = (20, 80)
TARGETS = ["gif", "apng", "webp", "avif", "tpg"]

# In kilobytes: four frames of the 60 between the counts.
A_FEW_FRAMES = 4 * WIDTH * HEIGHT * 4 // 1024

# With a change to the pixels, so that the source is never the answer.
WRITE = "imageMogr2/flip/vertical/format/{}/quality/60"
REDUCE = "imageMogr2/thumbnail/32x24/format/apng"


def film(count: int) -> list[Image.Image]:
    """A square that moves over a ramp, in the same 256 colours."""
    samples = np.broadcast_to(np.linspace(0, 254, WIDTH).astype(np.uint8), (HEIGHT, WIDTH))
    pictures = []
    for number in range(count):
        frame = samples.copy()
        frame[200:264, 5 * number : 5 * number + 64] = 255
        picture = Image.fromarray(frame)
        picture.putpalette([value for level in range(256) for value in (level, 255 - level, 90)])
        pictures.append(picture)
    return pictures


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How much more memory each job takes with the greater number of frames than with the lesser, in kilobytes.

    The bytes of its source and its result do not count.
    """
    folder = tmp_path_factory.mktemp("films")
    jobs: list[tuple[str, str, Path, Path]] = []
    for count in COUNTS:
        pictures = film(count)
        source = folder / f"{count}.gif"
        pictures[0].save(source, save_all=True, append_images=pictures[1:], duration=50, loop=0)
        for name in TARGETS:
            written = folder / f"{count}.{name}.out"
            jobs.append((f"to {name}", WRITE.format(name), source, written))
            jobs.append((f"from {name}", REDUCE, written, folder / f"{count}.{name}.apng"))
    lines = "".join(f"{operation}\t{source}\t{result}\n" for _, operation, source, result in jobs)
    script = Path(__file__).with_name("peak_memory.py")
    done = subprocess.run([sys.executable, script], input=lines, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    peaks = [int(line) for line in done.stdout.split()]
    assert len(peaks) == len(jobs)
    grown: dict[str, int] = {}
    for (name, _, source, result), kilobytes in zip(jobs, peaks, strict=True):
        coded = (source.stat().st_size + 2 * result.stat().st_size) // 1024
        grown[name] = kilobytes - coded - grown[name] if name in grown else kilobytes - coded
    return grown


@pytest.mark.parametrize("job", [f"{way} {name}" for way in ("to", "from") for name in TARGETS])
def test_memory_does_not_grow_with_the_frames(job: str, growth: dict[str, int]) -> None:
    assert growth[job] < A_FEW_FRAMES
