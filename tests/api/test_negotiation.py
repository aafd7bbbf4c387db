"""Formats by ``Accept`` (``docs/spec/api/overview.md#7``)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from openmogr.api.negotiation import _weights
from openmogr.testing import Answer, ServerProcess

BUCKET = "n-1250000000.cos.ap-shanghai.myqcloud.com"
PLAIN = "plain-1250000000.cos.ap-shanghai.myqcloud.com"


@pytest.fixture(scope="module")
def negotiating(tmp_path_factory: pytest.TempPathFactory, photo: bytes) -> Iterator[ServerProcess]:
    """A server that offers two formats everywhere but in one bucket."""
    table = {"*": "tpg webp heif", "plain-1250000000": ""}
    settings: dict[str, dict[str, object]] = {"server": {"negotiate": table}}
    with ServerProcess(tmp_path_factory.mktemp("negotiation") / "data", settings) as server:
        for bucket in (BUCKET, PLAIN):
            assert server.request("PUT", "/", b"", {"x-cos-acl": "public-read"}, host=bucket).status == 200
            server.request("PUT", "/a.png", photo, {"Content-Type": "image/png"}, host=bucket)
        server.request("PUT", "/a.txt", b"text", {"Content-Type": "text/plain"}, host=BUCKET)
        server.request("PUT", "/bad.png", b"text", {"Content-Type": "image/png"}, host=BUCKET)
        yield server


def get(server: ServerProcess, target: str, accept: str | None, host: str = BUCKET, **more: str) -> Answer:
    headers = more if accept is None else {"Accept": accept, **more}
    return server.request("GET", target, headers=headers, host=host, signed=False)


def animation() -> bytes:
    frames = [Image.effect_noise((64, 48), sigma).convert("RGB") for sigma in (20, 90)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("image/tpg", "image/tpg"),
        ("image/tpg, image/webp", "image/tpg"),
        ("image/tpg;q=0.5,image/webp", "image/webp"),
        ("image/tpg;q=0,image/webp;q=0.1", "image/webp"),
        ("image/avif,image/wxpic,image/tpg,image/webp,image/*,*/*;q=0.8", "image/tpg"),
        ("IMAGE/WebP ; q=1.0", "image/webp"),
        ("image/heic", "image/heif"),
        ("image/webp;q=2", "image/png"),
        ("image/*", "image/png"),
        ("*/*", "image/png"),
        ("", "image/png"),
        (None, "image/png"),
        ("image/png, image/avif", "image/png"),
    ],
)
def test_plain_download(negotiating: ServerProcess, photo: bytes, accept: str | None, expected: str) -> None:
    answer = get(negotiating, "/a.png", accept)
    assert (answer.status, answer.header("Content-Type")) == (200, expected)
    assert "Accept" in (answer.header("Vary") or "")
    assert (answer.body == photo) is (expected == "image/png")
    assert expected == "image/png" or len(answer.body) < len(photo)
    head = negotiating.request("HEAD", "/a.png", headers={"Accept": accept or ""}, host=BUCKET, signed=False)
    assert head.header("Content-Type") == expected
    assert head.header("ETag") == answer.header("ETag")
    same = get(negotiating, "/a.png", accept, **{"If-None-Match": answer.header("ETag") or ""})
    assert (same.status, same.header("Vary")) == (304, "Accept")


@pytest.mark.parametrize(
    ("operation", "accept", "expected"),
    [
        ("imageMogr2/thumbnail/50x", "image/webp", "image/webp"),
        ("imageMogr2/thumbnail/50x", "image/jpeg", "image/png"),
        ("imageView2/2/w/50|imageMogr2/strip", "image/tpg", "image/tpg"),
        ("imageMogr2/thumbnail/50x/format/jpg", "image/webp", "image/jpeg"),
        ("imageInfo", "image/webp", "application/json"),
        ("|".join(["imageMogr2/rotate/90"] * 10), "image/webp", "image/webp"),
    ],
)
def test_operation(negotiating: ServerProcess, operation: str, accept: str, expected: str) -> None:
    answer = get(negotiating, f"/a.png?{operation}", accept)
    assert (answer.status, answer.header("Content-Type")) == (200, expected)
    varies = "format/" not in operation and operation != "imageInfo"
    assert answer.header("Vary") == ("Accept" if varies else None)


def test_too_many_stages_stay_too_many(negotiating: ServerProcess) -> None:
    operation = "|".join(["imageMogr2/rotate/90"] * 11)
    assert get(negotiating, f"/a.png?{operation}", "image/webp").status == 400


def test_what_does_not_vary(negotiating: ServerProcess) -> None:
    text = get(negotiating, "/a.txt", "image/webp")
    assert (text.body, text.header("Vary")) == (b"text", None)
    plain = get(negotiating, "/a.png", "image/webp", host=PLAIN)
    assert (plain.header("Content-Type"), plain.header("Vary")) == ("image/png", None)
    original = get(negotiating, "/a.png?ci-process=originImage", "image/webp")
    assert original.header("Content-Type") == "image/png"


def test_no_frames_are_lost(negotiating: ServerProcess) -> None:
    """HEIF holds one image."""
    gif = animation()
    negotiating.request("PUT", "/b.gif", gif, {"Content-Type": "image/gif"}, host=BUCKET)
    assert get(negotiating, "/b.gif", "image/heif").body == gif
    small = get(negotiating, "/b.gif?imageMogr2/thumbnail/20x", "image/heif")
    assert small.header("Content-Type") == "image/gif"
    assert small.header("Vary") == "Accept"
    with Image.open(io.BytesIO(get(negotiating, "/b.gif", "image/webp").body)) as image:
        assert (image.format, getattr(image, "n_frames", 1)) == ("WEBP", 2)


def test_what_cannot_be_read_is_sent_as_it_is(negotiating: ServerProcess) -> None:
    answer = get(negotiating, "/bad.png", "image/webp")
    assert (answer.status, answer.body, answer.header("Content-Type")) == (200, b"text", "image/png")


def test_weights() -> None:
    assert _weights("a/b;q=0.3;x=1, c/d ; Q=.5,e/f;q=x, g/h") == {
        "a/b": 0.3,
        "c/d": 0.5,
        "e/f": 0.0,
        "g/h": 1.0,
    }


def test_names_are_checked_at_the_start(tmp_path: Path) -> None:
    from openmogr.api.settings import ServerSettings

    with pytest.raises(ValueError, match="jpeg9000"):
        ServerSettings(negotiate={"*": "webp jpeg9000"})
