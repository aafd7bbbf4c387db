"""Key pairs with limits, of both kinds of signature: what they may do, and every way around that."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from openmogr.auth import Credential, Grant, sign_request
from openmogr.auth.signature import sign_policy
from openmogr.auth.tokens import issue
from openmogr.testing import Answer, ServerProcess

from .s3_requests import presign, sign
from .test_form import encode, post

READER = Credential("AKIDREADER", "readerkey")
LATER = 4_000_000_000


def ask(
    server: ServerProcess,
    key: Credential,
    request: str,
    host: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A request like ``PUT /a`` signed for COS by a key."""
    method, target = request.split(" ")
    given = dict(headers or {})
    if key.token:
        given["x-cos-security-token"] = key.token
    given["Authorization"] = sign_request(key, method, target, {"host": host})
    if method in ("PUT", "POST") and body is None:
        body = b"1"
    return server.request(method, target, body, given, host=host)


def denied(answer: Answer) -> bool:
    return (answer.status, answer.code) == (403, "AccessDenied")


def limited(server: ServerProcess, bucket: str, *actions: str, read_only: bool = False) -> Credential:
    """A key for ``in/`` of a bucket."""
    name = bucket.partition(".")[0]
    return issue(server.credential, Grant(read_only, actions, (f"{name}/in/",)), LATER)


def test_a_reader(server: ServerProcess, bucket: str, photo: bytes) -> None:
    server.request("PUT", "/a.png", photo, host=bucket)
    for request in (
        "GET /a.png",
        "HEAD /a.png",
        "GET /",
        "GET /?acl",
        "GET /a.png?imageInfo",
        "GET /a.png?tagging",
    ):
        assert ask(server, READER, request, bucket).status == 200, request
    for request in (
        "PUT /b",
        "DELETE /a.png",
        "POST /?delete",
        "POST /b?uploads",
        "PUT /?acl",
        "PUT /a.png?acl",
        "DELETE /?cors",
        "DELETE /",
        "POST /a.png?image_process",
    ):
        assert denied(ask(server, READER, request, bucket)), request
    assert ask(server, READER, "GET /a.png", bucket).body == photo
    assert server.request("HEAD", "/b", host=bucket).status == 404


def test_a_reader_of_s3(server: ServerProcess, bucket: str) -> None:
    server.request("PUT", "/a", b"1", host=bucket)
    target = presign(READER, "GET", f"http://{bucket}/a")
    assert server.request("GET", target, host=bucket, signed=False).body == b"1"
    headers = sign(READER, "PUT", f"http://{bucket}/a")
    answer = server.request("PUT", "/a", b"2", headers, host=bucket)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert server.request("GET", "/a", host=bucket).body == b"1"


def test_a_token_for_a_prefix(server: ServerProcess, bucket: str) -> None:
    key = limited(server, bucket)
    assert ask(server, key, "PUT /in/a", bucket).status == 200
    for request in (
        "GET /in/a",
        "HEAD /in/a",
        "GET /?prefix=in/",
        "HEAD /",
        "GET /?location",
        "GET /?uploads&prefix=in/x",
    ):
        assert ask(server, key, request, bucket).status == 200, request
    assert ask(server, key, "POST /in/b?uploads", bucket).status == 200
    server.request("PUT", "/out", b"1", host=bucket)
    for request in (
        *(
            "PUT /out",
            "GET /out",
            "HEAD /in",
            "DELETE /out",
            "GET /",
            "GET /?prefix=i",
            "GET /?acl",
            "GET /?uploads",
        ),
        *(
            "PUT /?lifecycle",
            "PUT /?acl",
            "DELETE /",
            "POST /out?uploads",
            "PUT /in/../out",
            "GET /in%2f..",
            "PUT /in",
        ),
    ):
        answer = ask(server, key, request, bucket)
        if request in ("PUT /in/../out", "GET /in%2f.."):  # parts of keys, and within
            assert not denied(answer)
        elif request.startswith("HEAD"):
            assert answer.status == 403, request
        else:
            assert denied(answer), request
    assert denied(ask(server, key, "GET /", f"127.0.0.1:{server.port}"))
    assert denied(ask(server, key, "GET /in/a", "other-1250000000.cos.ap-shanghai.myqcloud.com"))


def test_other_places_named_by_a_request(server: ServerProcess, bucket: str, photo: bytes) -> None:
    key = limited(server, bucket)
    server.request("PUT", "/out.png", photo, host=bucket)
    copy = {"x-cos-copy-source": f"{bucket}/out.png"}
    assert denied(ask(server, key, "PUT /in/copy", bucket, b"", copy))
    rules = {"is_pic_info": 0, "rules": [{"fileid": "/made.webp", "rule": "imageMogr2/format/webp"}]}
    operations = {"Pic-Operations": json.dumps(rules)}
    assert denied(ask(server, key, "PUT /in/a.png", bucket, photo, operations))
    assert server.request("HEAD", "/in/a.png", host=bucket).status == 404
    rules["rules"] = [{"fileid": "made.webp", "rule": "imageMogr2/format/webp"}]
    operations = {"Pic-Operations": json.dumps(rules)}
    assert ask(server, key, "PUT /in/a.png", bucket, photo, operations).status == 200
    both = b"<Delete><Object><Key>in/a.png</Key></Object><Object><Key>out.png</Key></Object></Delete>"
    assert denied(ask(server, key, "POST /?delete", bucket, both))
    for path in ("/in/a.png", "/out.png"):
        assert server.request("HEAD", path, host=bucket).status == 200
    one = b"<Delete><Object><Key>in/a.png</Key></Object></Delete>"
    assert ask(server, key, "POST /?delete", bucket, one).status == 200


