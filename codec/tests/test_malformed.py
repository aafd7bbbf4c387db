"""Broken files end in an error or a picture, in bounded time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

import pillow_tpg
import pytest

MEMORY = 256 << 20
SECONDS = 5.0
WORKER = Path(__file__).with_name("_worker.py")

# What may come of a file with each entry of the manifests: nothing but an error, frames without an error, or
# frames and then an error.
ERROR, WHOLE, PARTIAL = "error", "whole", "partial"
ANY = {ERROR, WHOLE, PARTIAL}
REACTIONS = {
    "any_without_crash": ANY,
    "decodes": {WHOLE},
    "decodes_cropped": {WHOLE},
    "decodes_ignoring_or_using_alpha": {WHOLE},
    "decodes_or_error_after_picture": {WHOLE, PARTIAL},
    "error": {ERROR, PARTIAL},
    "error_or_damaged_picture": ANY,
    "error_or_decodes": ANY,
    "error_or_decodes_3_frames": ANY,
    "error_or_opaque": ANY,
    "error_or_unsupported": ANY,
    "error_without_huge_allocation": {ERROR},
    "first_frames_then_error": {PARTIAL},
    "first_pictures_then_error": {PARTIAL},
}


# Called broken by the manifest, but read by Tencent's decoder: the animation flag without a number of frames.
READ = {"t061_flags_54.tpg", "t066_anim_flag_without_count.tpg"}


class Outcome(TypedDict):
    file: str
    frames: list[str]
    error: str | None
    message: str | None
    seconds: float
    bytes: int


def run(paths: Iterable[Path]) -> list[Outcome]:
    names = "".join(f"{path}\n" for path in paths)
    worker = subprocess.run(
        [sys.executable, str(WORKER)], input=names, capture_output=True, text=True, timeout=240, check=False
    )
    outcomes: list[Outcome] = [json.loads(line) for line in worker.stdout.splitlines()]
    last = outcomes[-1]["file"] if outcomes else "the start"
    assert worker.returncode == 0, f"the process ended after {last}: {worker.stderr[-2000:]}"
    return outcomes


@pytest.mark.parametrize(("folder", "count"), [("tpg-malformed", 134), ("avs2/malformed", 135)])
def test_broken_files(folder: str, count: int, shared: Path) -> None:
    manifest = json.loads((shared / "vectors" / folder / "manifest.json").read_text())
    expected = {entry["file"]: entry["expect"] for entry in manifest}
    assert len(expected) == count
    outcomes = run(shared / "vectors" / folder / name for name in expected)
    assert [outcome["file"] for outcome in outcomes] == list(expected)
    wrong = []
    for outcome in outcomes:
        reaction = PARTIAL if outcome["frames"] and outcome["error"] else ERROR if outcome["error"] else WHOLE
        allowed = {WHOLE} if outcome["file"] in READ else REACTIONS[expected[outcome["file"]]]
        if reaction not in allowed:
            wrong.append(f"{outcome['file']}: {reaction}, {outcome['message']}")
        if outcome["seconds"] > SECONDS or outcome["bytes"] > MEMORY:
            wrong.append(f"{outcome['file']}: {outcome['seconds']:.1f} s, {outcome['bytes']} bytes")
    assert wrong == []


def test_broken_files_are_deterministic(malformed: Path) -> None:
    paths = sorted(malformed.glob("t1*.tpg"))
    forward, backward = run(paths), run(reversed(paths))
    assert [(found["frames"], found["message"]) for found in forward] == [
        (found["frames"], found["message"]) for found in reversed(backward)
    ]


@pytest.mark.parametrize(
    ("file", "error", "message"),
    [
        ("t001_empty.tpg", pillow_tpg.NotTpgError, "not a TPG file"),
        ("t004_trunc_8.tpg", pillow_tpg.TruncatedError, "the magic number at byte 0 has 9 bytes, but only 8"),
        ("t013_trunc_22.tpg", pillow_tpg.TruncatedError, "the header chunk at byte 9"),
        ("t014_trunc_23.tpg", pillow_tpg.MissingPictureError, "frame 0 has no picture chunk"),
        ("t024_trunc_half.tpg", pillow_tpg.TruncatedError, "a picture chunk at byte 23 has 254 bytes"),
        ("t034_hdr_size_0.tpg", pillow_tpg.InvalidContainerError, "a chunk's size is 0x0 at byte 13"),
        ("t044_hdr_dim_70x0.tpg", pillow_tpg.InvalidContainerError, "height is 0x0 at byte 20"),
        ("t047_hdr_dim_16384x16384.tpg", pillow_tpg.InvalidContainerError, "width is 0x4000"),
        ("t048_hdr_dim_16383x16383.tpg", pillow_tpg.LimitError, "number of pixels is 268402689"),
        (
            "t052_hdr_dim_200x100.tpg",
            pillow_tpg.SizeMismatchError,
            "200x100, but the coded picture has only 72x56",
        ),
        ("t063_hdr_twice.tpg", pillow_tpg.InvalidContainerError, "second header chunk"),
        ("t064_hdr_missing.tpg", pillow_tpg.InvalidContainerError, "first chunk's code is 0xbb at byte 9"),
        ("t077_chunk_size_ffffffff.tpg", pillow_tpg.TruncatedError, "has 4294967299 bytes"),
        ("t088_picture_without_sequence.tpg", pillow_tpg.InvalidStreamError, "frame 0"),
        ("t097_alpha_missing.tpg", pillow_tpg.MissingPictureError, "frame 0 has no alpha picture"),
        ("t099_alpha_first.tpg", pillow_tpg.InvalidContainerError, "misplaced chunk's code is 0xbc"),
    ],
)
def test_errors_name_what_is_wrong(file: str, error: type[Exception], message: str, malformed: Path) -> None:
    with pytest.raises(error) as caught:
        pillow_tpg.decode((malformed / file).read_bytes())
    assert message in str(caught.value)
    assert isinstance(caught.value, pillow_tpg.TpgError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("file", ["t049_hdr_dim_71x51.tpg", "t050_hdr_dim_72x56.tpg", "t053_hdr_dim_1x1.tpg"])
def test_the_header_cuts_the_picture(file: str, malformed: Path, still: bytes) -> None:
    image, base = pillow_tpg.decode((malformed / file).read_bytes()), pillow_tpg.decode(still)
    rows, columns = min(image.height, base.height), min(image.width, base.width)
    assert (image.y[:rows, :columns] == base.y[:rows, :columns]).all()
    assert image.rgb().shape == (image.height, image.width, 3)


def test_whole_frames_of_a_cut_animation_come_first(malformed: Path) -> None:
    data = (malformed / "t116_anim_truncated_frame3.tpg").read_bytes()
    info = pillow_tpg.info(data)
    assert (info.frame_count, info.declared_frame_count) == (3, 4)
    assert info.damage is not None
    assert "a picture chunk" in info.damage
    frames = pillow_tpg.decode_frames(data)
    assert next(frames).index == 0
    with pytest.raises(pillow_tpg.TpgError):
        list(frames)


def test_a_wrong_frame_count_is_reported(malformed: Path) -> None:
    data = (malformed / "t107_anim_count_max.tpg").read_bytes()
    info = pillow_tpg.info(data)
    assert (info.frame_count, info.declared_frame_count) == (4, 0xFFFFFF)
    assert info.damage == "incomplete TPG file: frame 4 has no picture chunk"
    # More than announced are left out, as by Tencent's decoder.
    info = pillow_tpg.info((malformed / "t106_anim_count_2.tpg").read_bytes())
    assert (info.frame_count, info.damage) == (2, None)


def test_trailing_bytes_do_no_harm(malformed: Path, still: bytes) -> None:
    data = (malformed / "t085_trailing_zeros.tpg").read_bytes()
    assert pillow_tpg.info(data).trailing_bytes == 64
    assert (pillow_tpg.decode(data).y == pillow_tpg.decode(still).y).all()


def test_user_data_are_kept(malformed: Path) -> None:
    (user_data,) = pillow_tpg.info((malformed / "t083_user_data_chunk.tpg").read_bytes()).user_data
    assert b"\x00\x00\x01" in user_data


def test_every_prefix_is_an_error_or_a_picture(malformed: Path) -> None:
    for name in ("base_exif.tpg", "base_alpha.tpg", "base_animation.tpg"):
        data = (malformed / name).read_bytes()
        for length in range(len(data)):
            try:
                list(pillow_tpg.decode_frames(data[:length]))
            except pillow_tpg.TpgError:
                continue
            pytest.fail(f"{name} cut to {length} bytes has no error")
