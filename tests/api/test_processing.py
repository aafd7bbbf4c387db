"""Processing on download over HTTP (``docs/spec/api/overview.md#4 and #5``), and what SDKs do not show of the rest."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from PIL import Image

from openmogr.auth import sign_request
from openmogr.testing import ServerProcess

OP = "imageMogr2/thumbnail/60x/format/webp"


@pytest.fixture
def stored(server: ServerProcess, public: str, photo: bytes) -> str:
    """The host of a public bucket with the photo as ``/dir/a.png``, some text and an empty object."""
    headers = {
        "Cache-Control": "max-age=9",
        "Content-Disposition": "inline",
        "Content-Encoding": "identity",
        "x-cos-meta-a": "b",
    }
    for key, body in (("/dir/a.png", photo), ("/text", b"no picture"), ("/empty", b"")):
        assert server.request("PUT", key, body, headers, host=public).status == 200
    return public


def size(data: bytes) -> tuple[str | None, tuple[int, int]]:
    with Image.open(io.BytesIO(data)) as picture:
        return picture.format, picture.size


@pytest.mark.parametrize(
    "query",
    [
        OP,
        OP + "=",
        quote(OP, safe=""),
        quote(OP, safe="") + "=",
        f"v=1&{OP}",
        f"1440X1080&{OP}",
        f"{OP}?v=17",
        "imageMogr2/thumbnail/60x%7CimageMogr2/format/webp",
        "imageMogr2/thumbnail/60x|imageMogr2/format/webp",
        "imageView2/2/w/60/|imageMogr2/format/webp",
        "imageMogr2/thumbnail/60x40%3E/format/webp",
        "imageMogr2/thumbnail/60x40>/format/webp",
        f"{OP}&imageMogr2/rotate/abc",
    ],
)
def test_forms_of_the_query(server: ServerProcess, stored: str, query: str) -> None:
    """Lines 8 and 18."""
    for signed in (False, True):
        answer = server.request("GET", f"/dir/a.png?{query}", host=stored, signed=signed)
        assert answer.status == 200, answer.body
        assert size(answer.body) == ("WEBP", (60, 40))
        assert answer.header("Content-Type") == "image/webp"


def test_response_headers(server: ServerProcess, stored: str) -> None:
    source = server.request("HEAD", "/dir/a.png", host=stored)
    answer = server.request("GET", f"/dir/a.png?{OP}", host=stored)
    etag = answer.header("ETag") or ""
    assert len(etag) == 42
    assert answer.header("x-cos-hash-crc64ecma") is None
    assert answer.header("Last-Modified") == source.header("Last-Modified")
    for name, value in (
        ("Cache-Control", "max-age=9"),
        ("Content-Disposition", "inline"),
        ("x-cos-meta-a", "b"),
    ):
        assert answer.header(name) == value
    assert answer.header("Content-Encoding") is None
    assert answer.header("Accept-Ranges") == "bytes"
    again = server.request("GET", f"/dir/a.png?{quote(OP, safe='')}=", host=stored)
    assert again.header("ETag") == etag
    other = server.request("GET", "/dir/a.png?imageMogr2/thumbnail/61x", host=stored)
    assert other.header("ETag") != etag


def test_head_range_and_conditions(server: ServerProcess, stored: str) -> None:
    target = f"/dir/a.png?{OP}"
    whole = server.request("GET", target, host=stored)
    head = server.request("HEAD", target, host=stored)
    assert (head.status, head.body) == (200, b"")
    assert head.header("Content-Length") == str(len(whole.body))
    assert head.header("ETag") == whole.header("ETag")
    part = server.request("GET", target, headers={"Range": "bytes=4-7"}, host=stored)
    assert (part.status, part.body) == (206, whole.body[4:8])
    assert part.header("Content-Range") == f"bytes 4-7/{len(whole.body)}"
    past = server.request("GET", target, headers={"Range": "bytes=99999999-"}, host=stored)
    assert (past.status, past.code) == (416, "InvalidRange")
    same = server.request("GET", target, headers={"If-None-Match": whole.header("ETag") or ""}, host=stored)
    assert (same.status, same.body) == (304, b"")
    failed = server.request("GET", target, headers={"If-Match": '"x"'}, host=stored)
    assert (failed.status, failed.code) == (412, "PreconditionFailed")


@pytest.mark.parametrize(
    ("target", "status", "code", "number"),
    [
        ("/dir/a.png?imageMogr2/rotate/abc", 400, "InvalidArgument", "-106"),
        ("/dir/a.png?imageMogr2/format/nonsense", 400, "InvalidArgument", "-443"),
        ("/dir/a.png?style/none", 400, "InvalidArgument", "-105"),
        ("/text?imageMogr2/strip", 400, "InvalidImageFormat", "-441"),
        ("/empty?imageMogr2/strip", 400, "InvalidImageFormat", "-441"),
        ("/text?imageInfo", 400, "InvalidImageFormat", "-441"),
        ("/none?imageMogr2/strip", 404, "NoSuchKey", "-6101"),
    ],
)
def test_errors_carry_their_number(
    server: ServerProcess, stored: str, target: str, status: int, code: str, number: str
) -> None:
    """``docs/spec/api/errors.md#5``."""
    answer = server.request("GET", target, host=stored)
    assert (answer.status, answer.code, answer.header("X-ErrNo")) == (status, code, number)
    head = server.request("HEAD", target, host=stored)
    assert (head.status, head.body, head.header("X-ErrNo")) == (status, b"", number)


