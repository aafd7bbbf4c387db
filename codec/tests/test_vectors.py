"""AVS2 conformance streams, through Python: every plane of every picture."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import pillow_tpg
from pillow_tpg.image import SimdLevel

FOLDERS = {"intra": 163, "qp_ladder": 64, "intra_encoder": 52, "application_like": 8, "application": 3}
PLANES = ("y", "u", "v")


def pictures(stream: Path, simd: SimdLevel, threads: int) -> list[dict[str, str]]:
    """Sums of the planes, in output order; up to the first picture that is not supported."""
    found = []
    try:
        for frame in pillow_tpg.decode_frames(stream.read_bytes(), simd=simd, threads=threads):
            planes = zip(PLANES, (frame.y, frame.cb, frame.cr), strict=True)
            found.append(
                {name: hashlib.md5(plane.tobytes(), usedforsecurity=False).hexdigest() for name, plane in planes}
            )
    except pillow_tpg.UnsupportedError as error:
        assert "inter" in str(error), stream.name
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
        found = pictures(stream, simd, threads)
        if len(found) < len(wanted):
            # Inter pictures may not be supported; what comes before them has to be there.
            intra = next((i for i, frame in enumerate(shown) if frame["type"] != "I"), len(shown))
            wanted = wanted[:intra]
        if found != wanted:
            wrong.append(stream.stem)
    assert wrong == []