def policy_form(key: Credential, name: str, file: str) -> bytes:
    end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    time = "1700000000;4000000000"
    conditions = [
        {"bucket": name},
        {"q-sign-algorithm": "sha1"},
        {"q-ak": key.secret_id},
        {"q-sign-time": time},
    ]
    text = json.dumps({"expiration": end, "conditions": conditions}).encode()
    fields = {
        "key": file,
        "policy": b64encode(text).decode(),
        "q-sign-algorithm": "sha1",
        "q-ak": key.secret_id,
        "q-key-time": time,
        "q-signature": sign_policy(key.secret_key, time, text),
        "x-cos-security-token": key.token or "",
    }
    return encode(fields, ("f", b"1"))


def test_forms(server: ServerProcess, bucket: str) -> None:
    name = bucket.partition(".")[0]
    key = limited(server, bucket)
    assert post(server, bucket, policy_form(key, name, "in/a")).status == 204
    assert denied(post(server, bucket, policy_form(key, name, "out")))
    assert denied(post(server, bucket, policy_form(READER, name, "in/b")))
    reader = sign_request(READER, "POST", "/", {"host": bucket})
    assert denied(post(server, bucket, encode({"key": "in/b", "Signature": reader}, ("f", b"1"))))
    assert server.request("HEAD", "/in/b", host=bucket).status == 404


def test_a_token_for_actions(server: ServerProcess, bucket: str) -> None:
    key = issue(server.credential, Grant(actions=("PutObject", "GetBucket*")), LATER)
    assert ask(server, key, "PUT /a", bucket).status == 200
    assert denied(ask(server, key, "GET /a", bucket))
    assert denied(ask(server, key, "PUT /b", bucket, b"", {"x-cos-copy-source": f"{bucket}/a"}))
    assert ask(server, key, "GET /?tagging", bucket).code == "NoSuchTagSet"


def test_tokens_in_urls(server: ServerProcess, bucket: str) -> None:
    key = limited(server, bucket, "GetObject")
    server.request("PUT", "/in/a", b"1", host=bucket)
    server.request("PUT", "/out", b"1", host=bucket)
    for path, status in (("/in/a", 200), ("/out", 403)):
        s3 = presign(key, "GET", f"http://{bucket}{path}")
        assert server.request("GET", s3, host=bucket, signed=False).status == status
        cos = sign_request(key, "GET", path, {"host": bucket})
        target = f"{path}?{cos}&x-cos-security-token={quote(key.token or '', safe='')}"
        assert server.request("GET", target, host=bucket, signed=False).status == status


def test_a_token_with_more_in_it(server: ServerProcess, bucket: str) -> None:
    """One of another server's owner, and another token with the same key."""
    server.request("PUT", "/a", b"1", host=bucket)
    stranger = issue(Credential("AKIDX", "other"), Grant(), LATER)
    assert ask(server, stranger, "GET /a", bucket).code == "InvalidAccessKeyId"
    small, large = limited(server, bucket), issue(server.credential, Grant(), LATER)
    mixed = Credential(large.secret_id, small.secret_key, large.token)
    assert ask(server, mixed, "GET /a", bucket).code == "SignatureDoesNotMatch"
    over = issue(server.credential, Grant(), 1_000_000_000)
    assert ask(server, over, "GET /a", bucket).code == "ExpiredToken"


@pytest.mark.parametrize("name", ["secret_id", "secret_key"])
def test_every_key_needs_both(name: str) -> None:
    from pydantic import ValidationError

    from openmogr.auth import AuthSettings

    key = {"secret_id": "a", "secret_key": "b"}
    with pytest.raises(ValidationError):
        AuthSettings.model_validate({"keys": [{**key, name: ""}]})


def test_no_mark_from_elsewhere(server: ServerProcess, bucket: str, photo: bytes) -> None:
    """What a key may not read it may not have laid on another image either."""
    key = limited(server, bucket, "GetObject")
    for name in ("/in/a.png", "/in/mark.png", "/out/mark.png"):
        assert server.request("PUT", name, photo, host=bucket).status == 200
    for place, status in (("in", 200), ("out", 400)):
        url = b64encode(f"http://{bucket}/{place}/mark.png".encode(), b"-_").decode().rstrip("=")
        target = f"GET /in/a.png?imageMogr2/thumbnail/50x|watermark/1/image/{url}/scatype/1/spcent/20"
        assert ask(server, key, target, bucket).status == status


def test_jobs_are_not_for_limited_keys(server: ServerProcess, bucket: str) -> None:
    host = bucket.replace(".cos.", ".ci.")
    for request in (
        "POST /jobs",
        "GET /jobs",
        "POST /template",
        "PUT /?style",
        "PUT /?lifecycle",
        "PUT /?hotlink",
    ):
        assert denied(ask(server, limited(server, bucket), request, host)), request