def test_signature_errors_carry_their_number_too(server: ServerProcess, stored: str) -> None:
    wrong = {"Authorization": sign_request(server.credential, "GET", "/other")}
    expired = {"Authorization": sign_request(server.credential, "GET", "/dir/a.png", start=1_000_000_000)}
    for headers, number in ((wrong, "-46618"), (expired, "-46619")):
        answer = server.request("GET", f"/dir/a.png?{OP}", headers=headers, host=stored)
        assert (answer.status, answer.header("X-ErrNo")) == (403, number)


def test_an_error_names_stage_and_token(server: ServerProcess, stored: str) -> None:
    answer = server.request("GET", "/dir/a.png?imageMogr2/strip|imageMogr2/rotate/abc", host=stored)
    assert b"stage 2" in answer.body
    assert b"abc" in answer.body


@pytest.mark.parametrize(
    ("target", "content"),
    [
        ("/text?imageMogr2/thumbnail/10x/ignore-error/1", b"no picture"),
        ("/text?imageMogr2/rotate/abc|imageMogr2/ignore-error/1", b"no picture"),
        ("/empty?imageMogr2/strip/ignore-error/1", b""),
    ],
)
def test_ignore_error_gives_the_original(
    server: ServerProcess, stored: str, target: str, content: bytes
) -> None:
    answer = server.request("GET", target, host=stored)
    assert (answer.status, answer.body) == (200, content)
    assert answer.header("Content-Type") == "application/octet-stream"


def test_private_sources_need_a_signature(server: ServerProcess, bucket: str, photo: bytes) -> None:
    server.request("PUT", "/a.png", photo, host=bucket)
    answer = server.request("GET", f"/a.png?{OP}", host=bucket, signed=False)
    assert (answer.status, answer.code, answer.header("X-ErrNo")) == (403, "AccessDenied", "-46661")


def test_overrides_on_a_processed_answer(server: ServerProcess, stored: str) -> None:
    """Line 8: a rule beside ``response-*``."""
    target = f"/dir/a.png?{OP}&response-content-type=image%2Fx-test"
    assert server.request("GET", target, host=stored).header("Content-Type") == "image/x-test"


def test_original_on_request(server: ServerProcess, stored: str, photo: bytes) -> None:
    assert server.request("GET", "/dir/a.png?ci-process=originImage", host=stored).body == photo


def test_identical_requests_at_the_same_time(server: ServerProcess, stored: str) -> None:
    """They are done once, and everybody gets the whole answer."""
    target = "/dir/a.png?imageMogr2/thumbnail/700x/format/png"
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: server.request("GET", target, host=stored), range(24)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1


def pic(*pairs: tuple[str, str], info: object = 1) -> dict[str, str]:
    rules = [{"fileid": fileid, "rule": rule} for fileid, rule in pairs]
    return {"Pic-Operations": json.dumps({"is_pic_info": info, "rules": rules})}


def test_upload_result_member_by_member(server: ServerProcess, bucket: str, photo: bytes) -> None:
    """``docs/spec/api/persistent-processing.md#6``: order, plain integers, no scheme, no namespace."""
    answer = server.request(
        "PUT",
        "/dir/a.png",
        photo,
        pic(("b.webp", OP), ("/c.jpg", "imageMogr2/quality/80/format/jpg")),
        host=bucket,
    )
    assert answer.status == 200
    assert answer.header("Content-Type") == "application/xml"
    assert answer.header("ETag")
    assert answer.header("x-cos-hash-crc64ecma")
    text = answer.body.decode()
    order = [
        "<?xml", "<UploadResult><OriginalInfo><Key>dir/a.png</Key>", f"<Location>{bucket}/dir/a.png</Location>",
        "<ETag>&quot;", "</ETag><ImageInfo><Format>PNG</Format><Width>768</Width>",
        "<Height>512</Height><Quality>100</Quality>",
        "<Ave>0x", "<Orientation>0</Orientation></ImageInfo></OriginalInfo>",
        "<ProcessResults><Object><Key>dir/b.webp</Key>", f"<Location>{bucket}/dir/b.webp</Location>",
        "<Format>webp</Format><Width>60</Width><Height>40</Height><Size>", "<Quality>", "<ETag>&quot;", "</Object>",
        "<Object><Key>c.jpg</Key>", "<Format>jpg</Format>", "</Object></ProcessResults></UploadResult>",
    ]  # fmt: skip
    position = 0
    for piece in order:
        found = text.find(piece, position)
        assert found >= 0, (piece, text)
        position = found + len(piece)
    assert "xmlns" not in text


