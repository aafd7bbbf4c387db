"""``Pic-Operations`` on form uploads and on copies: done, or refused in words."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import pytest
from PIL import Image

from openmogr.auth import sign_request
from openmogr.testing import Answer, ServerProcess

from .test_form import BOUNDARY, encode, signed
from .test_presigned import presign

OPERATIONS = json.dumps(
    {"is_pic_info": 1, "rules": [{"fileid": "small.webp", "rule": "imageMogr2/thumbnail/60x/format/webp"}]}
)
OTHER = OPERATIONS.replace("small", "other")


def post(
    server: ServerProcess, host: str, body: bytes, headers: Mapping[str, str] | None = None, target: str = "/"
) -> Answer:
    given = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", **(headers or {})}
    return server.request("POST", target, body, given, host=host, signed=False)


def result(server: ServerProcess, host: str, key: str) -> tuple[str | None, tuple[int, int]]:
    with Image.open(io.BytesIO(server.request("GET", key, host=host).body)) as picture:
        return picture.format, picture.size


def stored(server: ServerProcess, host: str) -> int:
    return server.request("GET", "/", host=host).body.count(b"<Contents>")


@pytest.mark.parametrize("text", [OPERATIONS, json.dumps(json.loads(OPERATIONS), indent=2)])
def test_a_field_that_the_policy_covers(server: ServerProcess, bucket: str, photo: bytes, text: str) -> None:
    fields = signed(
        server,
        bucket,
        {"pic-operations": text},
        key="dir/a.png",
        **{"Pic-Operations": text, "Content-Type": "x/y"},
    )
    answer = post(server, bucket, encode(fields, ("a.png", photo)))
    assert (answer.status, answer.header("Content-Type")) == (200, "application/xml")
    assert b"<Key>dir/small.webp</Key>" in answer.body
    assert b"<ImageInfo><Format>PNG</Format>" in answer.body
    assert answer.header("ETag")
    assert answer.header("Location") == f"http://{bucket}/dir/a.png"
    assert result(server, bucket, "/dir/small.webp") == ("WEBP", (60, 40))
    original = server.request("GET", "/dir/a.png", host=bucket)
    assert (original.body, original.header("Content-Type")) == (photo, "x/y")


def test_a_field_that_the_policy_does_not_cover(server: ServerProcess, bucket: str, photo: bytes) -> None:
    fields = signed(server, bucket, key="a.png", **{"Pic-Operations": OPERATIONS})
    changed = signed(server, bucket, {"pic-operations": OTHER}, key="a.png", **{"Pic-Operations": OPERATIONS})
    header = signed(server, bucket, key="a.png")
    for answer in (
        post(server, bucket, encode(fields, ("a.png", photo))),
        post(server, bucket, encode(changed, ("a.png", photo))),
        post(server, bucket, encode(header, ("a.png", photo)), {"Pic-Operations": OPERATIONS}),
        post(server, bucket, encode({"key": "a.png", "Pic-Operations": OPERATIONS}, ("a.png", photo))),
    ):
        assert (answer.status, answer.code) == (403, "AccessDenied")
    assert stored(server, bucket) == 0


@pytest.mark.parametrize("status", ["200", "201", "204"])
def test_a_header_as_the_wechat_sdk_sends_it(
    server: ServerProcess, bucket: str, photo: bytes, status: str
) -> None:
    """The form's own request is signed in its headers; the form has no policy."""
    auth = sign_request(server.credential, "POST", "/", {"host": bucket, "pic-operations": OPERATIONS})
    headers = {"Authorization": auth, "Pic-Operations": OPERATIONS}
    fields = {"key": "a.png", "success_action_status": status, "Signature": auth, "Content-Type": ""}
    answer = post(server, bucket, encode(fields, ("a.png", photo)), headers)
    assert answer.status == (201 if status == "201" else 200)
    assert b"<UploadResult>" in answer.body
    assert result(server, bucket, "/small.webp") == ("WEBP", (60, 40))


def test_a_redirection_has_no_body(server: ServerProcess, bucket: str, photo: bytes) -> None:
    fields = signed(
        server,
        bucket,
        ["starts-with", "$pic-operations", ""],
        key="a.png",
        success_action_redirect="https://example.com/",
        **{"Pic-Operations": OPERATIONS},
    )
    assert post(server, bucket, encode(fields, ("a.png", photo))).status == 303
    assert result(server, bucket, "/small.webp") == ("WEBP", (60, 40))


