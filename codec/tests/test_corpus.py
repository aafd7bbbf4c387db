"""Genuine files: every sample, every field."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pillow_tpg
import pytest

STILLS = {
    "tpg.jpg": "still",
    "test1.tpg": "still+alpha",
    "d32ed7fd7ad5a130b6d1bb96e46a761a07f15c4a4a6b7a1a1828665343f6d69b.0": "still",
    "spider-web-7572415.tpg": "still",
}
ANIMATIONS = ("dingdang_tpg.gif", "test1_gif.tpg")
ALL = (*STILLS, *ANIMATIONS)
BASES = ("base_still.tpg", "base_alpha.tpg", "base_animation.tpg", "base_exif.tpg")


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def expected(corpus: Path) -> dict[str, dict[str, Any]]:
    entries = json.loads((corpus / "expected.json").read_text())["files"]
    return {entry["file"]: entry for entry in entries}


def test_the_corpus_is_what_is_tested(expected: dict[str, dict[str, Any]]) -> None:
    assert set(ALL) == set(expected)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", STILLS)
def test_stills_are_exact(name: str, threads: int, corpus: Path, expected: dict[str, dict[str, Any]]) -> None:
    image = pillow_tpg.decode((corpus / name).read_bytes(), threads=threads)
    frame = expected[name]["frames"][0]
    assert md5(image.first.yuv420()) == frame["yuv420p8"]["md5"]
    planes = {"y_md5": image.y, "u_md5": image.cb, "v_md5": image.cr}
    assert {key: md5(plane.tobytes()) for key, plane in planes.items()} == {key: frame[key] for key in planes}
    assert image.y.shape == (image.height, image.width)
    assert image.cb.shape == image.cr.shape == ((image.height + 1) // 2, (image.width + 1) // 2)


@pytest.mark.parametrize("name", STILLS)
def test_portable_code_gives_the_same(name: str, corpus: Path, expected: dict[str, dict[str, Any]]) -> None:
    data = (corpus / name).read_bytes()
    image = pillow_tpg.decode(data, simd="scalar")
    assert md5(image.first.yuv420()) == expected[name]["frames"][0]["yuv420p8"]["md5"]
    assert md5(image.rgb().tobytes()) == md5(pillow_tpg.decode(data, simd="auto").rgb().tobytes())


def test_alpha_is_exact(corpus: Path, expected: dict[str, dict[str, Any]]) -> None:
    image = pillow_tpg.decode((corpus / "test1.tpg").read_bytes())
    assert image.alpha is not None
    assert md5(image.alpha.tobytes()) == expected["test1.tpg"]["alpha"]["plane"]["md5"]
    assert image.rgba()[..., 3].min() == 255


@pytest.mark.parametrize("name", ANIMATIONS)
def test_animations_are_exact(name: str, corpus: Path, expected: dict[str, dict[str, Any]]) -> None:
    frames = pillow_tpg.decode_frames((corpus / name).read_bytes())
    wanted = [frame["yuv420p8"]["md5"] for frame in expected[name]["frames"]]
    assert [md5(frame.yuv420()) for frame in frames] == wanted


@pytest.mark.parametrize("name", ALL)
def test_info(name: str, corpus: Path, expected: dict[str, dict[str, Any]]) -> None:
    data = (corpus / name).read_bytes()
    info, entry = pillow_tpg.info(data), expected[name]
    header, coded, frames = entry["header"], entry["coded"], entry["frames"]
    assert (info.width, info.height, info.flags) == (
        header["width"],
        header["height"],
        int(header["flags"], 16),
    )
    assert info.declared_frame_count == header["frame_count"]
    assert info.mode == STILLS.get(name, "animation")
    assert info.has_alpha == ("alpha" in info.mode)
    assert info.is_animated == (name in ANIMATIONS)
    assert info.frame_count == len(frames)
    assert info.delays == [frame["delay"] for frame in frames if "delay" in frame]
    assert (info.coded_width, info.coded_height) == (coded["width"], coded["height"])
    assert info.qp == frames[0]["qp"]
    assert info.damage is None
    assert info.trailing_bytes == 0
    assert info.user_data == []
    exif = entry.get("exif_payload")
    assert (info.exif is None) == (exif is None)
    if info.exif is not None and exif is not None:
        assert md5(info.exif) == exif["md5"]


@pytest.mark.parametrize("base", BASES)
def test_small_intact_files_are_exact(base: str, malformed: Path) -> None:
    wanted = json.loads((malformed / "base_expected.json").read_text())[base]["pictures"]
    pictures = []
    for frame in pillow_tpg.decode_frames((malformed / base).read_bytes()):
        pictures.append({"y": frame.y, "u": frame.cb, "v": frame.cr})
        if frame.alpha is not None:
            pictures.append({"y": frame.alpha})
    assert len(pictures) == len(wanted)
    for picture, sums in zip(pictures, wanted, strict=True):
        for plane, samples in picture.items():
            assert md5(samples.tobytes()) == sums[plane]["md5"]
            assert samples.shape == (sums[plane]["height"], sums[plane]["width"])


def test_bare_streams_are_told_apart_by_content(shared: Path, still: bytes) -> None:
    stream = (shared / "vectors/avs2/application/a003_photo_960x544.avs").read_bytes()
    assert pillow_tpg.file_type(stream) == "avs2"
    assert pillow_tpg.file_type(still) == "tpg"
    assert pillow_tpg.file_type(b"\x89PNG") is None
    with pytest.raises(pillow_tpg.NotTpgError, match="AVS2 stream"):
        pillow_tpg.decode(stream)