def test_results_without_pic_info_and_header_without_rules(
    server: ServerProcess, bucket: str, photo: bytes
) -> None:
    bare = server.request("PUT", "/a.png", photo, pic(("b.webp", OP), info=0), host=bucket)
    assert b"<ImageInfo>" not in bare.body
    info = server.request(
        "PUT", "/a.png", photo, {"Pic-Operations": '{"is_pic_info":1,"rules":null}'}, host=bucket
    )
    assert b"<ImageInfo>" in info.body
    assert b"<ProcessResults>" not in info.body
    nothing = server.request("PUT", "/a.png", photo, {"Pic-Operations": "{}"}, host=bucket)
    assert (nothing.status, nothing.body) == (200, b"")


def test_path_style_location(server: ServerProcess, bucket: str, photo: bytes) -> None:
    name = bucket.partition(".")[0]
    answer = server.request("PUT", f"/{name}/a.png", photo, pic(("b.webp", OP)))
    assert f"<Location>127.0.0.1:{server.port}/{name}/b.webp</Location>".encode() in answer.body


def test_image_process_forms(server: ServerProcess, bucket: str, photo: bytes) -> None:
    """Line 18: a trailing ``=``, and a POST without a length."""
    server.request("PUT", "/a.png", photo, host=bucket)
    for target, body in (("/a.png?image_process", b""), ("/a.png?image_process=", None)):
        assert server.request("POST", target, body, pic(("b.webp", OP)), host=bucket).status == 200
    missing = server.request("POST", "/none?image_process", b"", pic(("b.webp", OP)), host=bucket)
    assert (missing.status, missing.code) == (404, "NoSuchKey")
    bare = server.request("POST", "/a.png?image_process", b"", host=bucket)
    assert (bare.status, bare.code) == (400, "InvalidPicOperations")
    assert server.request("GET", "/a.png?image_process", host=bucket).status == 405


def test_a_damaged_picture_leaves_nothing(server: ServerProcess, bucket: str, photo: bytes) -> None:
    answer = server.request("PUT", "/a.png", photo[:5000], pic(("b.webp", OP)), host=bucket)
    assert (answer.status, answer.code) == (400, "InvalidImageFormat")
    assert answer.header("X-ErrNo") is None
    assert b"<Contents>" not in server.request("GET", "/", host=bucket).body


def test_five_rules_and_the_last_of_one_key(server: ServerProcess, bucket: str, photo: bytes) -> None:
    pairs = [("x.webp", f"imageMogr2/thumbnail/{width}x/format/webp") for width in (10, 20, 30, 40, 50)]
    answer = server.request("PUT", "/a.png", photo, pic(*pairs), host=bucket)
    assert answer.body.count(b"<Object>") == 5
    assert size(server.request("GET", "/x.webp", host=bucket).body) == ("WEBP", (50, 33))


def test_animated_transparency_stays_in_tpg_in_all_three_ways(server: ServerProcess, public: str) -> None:
    codec = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
    clear, red = Image.new("RGBA", (32, 24)), Image.new("RGBA", (32, 24), "red")
    out = io.BytesIO()
    clear.save(out, "WEBP", save_all=True, append_images=[red], duration=100, lossless=True)
    for way in ("put", "post", "get"):
        if way == "get":
            data = server.request("GET", "/moving.webp?imageMogr2/format/tpg", host=public).body
        else:
            rules = {"rules": [{"fileid": f"{way}.tpg", "rule": "imageMogr2/format/tpg"}]}
            operations = {"Pic-Operations": json.dumps(rules)}
            if way == "put":
                answer = server.request("PUT", "/moving.webp", out.getvalue(), operations, host=public)
            else:
                answer = server.request("POST", "/moving.webp?image_process", b"", operations, host=public)
            assert answer.status == 200
            data = server.request("GET", f"/{way}.tpg", host=public).body
        info = codec.info(data)
        assert (info.has_alpha, info.frame_count) == (True, 2)
