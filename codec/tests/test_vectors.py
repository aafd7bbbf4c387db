"""AVS2 conformance streams, through Python: every plane of every picture."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pillow_tpg
import pytest
from pillow_tpg.image import SimdLevel

FOLDERS = {
    "intra": 163,
    "qp_ladder": 64,
    "intra_encoder": 52,
    "application_like": 8,
    "application": 3,
    "inter": 43,
    "inter_encoder": 19,
}
PLANES = ("y", "u", "v")


def pictures(stream: Path, simd: SimdLevel, threads: int) -> list[dict[str, str]]:
    """Sums of the planes, in output order."""
    found = []
    for frame in pillow_tpg.decode_frames(stream.read_bytes(), simd=simd, threads=threads):
        planes = zip(PLANES, (frame.y, frame.cb, frame.cr), strict=True)
        found.append(
            {name: hashlib.md5(plane.tobytes(), usedforsecurity=False).hexdigest() for name, plane in planes}
        )
    return found


@pytest.mark.parametrize(("simd", "threads"), [("auto", 1), ("auto", 2), ("scalar", 1)])
@pytest.mark.parametrize("folder", FOLDERS)
def test_streams_are_exact(folder: str, simd: SimdLevel, threads: int, shared: Path) -> None:
    streams = sorted((shared / "vectors" / "avs2" / folder).glob("*.avs"))
    assert len(streams) == FOLDERS[folder]
    wrong = []
    for stream in streams:
        frames = json.loads(stream.with_suffix(".expected.json").read_text())["frames"]
        shown = sorted(frames, key=lambda frame: int(frame["display_order"]))
        wanted = [{name: frame["display"][name]["md5"] for name in PLANES} for frame in shown]
        if pictures(stream, simd, threads) != wanted:
            wrong.append(stream.stem)
    assert wrong == []
