"""Broken animations, put together by hand: each has an error that names what is wrong, behind its whole frames."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
import pillow_tpg
import pytest
from PIL import Image
from pillow_tpg import encode_animation
from pillow_tpg.image import Samples
from pillow_tpg.pixels import pixels_of

COLOUR, ALPHA, UNKNOWN = 0xBB, 0xBC, 0xC5


@dataclass(frozen=True)
class Chunk:
    code: int
    payload: bytes
    size: int | None = None

    def __bytes__(self) -> bytes:
        size = len(self.payload) + 4 if self.size is None else self.size
        return b"\0\0\1" + bytes([self.code]) + size.to_bytes(4, "big") + self.payload


@dataclass(frozen=True)
class File:
    """A file of frames, to be changed."""

    flags: int
    count: int
    chunks: tuple[Chunk, ...]
    size: tuple[int, int] = (50, 34)

    def __bytes__(self) -> bytes:
        fields = bytes([self.flags, 0])
        fields += b"".join(value.to_bytes(3, "big") for value in (*self.size, self.count))
        return b"TPG AVS2B\0\0\1\xb9\0\x0d" + fields + b"".join(map(bytes, self.chunks))

    def with_chunk(self, index: int, *chunks: Chunk) -> File:
        return replace(self, chunks=(*self.chunks[:index], *chunks, *self.chunks[index + 1 :]))


def picture(n: int, width: int = 50, height: int = 34) -> Samples:
    y, x = np.mgrid[0:height, 0:width]
    alpha = np.where(x + y < 40 + 4 * n, 255, 30)
    return np.stack([x * 5, y * 7, (x + y + 25 * n) % 256, alpha], 2).astype(np.uint8)


def take_apart(data: bytes) -> File:
    info = pillow_tpg.info(data)
    chunks, offset = [], 26
    while offset < len(data):
        size = int.from_bytes(data[offset + 4 : offset + 8], "big")
        chunks.append(Chunk(data[offset + 3], data[offset + 8 : offset + 4 + size]))
        offset += 4 + size
    return File(info.flags, info.frame_count, tuple(chunks), (info.width, info.height))


PLAIN = take_apart(encode_animation([picture(n)[:, :, :3] for n in range(4)], 7, qp=40, effort=0))
WITH_ALPHA = take_apart(encode_animation([picture(n) for n in range(4)], 7, qp=40, effort=0, alpha="keep"))


def read(file: File) -> tuple[int, pillow_tpg.TpgError | None]:
    """Frames that were delivered, and the error behind them."""
    count = 0
    try:
        for _ in pillow_tpg.decode_frames(bytes(file)):
            count += 1
    except pillow_tpg.TpgError as error:
        return count, error
    return count, None


def test_what_is_changed_below_is_whole() -> None:
    assert [chunk.code for chunk in PLAIN.chunks] == [COLOUR] * 4
    assert [chunk.code for chunk in WITH_ALPHA.chunks] == [COLOUR, ALPHA] * 4
    assert read(PLAIN) == (4, None)
    assert read(WITH_ALPHA) == (4, None)


def delayed(chunk: Chunk, delay: bytes) -> Chunk:
    """The chunk with other bytes in front of its coded data."""
    return Chunk(chunk.code, delay + chunk.payload[2:])


OTHER_SIZE = take_apart(encode_animation([picture(0, 58, 42)[:, :, :3]], 7, qp=40, effort=0)).chunks[0]
LARGER_ALPHA = take_apart(encode_animation([picture(0, 58, 42)], 7, qp=40, effort=0, alpha="keep"))
LAST = PLAIN.chunks[3]
CASES: dict[str, tuple[File, int, type[pillow_tpg.TpgError], str]] = {
    "fewer frames than announced": (
        replace(PLAIN, count=6),
        4,
        pillow_tpg.MissingPictureError,
        "frame 4 has no picture chunk",
    ),
    "no frame": (
        replace(PLAIN, chunks=()),
        0,
        pillow_tpg.MissingPictureError,
        "frame 0 has no picture chunk",
    ),
    "first frame missing": (
        PLAIN.with_chunk(0),
        0,
        pillow_tpg.InvalidStreamError,
        "frame 0: ",
    ),
    "frame in the middle missing": (
        PLAIN.with_chunk(1),
        1,
        pillow_tpg.InvalidStreamError,
        "missing reference",
    ),
    "delay of one byte": (
        PLAIN.with_chunk(2, delayed(PLAIN.chunks[2], b"\7")),
        2,
        pillow_tpg.InvalidContainerError,
        "start of the coded data behind a delay is 0x1b6",
    ),
    "delay of three bytes": (
        PLAIN.with_chunk(2, delayed(PLAIN.chunks[2], b"\0\7\7")),
        2,
        pillow_tpg.InvalidContainerError,
        "start of the coded data behind a delay is 0x7000001",
    ),
    "delay twice": (
        PLAIN.with_chunk(0, delayed(PLAIN.chunks[0], b"\0\7\0\7")),
        0,
        pillow_tpg.InvalidContainerError,
        "start of the coded data behind a delay",
    ),
    "delay of three bytes before alpha": (
        WITH_ALPHA.with_chunk(3, Chunk(ALPHA, b"\0\0\7" + WITH_ALPHA.chunks[3].payload)),
        1,
        pillow_tpg.InvalidContainerError,
        "start of the coded data behind a delay",
    ),
    "nothing but a delay": (
        PLAIN.with_chunk(1, Chunk(COLOUR, b"\0\7")),
        1,
        pillow_tpg.MissingPictureError,
        "frame 1 has no coded data",
    ),
    "size beyond the end": (
        PLAIN.with_chunk(3, replace(LAST, size=len(LAST.payload) + 5)),
        3,
        pillow_tpg.TruncatedError,
        "a picture chunk at byte",
    ),
    "greatest size": (
        PLAIN.with_chunk(1, replace(PLAIN.chunks[1], size=0xFFFFFFFF)),
        1,
        pillow_tpg.TruncatedError,
        "has 4294967299 bytes",
    ),
    "size below 4": (
        PLAIN.with_chunk(2, replace(PLAIN.chunks[2], size=3)),
        2,
        pillow_tpg.InvalidContainerError,
        "a chunk's size is 0x3",
    ),
    "greatest size of alpha": (
        WITH_ALPHA.with_chunk(1, replace(WITH_ALPHA.chunks[1], size=0xFFFFFFFF)),
        0,
        pillow_tpg.TruncatedError,
        "an alpha chunk at byte",
    ),
    "frame of another size": (
        PLAIN.with_chunk(2, OTHER_SIZE),
        2,
        pillow_tpg.SizeMismatchError,
        "the colour picture of frame 2 has 64x48 pixels, but the first one 56x40",
    ),
    "alpha of another size": (
        WITH_ALPHA.with_chunk(1, Chunk(ALPHA, LARGER_ALPHA.chunks[0].payload[2:])),
        0,
        pillow_tpg.SizeMismatchError,
        "the alpha picture of frame 0 has 64x48 pixels, but the first one 56x40",
    ),
    "header larger than the pictures": (
        replace(PLAIN, size=(57, 34)),
        0,
        pillow_tpg.SizeMismatchError,
        "57x34, but the coded picture has only 56x40",
    ),
    "no alpha at all": (
        replace(PLAIN, flags=0xD4),
        0,
        pillow_tpg.MissingPictureError,
        "frame 0 has no alpha picture",
    ),
    "alpha missing in the middle": (
        WITH_ALPHA.with_chunk(5),
        2,
        pillow_tpg.MissingPictureError,
        "frame 2 has no alpha picture",
    ),
    "alpha missing at the end": (
        WITH_ALPHA.with_chunk(7),
        3,
        pillow_tpg.MissingPictureError,
        "frame 3 has no alpha picture",
    ),
    "unknown chunk between a picture and its alpha": (
        WITH_ALPHA.with_chunk(3, Chunk(UNKNOWN, b"any"), WITH_ALPHA.chunks[3]),
        1,
        pillow_tpg.InvalidContainerError,
        "code of a chunk between a picture and its alpha is 0xc5",
    ),
    "alpha twice": (
        WITH_ALPHA.with_chunk(3, WITH_ALPHA.chunks[3], WITH_ALPHA.chunks[3]),
        2,
        pillow_tpg.InvalidContainerError,
        "misplaced chunk's code is 0xbc",
    ),
    "alpha before colour": (
        replace(WITH_ALPHA, chunks=WITH_ALPHA.chunks[1:]),
        0,
        pillow_tpg.InvalidContainerError,
        "misplaced chunk's code is 0xbc",
    ),
    "alpha that is empty": (
        WITH_ALPHA.with_chunk(3, Chunk(ALPHA, b"")),
        1,
        pillow_tpg.MissingPictureError,
        "frame 1 has no coded data of its alpha",
    ),
    "header twice": (
        PLAIN.with_chunk(1, Chunk(0xB9, b"\0" * 20)),
        1,
        pillow_tpg.TpgError,
        "",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_broken_animations(name: str) -> None:
    file, frames, error, message = CASES[name]
    count, found = read(file)
    assert isinstance(found, error), found
    assert message in str(found)
    assert count == frames
    # Through Pillow whole frames are there, and the others are not.
    pillow_tpg.register_tpg_opener()
    if frames == 0:
        with pytest.raises(OSError, match=r"TPG|frame"), Image.open(io.BytesIO(bytes(file))) as image:
            image.load()
        return
    with Image.open(io.BytesIO(bytes(file))) as image:
        for index in range(frames):
            image.seek(index)
            assert pixels_of(image).shape[:2] == (34, 50)


def test_what_other_writers_add_does_no_harm() -> None:
    assert read(replace(PLAIN, count=3)) == (3, None), "more frames than announced"
    assert read(replace(PLAIN, count=0)) == (1, None), "none announced"
    no_count = bytearray(bytes(PLAIN))
    no_count[14] = 10
    del no_count[23:26]
    assert len(list(pillow_tpg.decode_frames(bytes(no_count)))) == 1
    end = b"\0\0\1\xb1"
    for file in (PLAIN, WITH_ALPHA):
        # A sequence end code behind every picture.
        chunks = (replace(chunk, payload=chunk.payload.removesuffix(end) + end) for chunk in file.chunks)
        ended = replace(file, chunks=tuple(chunks))
        bare = replace(
            file, chunks=tuple(replace(c, payload=c.payload.removesuffix(end)) for c in file.chunks)
        )
        whole = [frame.rgba().tobytes() for frame in pillow_tpg.decode_frames(bytes(file))]
        for other in (ended, bare):
            assert [frame.rgba().tobytes() for frame in pillow_tpg.decode_frames(bytes(other))] == whole


def test_missing_delays_and_strange_chunks_do_no_harm() -> None:
    file = PLAIN.with_chunk(1, Chunk(UNKNOWN, b"any"), Chunk(COLOUR, PLAIN.chunks[1].payload[2:]))
    assert read(file) == (4, None)
    assert pillow_tpg.info(bytes(file)).delays == [7, 0, 7, 7]
    with_delay = WITH_ALPHA.with_chunk(3, Chunk(ALPHA, b"\0\7" + WITH_ALPHA.chunks[3].payload))
    assert read(with_delay) == (4, None)


def test_every_prefix_of_an_animation_with_alpha_is_an_error() -> None:
    data = bytes(WITH_ALPHA)
    for length in range(0, len(data), 3):
        with pytest.raises(pillow_tpg.TpgError):
            list(pillow_tpg.decode_frames(data[:length]))


def test_budgets_hold_for_many_frames() -> None:
    still = PLAIN.chunks[3]
    file = replace(PLAIN, count=0xFFFFFF, chunks=(*PLAIN.chunks, *[still] * 200))
    for limits in (pillow_tpg.Limits(max_frames=203), pillow_tpg.Limits(max_total_pixels=50 * 34 * 203)):
        with pytest.raises(pillow_tpg.LimitError, match="number of"):
            pillow_tpg.info(bytes(file), limits=limits)
    assert pillow_tpg.info(bytes(file)).frame_count == 204