def test_nothing_is_stored_when_a_form_is_refused(server: ServerProcess, bucket: str, photo: bytes) -> None:
    def upload(text: str, data: bytes = photo, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        condition = ["starts-with", "$pic-operations", ""]
        fields = signed(server, bucket, condition, key="a.png", **{"Pic-Operations": text})
        answer = post(server, bucket, encode(fields, ("a.png", data)), headers)
        return answer.status, answer.code

    assert upload("{") == (400, "InvalidPicOperations")
    assert upload(OPERATIONS.replace("thumbnail/60x", "rotate/abc")) == (400, "InvalidArgument")
    assert upload(OPERATIONS, b"no picture") == (400, "InvalidImageFormat")
    auth = sign_request(server.credential, "POST", "/", {"host": bucket, "pic-operations": OTHER})
    both = {"Authorization": auth, "Pic-Operations": OTHER}
    assert upload(OPERATIONS, headers=both) == (400, "InvalidArgument")
    assert stored(server, bucket) == 0


@pytest.mark.parametrize("name", ["Pic-Operations", "acl", "x-cos-acl", "x-cos-grant-read"])
def test_a_presigned_form_opens_no_more(server: ServerProcess, bucket: str, photo: bytes, name: str) -> None:
    url = presign(server, "POST", "/", bucket)
    value = {"Pic-Operations": OPERATIONS, "x-cos-grant-read": 'id="1"'}.get(name, "public-read")
    answer = post(server, bucket, encode({"key": "a.png", name: value}, ("a.png", photo)), target=url)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"does not cover" in answer.body
    assert stored(server, bucket) == 0
    assert post(server, bucket, encode({"key": "a.png"}, ("a.png", photo)), target=url).status == 204
    header = {"acl": "x-cos-acl"}.get(name, name)
    url = presign(server, "POST", "/", bucket, {header: value})
    body = encode({"key": "a.png", name: value}, ("a.png", photo))
    assert post(server, bucket, body, {header: value}, target=url).status in (200, 204)


def test_one_acl(server: ServerProcess, bucket: str) -> None:
    """Whichever a policy has a condition for, the other would count."""
    fields = signed(
        server, bucket, {"acl": "private"}, **{"x-cos-acl": "public-read", "key": "a", "acl": "private"}
    )
    answer = post(server, bucket, encode(fields, ("f", b"1")))
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    same = {**fields, "x-cos-acl": "private"}
    assert post(server, bucket, encode(same, ("f", b"1"))).status == 204


def test_copies(server: ServerProcess, bucket: str, photo: bytes) -> None:
    server.request("PUT", "/source.png", photo, {"x-cos-meta-a": "b"}, host=bucket)
    headers = {"x-cos-copy-source": f"{bucket}/source.png", "Pic-Operations": OPERATIONS}
    answer = server.request("PUT", "/dir/a.png", b"", headers, host=bucket)
    assert answer.status == 200
    assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<CopyObjectResult><ETag>')
    assert b"<ProcessResults><Object><Key>dir/small.webp</Key>" in answer.body
    assert b"<ImageInfo><Format>PNG</Format>" in answer.body
    copy = server.request("GET", "/dir/a.png", host=bucket)
    assert (copy.body, copy.header("x-cos-meta-a")) == (photo, "b")
    assert result(server, bucket, "/dir/small.webp") == ("WEBP", (60, 40))


def test_copies_all_or_nothing(server: ServerProcess, bucket: str) -> None:
    server.request("PUT", "/text", b"no picture", host=bucket)
    for operations, code in (("{", "InvalidPicOperations"), (OPERATIONS, "InvalidImageFormat")):
        headers = {"x-cos-copy-source": f"{bucket}/text", "Pic-Operations": operations}
        answer = server.request("PUT", "/a", b"", headers, host=bucket)
        assert (answer.status, answer.code) == (400, code)
    assert stored(server, bucket) == 1


def test_forbidden_overwriting_by_copies_and_forms(server: ServerProcess, bucket: str, photo: bytes) -> None:
    server.request("PUT", "/a.png", b"old", host=bucket)
    server.request("PUT", "/b.png", photo, host=bucket)
    forbid = {"x-cos-forbid-overwrite": "true", "x-cos-copy-source": f"{bucket}/b.png"}
    direct = server.request("PUT", "/a.png", b"new", {"x-cos-forbid-overwrite": "true"}, host=bucket)
    for headers in (forbid, {**forbid, "Pic-Operations": OPERATIONS}):
        answer = server.request("PUT", "/a.png", b"", headers, host=bucket)
        assert (answer.status, answer.code) == (direct.status, direct.code)
    fields = signed(server, bucket, key="a.png", **{"x-cos-forbid-overwrite": "true"})
    answer = post(server, bucket, encode(fields, ("f", b"1")))
    assert (answer.status, answer.code) == (direct.status, direct.code)
    assert direct.status == 409
    assert server.request("GET", "/a.png", host=bucket).body == b"old"
    assert server.request("HEAD", "/small.webp", host=bucket).status == 404
