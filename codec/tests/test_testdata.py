"""The small vectors of the repository: they are always there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TypedDict

import pillow_tpg
import pytest
from pillow_tpg.image import SimdLevel

DATA = Path(__file__).resolve().parents[1] / "testdata"
STREAMS = sorted(path.name for path in (DATA / "avs2").glob("*.avs"))
PICTURES: dict[str, list[dict[str, str]]] = json.loads((DATA / "tpg" / "expected.json").read_text())


class Outcome(TypedDict):
    frames: int
    error: str | None


BROKEN: dict[str, Outcome] = json.loads((DATA / "malformed" / "expected.json").read_text())
FINDINGS = sorted(path.name for path in (DATA / "findings").iterdir())


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def test_sums() -> None:
    lines = (DATA / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = {str(path.relative_to(DATA)) for path in DATA.rglob("*") if path.is_file()}
    assert set(sums) == files - {"SHA256SUMS", "README.md"}
    for name, digest in sums.items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("name", STREAMS)
def test_streams(name: str) -> None:
    expected = json.loads((DATA / "avs2" / name).with_suffix(".expected.json").read_text())["frames"]
    frames = list(pillow_tpg.decode_frames((DATA / "avs2" / name).read_bytes()))
    assert len(frames) == len(expected)
    for frame, wanted in zip(frames, sorted(expected, key=lambda frame: frame["display_order"]), strict=True):
        for plane, key in ((frame.y, "y"), (frame.cb, "u"), (frame.cr, "v")):
            assert md5(plane.tobytes()) == wanted["display"][key]["md5"]


@pytest.mark.parametrize("name", PICTURES)
def test_files(name: str) -> None:
    pictures = iter(PICTURES[name])
    for frame in pillow_tpg.decode_frames((DATA / "tpg" / name).read_bytes()):
        wanted = next(pictures)
        for plane, key in ((frame.y, "y"), (frame.cb, "u"), (frame.cr, "v")):
            assert md5(plane.tobytes()) == wanted[key]
        if frame.alpha is not None:
            assert md5(frame.alpha.tobytes()) == next(pictures)["y"]
    assert next(pictures, None) is None


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files(name: str) -> None:
    frames, error = read((DATA / "malformed" / name).read_bytes())
    assert len(frames) == BROKEN[name]["frames"], error
    words = BROKEN[name]["error"]
    assert (error is None) == (words is None), error
    assert words is None or words in str(error)


def read(
    data: bytes, threads: int = 1, simd: SimdLevel = "auto"
) -> tuple[list[bytes], pillow_tpg.TpgError | None]:
    """Frames, and the error behind them."""
    frames = []
    try:
        for frame in pillow_tpg.decode_frames(data, threads=threads, simd=simd):
            frames.append(frame.rgba().tobytes())
    except pillow_tpg.TpgError as error:
        return frames, error
    return frames, None


@pytest.mark.parametrize("name", FINDINGS)
def test_findings(name: str) -> None:
    data = (DATA / "findings" / name).read_bytes()
    frames, error = read(data, simd="scalar")
    assert frames or error
    again, other = read(data, threads=2)
    assert (again, str(other)) == (frames, str(error))
