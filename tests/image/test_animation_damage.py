"""Broken animations end in an error of the client that says what is wrong, and limits count before any decoding."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from openmogr.errors import CosError, ImageResolutionExceed, InvalidImageFormat
from openmogr.image import ImageSettings, Processor, Source, parse_operation

from .conftest import Run
from .test_animation import animation

ANIMATED = "imageMogr2/flip/vertical/format/webp"

# In the vectors, by what the message has to name.
TPG_VECTORS = {
    "t105_anim_count_5": "frame 4 has no picture chunk",
    "t107_anim_count_max": "frame 4 has no picture chunk",
    "t108_anim_missing_first": "frame 3 has no picture chunk",
    "t109_anim_missing_middle": "frame 3 has no picture chunk",
    "t110_anim_missing_last": "frame 3 has no picture chunk",
    "t111_anim_no_frames": "frame 0 has no picture chunk",
    "t113_anim_frame_empty": "frame 1 has no coded data",
    "t114_anim_frame_1_byte": "start of the coded data behind a delay",
    "t116_anim_truncated_frame3": "has 111 bytes, but only 61 are there",
}


@pytest.mark.parametrize("operation", [ANIMATED, "imageMogr2/format/png", "imageInfo", "imageMogr2/strip"])
@pytest.mark.parametrize("name", TPG_VECTORS)
def test_tpg_whose_chunks_are_wrong(name: str, operation: str, shared: Path, run: Run) -> None:
    pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    with pytest.raises(InvalidImageFormat, match=TPG_VECTORS[name]) as caught:
        run(operation, shared / "vectors" / "tpg-malformed" / f"{name}.tpg")
    assert caught.value.number == -441


def tpg() -> bytes:
    codec = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    gif = Source(data=animation("gif"))
    data = Processor(ImageSettings()).execute(parse_operation("imageMogr2/format/tpg"), gif).data
    assert codec.info(data).frame_count == 5
    return data


def chunks_of_tpg(data: bytes) -> list[tuple[int, int]]:
    """Where payloads of pictures begin and end."""
    found, position = [], 26
    while position < len(data):
        end = position + 4 + int.from_bytes(data[position + 4 : position + 8], "big")
        found.append((position + 8, end))
        position = end
    return found


def test_tpg_with_a_size_that_overflows(run: Run) -> None:
    data = bytearray(tpg())
    start, _ = chunks_of_tpg(bytes(data))[2]
    for size in (0xFFFFFFFF, 0x80000000, 3):
        data[start - 4 : start] = size.to_bytes(4, "big")
        with pytest.raises(InvalidImageFormat, match=r"picture chunk at byte|chunk's size is 0x3"):
            run(ANIMATED, bytes(data))


def test_tpg_with_delays_in_the_wrong_place(run: Run) -> None:
    data = tpg()
    start, _ = chunks_of_tpg(data)[1]
    # A start code that is one byte late, and one that is two bytes late.
    for moved in (b"\x00\x00", b"\x00\x00\x00"):
        size = int.from_bytes(data[start - 4 : start], "big") + len(moved)
        broken = (
            data[: start - 4]
            + size.to_bytes(4, "big")
            + data[start : start + 2]
            + moved
            + b"\x07"
            + data[start + 3 :]
        )
        with pytest.raises(InvalidImageFormat, match="start of the coded data behind a delay"):
            run(ANIMATED, broken)


def test_tpg_with_a_damaged_frame_names_it(run: Run) -> None:
    data = bytearray(tpg())
    start, end = chunks_of_tpg(bytes(data))[3]
    data[start + 8 : end] = bytes(end - start - 8)
    with pytest.raises(InvalidImageFormat, match="frame 4 of 5"):
        run(ANIMATED, bytes(data))
    assert run("imageMogr2/format/png", bytes(data)).frame_count == 1


def with_chunk(data: bytes, kind: bytes, change: Callable[[bytes], bytes], number: int = 0) -> bytes:
    """The PNG with another chunk in the place of the ``number``-th of a kind."""
    position = 8
    while True:
        length = int.from_bytes(data[position : position + 4], "big")
        end = position + 12 + length
        if data[position + 4 : position + 8] == kind:
            if number == 0:
                body = change(data[position + 8 : end - 4])
                check = zlib.crc32(kind + body)
                whole = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)
                return data[:position] + whole + data[end:]
            number -= 1
        position = end


APNG_CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "more frames announced": lambda data: with_chunk(data, b"acTL", lambda _: struct.pack(">II", 7, 0)),
    "most frames announced": lambda data: with_chunk(
        data, b"acTL", lambda _: struct.pack(">II", 2**32 - 1, 0)
    ),
    "frame beyond the canvas": lambda data: with_chunk(
        data, b"fcTL", lambda body: body[:4] + struct.pack(">4I", 60, 40, 30, 30) + body[20:], 2
    ),
    "sizes that overflow": lambda data: with_chunk(
        data, b"fcTL", lambda body: body[:4] + b"\xff" * 16 + body[20:], 2
    ),
    "sequence number twice": lambda data: with_chunk(
        data, b"fcTL", lambda body: b"\x00\x00\x00\x01" + body[4:], 2
    ),
    "delay cut off": lambda data: with_chunk(data, b"fcTL", lambda body: body[:21], 2),
}


@pytest.mark.parametrize("name", APNG_CHANGES)
def test_broken_apng(name: str, run: Run) -> None:
    with pytest.raises(CosError) as caught:
        run(ANIMATED, APNG_CHANGES[name](animation("apng")))
    assert (caught.value.status, caught.value.number) in {(400, -441), (400, -447)}


@pytest.mark.parametrize("form", ["gif", "webp", "apng", "avif", "tpg"])
def test_animations_that_are_cut_off(form: str, run: Run) -> None:
    data = tpg() if form == "tpg" else animation(form)
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(InvalidImageFormat) as caught:
            run(ANIMATED, data[: int(len(data) * share)])
        assert caught.value.number == -441


def spoiled(form: str) -> bytes:
    """An animation of five frames whose pixels cannot be decoded."""
    data = bytearray(tpg() if form == "tpg" else animation(form))
    if form == "tpg":
        for start, end in chunks_of_tpg(bytes(data)):
            data[start + 8 : end] = bytes(end - start - 8)
    elif form == "apng":
        return with_chunk(bytes(data), b"IDAT", lambda body: b"\x00" * len(body))
    elif form == "gif":
        # The code size of the first picture, which follows its descriptor.
        data[data.index(b"\x2c\x00\x00\x00\x00") + 10] = 99
    elif form == "webp":
        start = data.index(b"VP8 ") + 18
        data[start : start + 40] = b"\xff" * 40
    else:
        start = data.index(b"mdat") + 4
        data[start:] = b"\xff" * (len(data) - start)
    return bytes(data)


@pytest.mark.parametrize("form", ["gif", "webp", "apng", "avif", "tpg"])
def test_limits_count_before_decoding(form: str) -> None:
    source = Source(data=spoiled(form))
    for target in ("png", "webp"):
        operation = parse_operation(f"imageMogr2/flip/vertical/format/{target}")
        with pytest.raises(InvalidImageFormat):
            Processor(ImageSettings()).execute(operation, source)
        for settings in (ImageSettings(max_frames=4), ImageSettings(max_animation_pixels=64 * 48 * 5 - 1)):
            with pytest.raises(ImageResolutionExceed, match="the animation has") as caught:
                Processor(settings).execute(operation, source)
            assert caught.value.number == -447


def test_as_many_frames_as_are_allowed(run: Run) -> None:
    """300, by the real limit; of TPG repeated pictures, which refer to the one before."""
    data = tpg()
    chunks = chunks_of_tpg(data)
    start, end = chunks[-1]
    last = data[start - 8 : end]
    for count in (300, 301):
        more = bytearray(data + last * (count - 5))
        more[23:26] = count.to_bytes(3, "big")
        if count == 300:
            assert b'"frame_count":"300"' in run("imageInfo", bytes(more)).data
            continue
        with pytest.raises(ImageResolutionExceed, match="more than 300 frames"):
            run("imageInfo", bytes(more))
