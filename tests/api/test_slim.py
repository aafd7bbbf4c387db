"""``imageSlim`` over HTTP: downloads, rules, stored data, and the header that tells what became of it."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from openmogr.testing import ServerProcess

pytest.importorskip("openmogr_pixels", reason="imageSlim needs openmogr-pixels")


def rules(*texts: str) -> dict[str, str]:
    items = [{"fileid": f"slim{number}", "rule": text} for number, text in enumerate(texts)]
    return {"Pic-Operations": json.dumps({"is_pic_info": 1, "rules": items})}


def test_download_tells_what_became_of_it(server: ServerProcess, public: str, photo: bytes) -> None:
    assert server.request("PUT", "/a.png", photo, {"Content-Type": "image/png"}, host=public).status == 200
    for attempt in ("miss", "hit"):
        answer = server.request("GET", "/a.png?imageSlim", host=public)
        assert (answer.status, answer.header("X-Slimflag")) == (200, "1")
        assert answer.header("x-openmogr-cache") == attempt
        assert answer.header("Content-Type") == "image/png"
        assert len(answer.body) < len(photo)
    with Image.open(io.BytesIO(answer.body)) as slim, Image.open(io.BytesIO(photo)) as source:
        assert (slim.format, slim.size) == ("PNG", source.size)
    head = server.request("HEAD", "/a.png?imageslim=", host=public)
    assert head.header("X-Slimflag") == "1"
    assert head.header("Content-Length") == str(len(answer.body))
    # Without it nothing is said.
    plain = server.request("GET", "/a.png?imageMogr2/thumbnail/50x", host=public)
    assert plain.header("X-Slimflag") is None
    tail = server.request("GET", "/a.png?imageMogr2/thumbnail/50x|imageslim", host=public)
    assert tail.header("X-Slimflag") in {"1", "2"}
    assert len(tail.body) <= len(plain.body)


def test_what_cannot_be_smaller_is_the_source(server: ServerProcess, public: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "BMP")
    assert (
        server.request("PUT", "/a.bmp", out.getvalue(), {"Content-Type": "image/bmp"}, host=public).status
        == 200
    )
    for attempt in ("miss", "hit"):
        answer = server.request("GET", "/a.bmp?imageSlim", host=public)
        assert (answer.body, answer.header("X-Slimflag")) == (out.getvalue(), "2")
        assert answer.header("x-openmogr-cache") == attempt


@pytest.mark.parametrize("form", ["GIF", "JPEG", "WEBP"])
def test_workers_have_all_that_a_format_needs(
    form: str, server: ServerProcess, public: str, photo: bytes
) -> None:
    with Image.open(io.BytesIO(photo)) as image:
        frames = [image.convert("RGB").resize((96, 64)), image.convert("RGB").resize((96, 64)).rotate(180)]
    out = io.BytesIO()
    more: dict[str, object] = (
        {"save_all": True, "append_images": frames[1:]} if form == "GIF" else {"quality": 97}
    )
    frames[0].save(out, form, **more)
    kind = {"Content-Type": f"image/{form.lower()}"}
    assert server.request("PUT", "/b", out.getvalue(), kind, host=public).status == 200
    answer = server.request("GET", "/b?imageSlim", host=public)
    assert (answer.status, answer.header("X-Slimflag")) == (200, "1")
    assert len(answer.body) < len(out.getvalue())


def test_failures(server: ServerProcess, public: str) -> None:
    assert server.request("PUT", "/text", b"no picture", host=public).status == 200
    answer = server.request("GET", "/text?imageSlim", host=public)
    assert (answer.status, answer.header("X-ErrNo"), answer.header("X-Slimflag")) == (400, "-441", None)
    answer = server.request("GET", "/text?imageSlim|imageMogr2/ignore-error/1", host=public)
    assert (answer.status, answer.body, answer.header("X-Slimflag")) == (200, b"no picture", "0")
    assert server.request("GET", "/text?imageSlim/2", host=public).status == 400


def test_rules_of_uploads_and_stored_data(server: ServerProcess, bucket: str, photo: bytes) -> None:
    answer = server.request("PUT", "/a.png", photo, rules("imageSlim"), host=bucket)
    assert (answer.status, answer.header("X-Slimflag")) == (200, "1"), answer.body
    slim = server.request("GET", "/slim0", host=bucket).body
    assert len(slim) < len(photo)
    assert f"<Size>{len(slim)}</Size>".encode() in answer.body
    stored = server.request(
        "POST",
        "/a.png?image_process",
        b"",
        rules("imageslim", "imageMogr2/thumbnail/60x|imageSlim"),
        host=bucket,
    )
    assert stored.status == 200, stored.body
    assert server.request("GET", "/slim0", host=bucket).body == slim
    with Image.open(io.BytesIO(server.request("GET", "/slim1", host=bucket).body)) as small:
        assert small.width == 60


def test_rules_that_differ_say_nothing_together(server: ServerProcess, bucket: str) -> None:
    out = io.BytesIO()
    Image.effect_noise((200, 100), 60).convert("RGB").save(out, "JPEG", quality=96)
    both = rules("imageSlim", "imageMogr2/format/bmp|imageSlim")
    answer = server.request("PUT", "/a.jpg", out.getvalue(), both, host=bucket)
    assert (answer.status, answer.header("X-Slimflag")) == (200, None), answer.body
