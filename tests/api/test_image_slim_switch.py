"""``?image-slim``: downloads that are slimmed without being asked (``docs/spec/api/overview.md#8``)."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from openmogr.testing import ServerProcess

pytest.importorskip("openmogr_pixels", reason="imageSlim needs openmogr-pixels")


@pytest.fixture(scope="module")
def photo(photo: bytes) -> bytes:
    """A part of it, which other tests do not have slimmed."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(photo)) as image:
        image.crop((100, 100, 260, 220)).save(out, "PNG")
    return out.getvalue()


def pic(bucket: str) -> str:
    return bucket.replace(".cos.", ".pic.")


def document(mode: str, *suffixes: str) -> bytes:
    listed = "".join(f"<Suffix>{suffix}</Suffix>" for suffix in suffixes)
    return f"<ImageSlim><SlimMode>{mode}</SlimMode><Suffixs>{listed}</Suffixs></ImageSlim>".encode()


@pytest.fixture
def switched(server: ServerProcess, public: str, photo: bytes) -> str:
    for key in ("a.png", "B.PNG", "a.jpg", "png"):
        put = server.request("PUT", f"/{key}", photo, {"Content-Type": "image/png"}, host=public)
        assert put.status == 200
    assert server.request("PUT", "/text.png", b"no picture", host=public).status == 200
    assert server.request("PUT", "/?image-slim", document("API,Auto", "png"), host=pic(public)).status == 200
    return public


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("key", ["a.png", "B.PNG"])
def test_downloads_are_slimmed(
    server: ServerProcess, switched: str, photo: bytes, key: str, signed: bool
) -> None:
    answer = server.request("GET", f"/{key}", host=switched, signed=signed)
    assert (answer.status, answer.header("X-Slimflag")) == (200, "1")
    assert answer.header("Content-Type") == "image/png"
    assert len(answer.body) < len(photo)
    assert answer.header("x-cos-hash-crc64ecma") is None
    with Image.open(io.BytesIO(answer.body)) as slim, Image.open(io.BytesIO(photo)) as source:
        assert (slim.format, slim.size) == ("PNG", source.size)
    head = server.request("HEAD", f"/{key}", host=switched, signed=signed)
    for name in ("Content-Length", "ETag", "X-Slimflag"):
        assert head.header(name) == answer.header(name)
    part = server.request("GET", f"/{key}", None, {"Range": "bytes=10-19"}, host=switched, signed=signed)
    assert (part.status, part.body) == (206, answer.body[10:20])
    again = {"If-None-Match": answer.header("ETag") or ""}
    assert server.request("GET", f"/{key}", None, again, host=switched, signed=signed).status == 304


@pytest.mark.parametrize("target", ["/a.jpg", "/png", "/a.png?ci-process=originImage"])
def test_others_stay_as_they_are(server: ServerProcess, switched: str, photo: bytes, target: str) -> None:
    answer = server.request("GET", target, host=switched)
    assert (answer.body, answer.header("X-Slimflag")) == (photo, None)


def test_operations_are_not_slimmed_besides(server: ServerProcess, switched: str) -> None:
    answer = server.request("GET", "/a.png?imageMogr2/thumbnail/40x", host=switched)
    assert (answer.status, answer.header("X-Slimflag")) == (200, None)
    assert server.request("GET", "/a.png?imageSlim", host=switched).header("X-Slimflag") == "1"


def test_what_is_no_image_is_answered_as_it_is(server: ServerProcess, switched: str) -> None:
    answer = server.request("GET", "/text.png", host=switched)
    assert (answer.status, answer.body, answer.header("X-Slimflag")) == (200, b"no picture", "0")


def test_what_does_not_get_smaller_is_tried_once(server: ServerProcess, switched: str) -> None:
    slim = server.request("GET", "/a.png", host=switched).body
    assert (
        server.request("PUT", "/slim.png", slim, {"Content-Type": "image/png"}, host=switched).status == 200
    )
    for attempt in ("miss", "hit"):
        answer = server.request("GET", "/slim.png", host=switched)
        assert (answer.body, answer.header("X-Slimflag")) == (slim, "2")
        assert answer.header("x-openmogr-cache") == attempt


def test_copies_and_results_are_made_of_what_is_stored(
    server: ServerProcess, switched: str, photo: bytes
) -> None:
    source = {"x-cos-copy-source": f"{switched}/a.png"}
    assert server.request("PUT", "/copy", b"", source, host=switched).status == 200
    assert server.request("GET", "/copy", host=switched).body == photo


def test_what_is_set_is_told(server: ServerProcess, public: str) -> None:
    host = pic(public)
    assert b"<Status>off<" in server.request("GET", "/?image-slim", host=host).body
    assert (
        server.request("PUT", "/?image-slim", document("auto", "JPG", ".gif", "jpg"), host=host).status == 200
    )
    told = server.request("GET", "/?image-slim", host=host).body
    assert b"<SlimMode>Auto</SlimMode><Status>on</Status>" in told
    assert b"<Suffixs><Suffix>jpg</Suffix><Suffix>gif</Suffix></Suffixs>" in told
    assert server.request("PUT", "/?image-slim", document("API"), host=host).status == 200
    assert b"<Suffix" not in server.request("GET", "/?image-slim", host=host).body
    assert server.request("DELETE", "/?image-slim", host=host).status == 200
    assert b"<Status>off<" in server.request("GET", "/?image-slim", host=host).body


def test_it_ends(server: ServerProcess, switched: str, photo: bytes) -> None:
    for change in (("PUT", document("API", "png")), ("DELETE", None)):
        assert server.request(change[0], "/?image-slim", change[1], host=pic(switched)).status == 200
        assert server.request("GET", "/a.png", host=switched).body == photo


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (document("Auto"), b"MalformedXML"),
        (document("", "png"), b"MalformedXML"),
        (document("Manual", "png"), b"MalformedXML"),
        (b"<Slim/>", b"MalformedXML"),
        (document("Auto", "png", "svg"), b"InvalidArgument"),
        (document("Auto", ""), b"InvalidArgument"),
    ],
)
def test_what_is_refused(server: ServerProcess, public: str, body: bytes, code: bytes) -> None:
    answer = server.request("PUT", "/?image-slim", body, host=pic(public))
    assert answer.status == 400
    assert b"<Code>" + code in answer.body
    assert b"<Status>off<" in server.request("GET", "/?image-slim", host=pic(public)).body


def test_only_the_owner_sets_it(server: ServerProcess, public: str) -> None:
    for method, body in (("GET", None), ("PUT", document("Auto", "png")), ("DELETE", None)):
        assert server.request(method, "/?image-slim", body, host=pic(public), signed=False).status == 403


@pytest.mark.parametrize("name", ["guetzli", "hdr-image-processing"])
def test_switches_of_what_is_the_vendors_own(server: ServerProcess, public: str, name: str) -> None:
    answer = server.request("PUT", f"/?{name}", b"", host=pic(public))
    assert (answer.status, b"not implemented by this server" in answer.body) == (501, True)
    assert server.request("DELETE", f"/?{name}", host=pic(public)).status == 204
    assert b"off" in server.request("GET", f"/?{name}", host=pic(public)).body
