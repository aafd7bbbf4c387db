"""Files that no encoder at hand makes: put together here from coded pictures."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pillow_tpg
import pytest

START_CODE = b"\0\0\1"
PICTURES = (b"\0\0\1\xb3", b"\0\0\1\xb6")
ANIMATION, ALPHA = 0x40, 0x80


def chunk(code: int, payload: bytes) -> bytes:
    return START_CODE + bytes([code]) + (len(payload) + 4).to_bytes(4, "big") + payload


def container(flags: int, width: int, height: int, chunks: list[bytes]) -> bytes:
    fields = bytes([0x14 | flags, 0]) + width.to_bytes(3, "big") + height.to_bytes(3, "big")
    if flags & ANIMATION:
        fields += sum(code[3] == 0xBB for code in chunks).to_bytes(3, "big")
    header = START_CODE + b"\xb9" + (len(fields) + 2).to_bytes(2, "big") + fields
    return b"TPG AVS2B" + header + b"".join(chunks)


def split(stream: bytes) -> list[bytes]:
    """The pictures of a bare stream, the first one with the sequence header."""
    starts = [at for at in range(len(stream)) if stream[at : at + 4] in PICTURES]
    edges = [0, *starts[1:], len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


@pytest.fixture
def clip(shared: Path) -> list[bytes]:
    """Coded pictures of 200x120, each of which refers to the one before."""
    return split((shared / "vectors/avs2/application_like/l006_anim_f.avs").read_bytes())


def test_animation_with_alpha(clip: list[bytes]) -> None:
    pictures = list(pillow_tpg.decode_frames(b"".join(clip)))
    assert len(pictures) == len(clip) >= 4
    chunks = []
    for index in range(0, len(clip) // 2 * 2, 2):
        chunks.append(chunk(0xBB, (index + 3).to_bytes(2, "big") + clip[index]))
        chunks.append(chunk(0xBC, clip[index + 1]))
    file = container(ANIMATION | ALPHA, 199, 119, chunks)
    assert pillow_tpg.info(file).mode == "animation+alpha"
    frames = list(pillow_tpg.decode_frames(file))
    assert len(frames) == len(clip) // 2
    for index, frame in enumerate(frames):
        assert frame.delay == 2 * index + 3
        assert frame.alpha is not None
        assert (frame.y == pictures[2 * index].y[:119, :199]).all()
        assert (frame.alpha == pictures[2 * index + 1].y[:119, :199]).all()


def test_unannounced_alpha_still_feeds_the_decoder(clip: list[bytes]) -> None:
    pictures = list(pillow_tpg.decode_frames(b"".join(clip)))
    chunks = [chunk(0xBC if index % 2 else 0xBB, clip[index]) for index in range(4)]
    frames = list(pillow_tpg.decode_frames(container(ANIMATION, 200, 120, chunks)))
    assert [frame.alpha for frame in frames] == [None, None]
    assert (frames[1].cb == pictures[2].cb).all()


def test_an_animation_without_its_last_alpha(clip: list[bytes]) -> None:
    chunks = [chunk(0xBC if index % 2 else 0xBB, clip[index]) for index in range(3)]
    file = container(ANIMATION | ALPHA, 200, 120, chunks)
    assert pillow_tpg.info(file).damage == "incomplete TPG file: frame 1 has no alpha picture"
    frames = pillow_tpg.decode_frames(file)
    assert next(frames).alpha is not None
    with pytest.raises(pillow_tpg.MissingPictureError, match="frame 1"):
        next(frames)
    assert list(frames) == []


def test_a_still_whose_stream_announces_reordering(shared: Path) -> None:
    stream = (shared / "vectors/avs2/inter/p052_mini_b_all.avs").read_bytes()
    picture = next(pillow_tpg.decode_frames(stream))
    pictures = split(stream)
    size = (picture.width, picture.height)
    image = pillow_tpg.decode(container(0, *size, [chunk(0xBB, pictures[0])]))
    assert (image.y == picture.y).all()
    animation = container(ANIMATION, *size, [chunk(0xBB, coded) for coded in pictures])
    with pytest.raises(pillow_tpg.UnsupportedError, match="reordered pictures"):
        list(pillow_tpg.decode_frames(animation))
