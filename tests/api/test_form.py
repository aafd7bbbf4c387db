"""Form uploads (``docs/spec/api/object-api.md#2.5``)."""

from __future__ import annotations

import json
import time
from base64 import b64encode

import pytest

from openmogr.auth.signature import sign_policy
from openmogr.testing import Answer, ServerProcess

BOUNDARY = "----form7MA4YWxkTrZu0gW"


def encode(fields: dict[str, str], *files: tuple[str, bytes], after: dict[str, str] | None = None) -> bytes:
    """A multipart/form-data body."""
    pieces: list[bytes] = []

    def part(disposition: str, data: bytes) -> None:
        pieces.append(f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n".encode())
        pieces.append(b"Content-Type: image/png\r\n\r\n" + data + b"\r\n")

    for name, value in fields.items():
        part(f'name="{name}"', value.encode())
    for filename, data in files:
        part(f'name="file"; filename="{filename}"', data)
    for name, value in (after or {}).items():
        part(f'name="{name}"', value.encode())
    return b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()


def signed(server: ServerProcess, bucket: str, *conditions: object, **fields: str) -> dict[str, str]:
    """Fields of a signed form."""
    now = int(time.time())
    times = f"{now - 10};{now + 600}"
    key = server.credential
    policy = {
        "expiration": "2099-01-01T00:00:00.000Z",
        "conditions": [
            {"bucket": bucket.partition(".")[0]},
            {"q-sign-algorithm": "sha1"},
            {"q-ak": key.secret_id},
            {"q-sign-time": times},
            *conditions,
        ],
    }
    text = json.dumps(policy).encode()
    return {
        **fields,
        "policy": b64encode(text).decode(),
        "q-sign-algorithm": "sha1",
        "q-ak": key.secret_id,
        "q-key-time": times,
        "q-signature": sign_policy(key.secret_key, times, text),
    }


def post(server: ServerProcess, host: str, body: bytes, content_type: str | None = None) -> Answer:
    headers = {"Content-Type": content_type or f"multipart/form-data; boundary={BOUNDARY}"}
    return server.request("POST", "/", body, headers, host=host, signed=False)


def test_upload_with_a_policy(server: ServerProcess, bucket: str) -> None:
    data = bytes(range(256)) * 4096
    fields = signed(
        server,
        bucket,
        ["starts-with", "$key", "folder/"],
        key="folder/${filename}",
        **{"Content-Type": "image/x-test", "x-cos-meta-a": "b", "acl": "public-read"},
    )
    answer = post(server, bucket, encode(fields, ("C:\\dir\\a 图.png", data)))
    assert answer.status == 204
    assert answer.header("ETag")
    assert answer.header("Location") == f"http://{bucket}/folder/a%20%E5%9B%BE.png"
    got = server.request("GET", "/folder/a%20%E5%9B%BE.png", host=bucket, signed=False)
    assert got.body == data
    assert (got.header("Content-Type"), got.header("x-cos-meta-a")) == ("image/x-test", "b")


@pytest.mark.parametrize("status", ["200", "201", "204", "299"])
def test_success_status(server: ServerProcess, bucket: str, status: str) -> None:
    fields = signed(server, bucket, key="a", success_action_status=status)
    answer = post(server, bucket, encode(fields, ("f", b"1")))
    assert answer.status == (204 if status == "299" else int(status))
    assert (b"<PostResponse>" in answer.body) == (status == "201")


def test_redirect(server: ServerProcess, bucket: str) -> None:
    fields = signed(
        server,
        bucket,
        key="a b",
        success_action_redirect="https://example.com/done?x=1",
        success_action_status="200",
    )
    answer = post(server, bucket, encode(fields, ("f", b"1")))
    assert answer.status == 303
    location = answer.header("Location") or ""
    assert location.startswith(
        f"https://example.com/done?x=1&bucket={bucket.partition('.')[0]}&key=a+b&etag=%22"
    )


def test_refusals(server: ServerProcess, bucket: str) -> None:
    good = signed(server, bucket, key="a")
    forged = {**good, "q-signature": "0" * 40}
    big = signed(server, bucket, ["content-length-range", 2, 3], key="a")
    other = signed(server, bucket, ["starts-with", "$key", "folder/"], key="a")
    cut = encode(good, ("f", b"1" * 1000))[:-600]
    for body, status, code in (
        (encode({"key": "a"}, ("f", b"1")), 403, "AccessDenied"),
        (encode(forged, ("f", b"1")), 403, "SignatureDoesNotMatch"),
        (encode(other, ("f", b"1")), 403, "AccessDenied"),
        (encode(big, ("f", b"1")), 400, "EntityTooSmall"),
        (encode(big, ("f", b"1234")), 400, "EntityTooLarge"),
        (encode(good), 400, "IncorrectNumberOfFilesInPostRequest"),
        (encode(good, ("f", b"1"), ("g", b"2")), 400, "IncorrectNumberOfFilesInPostRequest"),
        (encode(signed(server, bucket), ("f", b"1")), 400, "InvalidArgument"),
        (encode({**good, "x": "y" * 70_000}, ("f", b"1")), 400, "MalformedPOSTRequest"),
        (encode({**good, "Content-MD5": "x"}, ("f", b"1")), 400, "InvalidDigest"),
        (encode({**good, "x-cos-meta-a": "b\r\nInjected: c"}, ("f", b"1")), 400, "InvalidArgument"),
        (encode({**good, "Content-Type": "a\x00b"}, ("f", b"1")), 400, "InvalidArgument"),
        (encode({**good, "x-cos-meta-é": "b"}, ("f", b"1")), 400, "InvalidArgument"),
        (encode({**good, "x-cos-meta-a: b": "c"}, ("f", b"1")), 400, "InvalidArgument"),
        (cut, 400, "MalformedPOSTRequest"),
        (b"nonsense", 400, "MalformedPOSTRequest"),
        (b"", 400, "IncorrectNumberOfFilesInPostRequest"),
    ):
        answer = post(server, bucket, body)
        assert (answer.status, answer.code) == (status, code), body[:300]
    wrong = post(server, bucket, encode(good, ("f", b"1")), "application/x-www-form-urlencoded")
    assert (wrong.status, wrong.code) == (400, "MalformedPOSTRequest")
    assert server.request("HEAD", "/a", host=bucket).status == 404


def test_fields_after_the_file_are_ignored(server: ServerProcess, bucket: str) -> None:
    body = encode(signed(server, bucket, key="a"), ("f", b"1"), after={"acl": "public-read"})
    assert post(server, bucket, body).status == 204
    assert server.request("GET", "/a", host=bucket, signed=False).status == 403
