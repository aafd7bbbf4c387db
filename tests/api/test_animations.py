"""Animations over HTTP: on download, on upload and of stored data."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image, ImageSequence

from openmogr.testing import ServerProcess

pillow_tpg = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
pillow_tpg.register_tpg_opener()

DELAYS = [100, 40, 250, 70]


def gif() -> bytes:
    """A square that walks."""
    pictures = []
    for number in range(4):
        picture = Image.new("RGB", (48, 32), (40, 90, 160))
        picture.paste((250, 220, 20), (10 * number, 8, 10 * number + 12, 24))
        pictures.append(picture)
    out = io.BytesIO()
    pictures[0].save(out, "GIF", save_all=True, append_images=pictures[1:], duration=DELAYS, loop=0)
    return out.getvalue()


def timing(data: bytes) -> list[int]:
    """The milliseconds of each frame, as ``DELAYS``."""
    with Image.open(io.BytesIO(data)) as image:
        delays = []
        for frame in ImageSequence.Iterator(image):
            frame.load()
            delays.append(round(frame.info["duration"]))
        return delays


def pic(fileid: str, rule: str) -> dict[str, str]:
    return {"Pic-Operations": json.dumps({"is_pic_info": 1, "rules": [{"fileid": fileid, "rule": rule}]})}


def get(server: ServerProcess, host: str, target: str) -> bytes:
    answer = server.request("GET", target, host=host)
    assert answer.status == 200, answer.body
    return answer.body


def test_there_and_back(server: ServerProcess, bucket: str) -> None:
    """GIF to TPG on upload, TPG to GIF of stored data, GIF to TPG on download."""
    put = server.request("PUT", "/a.gif", gif(), pic("a.tpg", "imageMogr2/format/tpg"), host=bucket)
    assert put.status == 200, put.body
    tpg = get(server, bucket, "/a.tpg")
    assert [10 * delay for delay in pillow_tpg.info(tpg).delays] == DELAYS
    post = server.request(
        "POST", "/a.tpg?image_process", b"", pic("b.gif", "imageMogr2/format/gif"), host=bucket
    )
    assert post.status == 200, post.body
    assert timing(get(server, bucket, "/b.gif")) == DELAYS
    again = get(server, bucket, "/b.gif?imageMogr2/thumbnail/24x/rotate/90/format/tpg")
    assert timing(again) == DELAYS
    assert pillow_tpg.info(again).delays == pillow_tpg.info(tpg).delays


@pytest.mark.parametrize("form", ["gif", "webp", "apng", "avif", "tpg"])
def test_frame_counts(form: str, server: ServerProcess, bucket: str) -> None:
    rule = f"imageMogr2/flip/horizontal/format/{form}"
    server.request("PUT", "/a.gif", gif(), pic("moving", rule), host=bucket)
    info = json.loads(get(server, bucket, "/moving?imageInfo"))
    assert (info["format"], info["frame_count"]) == (form, "4")
    assert timing(get(server, bucket, "/moving")) == DELAYS


def broken() -> dict[str, tuple[bytes, str]]:
    """Animations, and what their error has to say."""
    tpg = pillow_tpg.encode_animation(
        [frame.convert("RGB") for frame in ImageSequence.Iterator(Image.open(io.BytesIO(gif())))],
        [10] * 4,
        quality=50,
    )
    size = int.from_bytes(tpg[30:34], "big")
    second = 30 + size
    return {
        "wrong count": (tpg[:23] + b"\x00\x00\x07" + tpg[26:], "frame 4 has no picture chunk"),
        "missing frame": (tpg[:26] + tpg[second:], "frame 3 has no picture chunk"),
        "size that overflows": (tpg[:30] + b"\xff" * 4 + tpg[34:], "4294967299 bytes"),
        "delay in the wrong place": (
            tpg[: second + 8] + b"\x00\x07\x09" + tpg[second + 11 :],
            "start of the coded data behind a delay",
        ),
        "cut off": (tpg[:-3], "truncated"),
        "cut GIF": (gif()[:-40], "of 4 is damaged"),
        "too many frames": (
            tpg[:23] + b"\x00\x01\x2d" + tpg[26:] + tpg[second:] * 99,
            "more than 300 frames",
        ),
    }


@pytest.mark.parametrize("name", broken())
def test_broken_animations_in_all_three_ways(name: str, server: ServerProcess, bucket: str) -> None:
    data, message = broken()[name]
    code = "ImageResolutionExceed" if name == "too many frames" else "InvalidImageFormat"
    rule = "imageMogr2/thumbnail/20x/format/webp"
    put = server.request("PUT", "/new", data, pic("result", rule), host=bucket)
    assert server.request("HEAD", "/new", host=bucket).status == 404
    assert server.request("PUT", "/stored", data, host=bucket).status == 200
    post = server.request("POST", "/stored?image_process", b"", pic("result", rule), host=bucket)
    fetched = server.request("GET", f"/stored?{rule}", host=bucket)
    for answer in (put, post, fetched):
        assert (answer.status, answer.code) == (400, code)
        assert message.encode() in answer.body
    number = "-447" if name == "too many frames" else "-441"
    assert fetched.header("X-ErrNo") == number
    assert server.request("HEAD", "/result", host=bucket).status == 404
    assert server.request("GET", f"/stored?{rule}/ignore-error/1", host=bucket).body == data


def long_animation(size: tuple[int, int], count: int, transparent_from: int | None) -> bytes:
    """Lossless, of one colour a frame; from a frame on with a transparent half, or never."""
    pictures = []
    for number in range(count):
        picture = Image.new("RGBA", size, (20 * number, 90, 160, 255))
        if transparent_from is not None and number >= transparent_from:
            picture.paste((0, 0, 0, 0), (0, 0, size[0] // 2, size[1]))
        pictures.append(picture)
    out = io.BytesIO()
    options = {
        "save_all": True,
        "append_images": pictures[1:],
        "duration": 100,
        "lossless": True,
        "method": 0,
    }
    pictures[0].save(out, "WEBP", **options)
    return out.getvalue()


@pytest.mark.parametrize("transparent_from", [None, 0, 8])
def test_long_ones_to_tpg(server: ServerProcess, bucket: str, transparent_from: int | None) -> None:
    """More than the codec keeps in memory: its workers may write no files."""
    source = long_animation((1200, 1000), 12, transparent_from)
    server.request("PUT", "/long.webp", source, host=bucket)
    tpg = get(server, bucket, "/long.webp?imageMogr2/format/tpg/effort/0")
    with Image.open(io.BytesIO(tpg)) as image:
        assert (image.size, getattr(image, "n_frames", 1)) == ((1200, 1000), 12)
        for number in (0, 7, 11):
            image.seek(number)
            hidden = transparent_from is not None and number >= transparent_from
            alpha = image.convert("RGBA").getchannel("A")
            assert (alpha.getpixel((300, 500)), alpha.getpixel((900, 500))) == (0 if hidden else 255, 255)


def test_large_transparent_ones_to_tpg(server: ServerProcess, bucket: str) -> None:
    """One frame is more than the codec keeps in memory."""
    server.request("PUT", "/large.webp", long_animation((3000, 2900), 2, 0), host=bucket)
    with Image.open(io.BytesIO(get(server, bucket, "/large.webp?imageMogr2/format/tpg/effort/0"))) as image:
        assert image.convert("RGBA").getchannel("A").getpixel((100, 100)) == 0
