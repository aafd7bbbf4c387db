"""``format/auto`` and quality targets over HTTP."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from openmogr.testing import Answer, ServerProcess

BUCKET = "auto-1250000000.cos.ap-shanghai.myqcloud.com"
ALL = "image/tpg,image/webp,image/avif;q=0.1,*/*"


@pytest.fixture(scope="module")
def choosing(tmp_path_factory: pytest.TempPathFactory, photo: bytes) -> Iterator[ServerProcess]:
    settings: dict[str, dict[str, object]] = {"image": {"auto_seconds": 60.0}}
    with ServerProcess(tmp_path_factory.mktemp("auto") / "data", settings) as server:
        server.request("PUT", "/", b"", host=BUCKET)
        server.request("PUT", "/a.png", photo, {"Content-Type": "image/png"}, host=BUCKET)
        server.request("PUT", "/bad.png", b"text", {"Content-Type": "image/png"}, host=BUCKET)
        yield server


def get(server: ServerProcess, operation: str, accept: str, key: str = "a.png", **more: str) -> Answer:
    return server.request("GET", f"/{key}?{operation}", headers={"Accept": accept, **more}, host=BUCKET)


def test_the_smallest_of_what_the_client_takes(choosing: ServerProcess) -> None:
    operation = "imageMogr2/thumbnail/200x"
    sizes = {
        name: len(get(choosing, f"{operation}/format/{name}", "*/*").body)
        for name in ("png", "jpg", "webp", "avif", "tpg")
    }
    best = get(choosing, f"{operation}/format/auto", ALL)
    assert best.status == 200
    assert len(best.body) == min(sizes.values())
    assert best.header("Vary") == "Accept"
    plain = get(choosing, f"{operation}/format/auto", "*/*")
    assert plain.header("Content-Type") == "image/jpeg"
    assert len(plain.body) == min(sizes["jpg"], sizes["png"])
    webp = get(choosing, f"{operation}/format/auto", "image/webp,image/avif;q=0")
    assert len(webp.body) == min(sizes["jpg"], sizes["webp"], sizes["png"])
    assert len({answer.header("ETag") for answer in (best, plain, webp)}) > 1


def test_what_was_made_is_remembered(choosing: ServerProcess) -> None:
    operation = "imageMogr2/thumbnail/150x/format/auto/quality/auto"
    first = get(choosing, operation, ALL)
    again = get(choosing, operation, ALL)
    assert again.body == first.body
    assert again.header("x-openmogr-cache") == "hit"
    unchanged = get(choosing, operation, ALL, **{"If-None-Match": first.header("ETag") or ""})
    assert unchanged.status == 304
    part = get(choosing, operation, ALL, Range="bytes=0-9")
    assert (part.status, part.body) == (206, first.body[:10])


def test_candidates_are_slimmed(choosing: ServerProcess) -> None:
    pytest.importorskip("openmogr_pixels", reason="imageSlim needs openmogr-pixels")
    operation = "imageMogr2/thumbnail/160x/quality/95"
    for text in (f"{operation}/format/auto|imageSlim", f"imageSlim|{operation}/format/auto"):
        best = get(choosing, text, "image/webp")
        assert (best.status, best.header("X-Slimflag")) == (200, "1")
        each = [
            get(choosing, f"{operation}/format/{name}|imageSlim", "*/*") for name in ("png", "jpg", "webp")
        ]
        assert len(best.body) == min(len(answer.body) for answer in each)
    refused = get(choosing, f"{operation}/format/auto/quality/auto|imageSlim", "image/webp")
    assert refused.status == 400
    assert b"imageSlim says how much may be lost" in refused.body


def test_frames_and_transparency_are_kept(choosing: ServerProcess) -> None:
    frames = [Image.effect_noise((64, 48), sigma).convert("RGB") for sigma in (20, 90)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    choosing.request("PUT", "/b.gif", out.getvalue(), {"Content-Type": "image/gif"}, host=BUCKET)
    answer = get(choosing, "imageMogr2/thumbnail/40x/format/auto", "image/heif,image/webp", "b.gif")
    with Image.open(io.BytesIO(answer.body)) as image:
        assert getattr(image, "n_frames", 1) == 2
    clear = frames[0].copy()
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    out = io.BytesIO()
    clear.save(out, "PNG")
    choosing.request("PUT", "/c.png", out.getvalue(), {"Content-Type": "image/png"}, host=BUCKET)
    answer = get(choosing, "imageMogr2/thumbnail/40x/format/auto", "*/*", "c.png")
    assert answer.header("Content-Type") == "image/png"


def test_refusals(choosing: ServerProcess, photo: bytes) -> None:
    assert get(choosing, "imageMogr2/format/auto", ALL, "bad.png").code == "InvalidImageFormat"
    kept = get(choosing, "imageMogr2/format/auto/ignore-error/1", ALL, "bad.png")
    assert (kept.status, kept.body) == (200, b"text")
    rule = '{"rules":[{"fileid":"x","rule":"imageMogr2/format/auto"}]}'
    answer = choosing.request("PUT", "/d.png", photo, {"Pic-Operations": rule}, host=BUCKET)
    assert answer.status == 400
    assert b"format/auto" in answer.body
    assert choosing.request("HEAD", "/d.png", host=BUCKET).status == 404


def test_anonymous_requests_may_ask_for_less(choosing: ServerProcess) -> None:
    choosing.request("PUT", "/?acl", b"", {"x-cos-acl": "public-read"}, host=BUCKET)
    target = "/a.png?imageMogr2/format/webp/effort/9"
    refused = choosing.request("GET", target, host=BUCKET, signed=False)
    assert (refused.status, b"effort" in refused.body) == (400, True)
    assert choosing.request("GET", target, host=BUCKET).status == 200
