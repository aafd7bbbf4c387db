"""Append Object, over HTTP."""

from __future__ import annotations

import hashlib

from openmogr.storage.embedded import crc64
from openmogr.testing import Answer, ServerProcess


def append(
    server: ServerProcess,
    bucket: str,
    key: str,
    position: object,
    data: bytes,
    headers: dict[str, str] | None = None,
) -> Answer:
    return server.request("POST", f"{key}?append&position={position}", data, headers, host=bucket)


def test_an_object_grows(server: ServerProcess, bucket: str) -> None:
    made = append(server, bucket, "/log.txt", 0, b"one\n", {"x-cos-meta-of": "us", "x-cos-tagging": "a=b"})
    assert (made.status, made.header("x-cos-next-append-position")) == (200, "4")
    assert made.header("ETag") == f'"{hashlib.md5(b"one" + bytes([10])).hexdigest()}"'
    more = append(server, bucket, "/log.txt", 4, b"two\n", {"x-cos-meta-of": "others"})
    assert (more.status, more.header("x-cos-next-append-position")) == (200, "8")
    assert more.header("x-cos-hash-crc64ecma") == str(crc64.update(0, b"one\ntwo\n"))
    for method in ("GET", "HEAD"):
        told = server.request(method, "/log.txt", host=bucket)
        assert told.header("x-cos-object-type") == "appendable"
        assert told.header("x-cos-next-append-position") == "8"
        assert told.header("x-cos-meta-of") == "us"
        assert told.header("Content-Type") == "text/plain"
        assert told.header("ETag") == more.header("ETag")
        assert told.header("x-cos-hash-crc64ecma") == more.header("x-cos-hash-crc64ecma")
    assert server.request("GET", "/log.txt", host=bucket).body == b"one\ntwo\n"
    part = server.request("GET", "/log.txt", headers={"Range": "bytes=2-5"}, host=bucket)
    assert (part.status, part.body) == (206, b"e\ntw")


def test_what_is_refused(server: ServerProcess, bucket: str) -> None:
    server.request("PUT", "/plain", b"abc", host=bucket)
    assert append(server, bucket, "/log", 0, b"abc").status == 200
    cases = [
        ("/plain", 3, {}, 409, "ObjectNotAppendable"),
        ("/plain", 0, {}, 409, "ObjectNotAppendable"),
        ("/log", 2, {}, 409, "PositionNotEqualToLength"),
        ("/log", 0, {}, 409, "PositionNotEqualToLength"),
        ("/log", "", {}, 400, "InvalidArgument"),
        ("/log", "-1", {}, 400, "InvalidArgument"),
        ("/log", "3x", {}, 400, "InvalidArgument"),
        ("/log", 3, {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, 400, "BadDigest"),
        ("/log", 3, {"Pic-Operations": "{}"}, 400, "NotSupported"),
        ("/log", 3, {"x-cos-storage-class": "COLD"}, 400, "NotSupportedStorageClass"),
        ("/log", 3, {"x-cos-copy-source": f"{bucket}/plain"}, 400, "NotSupported"),
    ]
    for key, position, headers, status, code in cases:
        answer = append(server, bucket, key, position, b"x", headers)
        assert (answer.status, answer.code) == (status, code), (key, position, headers)
        if code == "PositionNotEqualToLength":
            assert answer.header("x-cos-next-append-position") == "3"
    assert server.request("POST", "/log?append", b"x", host=bucket).code == "InvalidArgument"
    assert server.request("POST", "/log?append&position=3", b"x", host=bucket, signed=False).status == 403
    assert server.request("POST", "/?append&position=0", b"x", host=bucket).status == 400
    for key in ("/plain", "/log"):
        assert server.request("GET", key, host=bucket).body == b"abc"


def test_put_over_it_and_copies(server: ServerProcess, bucket: str) -> None:
    append(server, bucket, "/log", 0, b"abc")
    append(server, bucket, "/log", 3, b"def")
    copied = server.request("PUT", "/copy", headers={"x-cos-copy-source": f"{bucket}/log"}, host=bucket)
    assert copied.status == 200
    copy = server.request("GET", "/copy", host=bucket)
    assert (copy.body, copy.header("x-cos-object-type")) == (b"abcdef", None)
    assert copy.header("ETag") == f'"{hashlib.md5(b"abcdef").hexdigest()}"'
    assert append(server, bucket, "/copy", 6, b"x").code == "ObjectNotAppendable"
    server.request("PUT", "/log", b"new", host=bucket)
    assert server.request("HEAD", "/log", host=bucket).header("x-cos-object-type") is None
    assert append(server, bucket, "/log", 3, b"x").code == "ObjectNotAppendable"


def test_an_image_in_pieces_is_processed(server: ServerProcess, bucket: str, photo: bytes) -> None:
    """From the bytes that are there: the result of a shorter object is not that of the longer one."""
    half = len(photo) // 2
    append(server, bucket, "/a.png", 0, photo[:half])
    assert server.request("GET", "/a.png?imageMogr2/thumbnail/64x/format/webp", host=bucket).status == 400
    append(server, bucket, "/a.png", half, photo[half:])
    server.request("PUT", "/whole.png", photo, host=bucket)
    found = [
        server.request("GET", f"/{name}.png?imageMogr2/thumbnail/64x/format/webp", host=bucket)
        for name in ("a", "whole")
    ]
    assert found[0].status == 200, found[0].body
    assert found[0].body == found[1].body
