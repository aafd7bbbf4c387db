"""Bucket policies: what is understood, and what they allow and deny."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from openmogr.api.policy_document import Asked, Verdict, read_policy
from openmogr.api.policy_names import ACTIONS, S3_ACTIONS
from openmogr.api.routing import BUCKET, OBJECT
from openmogr.auth import Credential, sign_request
from openmogr.errors import CosError
from openmogr.testing import Answer, ServerProcess

NAME = "examplebucket-1250000000"
OWNER = "1250000000"
ANYONE = {"qcs": ["qcs::cam::anyone:anyone"]}


def statement(
    effect: str, *actions: str, key: str = "*", bucket: str = NAME, **more: object
) -> dict[str, object]:
    return {
        "principal": ANYONE,
        "effect": effect,
        "action": [f"name/cos:{action}" for action in actions],
        "resource": [f"qcs::cos:ap-shanghai:uid/1250000000:{bucket}/{key}"],
        **more,
    }


def document(*statements: Mapping[str, object], version: str = "2.0") -> bytes:
    return json.dumps({"version": version, "Statement": list(statements)}).encode()


def s3(effect: str, action: object, *resources: str, principal: object = "*", **more: object) -> bytes:
    places = [f"arn:aws:s3:::{NAME}{item}" for item in resources]
    item = {"Effect": effect, "Principal": principal, "Action": action, "Resource": places, **more}
    return document(item, version="2012-10-17")


def said(text: bytes, action: str, key: str | None = None, **more: object) -> Verdict:
    asked: dict[str, Any] = {
        "prefix": None,
        "is_owner": False,
        "client": "203.0.113.9",
        "referer": None,
        **more,
    }
    return read_policy(text, NAME, OWNER).verdict(Asked(action, key, **asked))


# The document


def test_allow_and_deny() -> None:
    text = document(statement("allow", "GetObject", key="pub/*"), statement("deny", "*", key="pub/secret/*"))
    assert said(text, "GetObject", "pub/a") is Verdict.ALLOWED
    assert said(text, "GetObject", "pub/") is Verdict.ALLOWED
    assert said(text, "GetObject", "pu") is Verdict.NOTHING
    assert said(text, "HeadObject", "pub/a") is Verdict.NOTHING
    assert said(text, "GetObject", "pub/secret/a") is Verdict.DENIED
    assert said(text, "PutBucketACL") is Verdict.NOTHING
    assert said(text, "GetObject", "pub/secret/a", is_owner=True) is Verdict.DENIED


@pytest.mark.parametrize(
    ("key", "matched", "others"),
    [
        ("*", ["", "a", "a/b\n"], []),
        ("a*b*c", ["abc", "aXbXc", "abbc", "abcbc"], ["ab", "ac", "abcd", "xabc", "acb"]),
        ("a**a", ["aa", "aXa"], ["a"]),
        ("*.png", [".png", "x/y.png"], ["png", "x.pngx"]),
        ("a?[b]", ["a?[b]"], ["axb"]),
    ],
)
def test_stars(key: str, matched: list[str], others: list[str]) -> None:
    text = document(statement("allow", "GetObject", key=key))
    for item in matched:
        assert said(text, "GetObject", item) is Verdict.ALLOWED, item
    for item in others:
        assert said(text, "GetObject", item) is Verdict.NOTHING, item


def test_many_stars_are_quick() -> None:
    text = document(statement("allow", "GetObject", key="*a" * 300 + "b"))
    assert said(text, "GetObject", "a" * 850) is Verdict.NOTHING


def test_listings_by_prefix() -> None:
    text = document(statement("allow", "GetBucket", key="pub/*"))
    assert said(text, "GetBucket", prefix="pub/x") is Verdict.ALLOWED
    assert said(text, "GetBucket", prefix="") is Verdict.NOTHING
    assert said(text, "GetBucket") is Verdict.NOTHING
    keyed = statement("allow", "GetBucket", condition={"string_like": {"cos:prefix": ["a/*"]}})
    assert said(document(keyed), "GetBucket", prefix="a/b") is Verdict.ALLOWED
    assert said(document(keyed), "GetBucket") is Verdict.NOTHING


def test_addresses() -> None:
    condition = {"ip_equal": {"qcs:ip": ["203.0.113.0/24", "2001:db8::1"]}}
    text = document(statement("allow", "GetObject", condition=condition))
    assert said(text, "GetObject", "a") is Verdict.ALLOWED
    assert said(text, "GetObject", "a", client="::ffff:203.0.113.7") is Verdict.ALLOWED
    assert said(text, "GetObject", "a", client="2001:db8::1") is Verdict.ALLOWED
    assert said(text, "GetObject", "a", client="203.0.114.1") is Verdict.NOTHING
    assert said(text, "GetObject", "a", client="-") is Verdict.NOTHING
    denied = document(statement("deny", "*", condition={"ip_not_equal": condition["ip_equal"]}))
    assert said(denied, "GetObject", "a") is Verdict.NOTHING
    assert said(denied, "GetObject", "a", client="198.51.100.1", is_owner=True) is Verdict.DENIED


def test_the_language_of_s3() -> None:
    text = s3("Allow", ["s3:GetObject", "s3:ListBucket"], "", "/pub/*")
    assert said(text, "GetObject", "pub/a") is Verdict.ALLOWED
    assert said(text, "HeadObject", "pub/a") is Verdict.ALLOWED
    assert said(text, "GetObject", "a") is Verdict.NOTHING
    assert said(text, "GetBucket", prefix="any") is Verdict.ALLOWED
    assert said(text, "PutObject", "pub/a") is Verdict.NOTHING
    # A resource is either objects or the bucket.
    assert said(s3("Allow", "s3:*", "/*"), "GetBucket") is Verdict.NOTHING
    assert said(s3("Allow", "s3:*", ""), "GetObject", "a") is Verdict.NOTHING
    referer = {"StringLike": {"aws:Referer": "https://example.com/*"}}
    asked = s3("Allow", "s3:Get*", "/*", principal={"AWS": ["*"]}, Condition=referer)
    assert said(asked, "GetObject", "a", referer="https://example.com/x") is Verdict.ALLOWED
    assert said(asked, "GetObject", "a") is Verdict.NOTHING
    denied = s3("Deny", "s3:Get*", "/*", Condition={"StringNotLike": referer["StringLike"]})
    assert said(denied, "GetObject", "a") is Verdict.DENIED
    assert said(denied, "GetObject", "a", referer="https://example.com/x") is Verdict.NOTHING


def test_what_is_the_accounts_own() -> None:
    """Stars do not open to everybody what only the account may do; and its own statements do not concern others."""
    assert said(document(statement("allow", "*")), "PutBucketACL") is Verdict.NOTHING
    own = {"qcs": [f"qcs::cam::uin/{OWNER}:uin/{OWNER}"]}
    text = document(statement("deny", "DeleteObject", principal=own))
    assert said(text, "DeleteObject", "a", is_owner=True) is Verdict.DENIED
    assert said(text, "DeleteObject", "a") is Verdict.NOTHING


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"no json", "MalformedPolicy"),
        (b"[]", "MalformedPolicy"),
        (b'{"version": "2.0", "version": "2.0", "statement": []}', "MalformedPolicy"),
        (document(), "MalformedPolicy"),
        (document(statement("allow", "GetObject"), version="3.0"), "MalformedPolicy"),
        (document(statement("permit", "GetObject")), "MalformedPolicy"),
        (document(statement("allow")), "MalformedPolicy"),
        (document(statement("allow", "GetObject", resource=[])), "MalformedPolicy"),
        (document(statement("allow", "GetObject", bucket="other-1250000000")), "MalformedPolicy"),
        (document(statement("allow", "GetObject", resource="qcs::cos:r:uid/1:" + NAME + "/*")), "MalformedPolicy"),
        (document(statement("allow", "GetObject", resource="/*")), "MalformedPolicy"),
        (document(statement("allow", "GetObject", principal=None)), "MalformedPolicy"),
        (document(statement("allow", "GetObject", principal={"service": "x"})), "NotSupported"),
        (document(statement("allow", "GetObject", principal={"qcs": "qcs::cam::uin/1:uin/2"})), "NotSupported"),
        (document(statement("allow", "Fly")), "NotSupported"),
        (document(statement("allow", "Fly*")), "NotSupported"),
        (document(statement("allow", "PutBucketACL")), "NotSupported"),
        (document(statement("allow", "GetObject", notaction="x")), "NotSupported"),
        (document(statement("allow", "GetObject", condition={"ip_equal": {"qcs:ip": "1.2.3"}})), "MalformedPolicy"),
        (document(statement("allow", "GetObject", condition={"ip_equal": {"cos:prefix": "x"}})), "NotSupported"),
        (document(statement("allow", "GetObject", condition={"string_equal": {"qcs:ip": "x"}})), "NotSupported"),
        (document(statement("allow", "GetObject", condition={"string_equal": {"cos:x-cos-acl": "x"}})), "NotSupported"),
        (document(statement("allow", "GetObject", condition={"string_equal": {"cos:prefix": "x*"}})), "NotSupported"),
        (document(statement("allow", "GetObject", condition={"bool_equal": {"cos:tls-version": "1"}})), "NotSupported"),
        (s3("Allow", "GetObject", "/*"), "NotSupported"),
        (s3("Allow", "s3:Fly", "/*"), "NotSupported"),
        (s3("Allow", "s3:GetObject", "/a?"), "MalformedPolicy"),
        (s3("Allow", "s3:GetObject", "/${aws:username}"), "MalformedPolicy"),
        (s3("Allow", "s3:GetObject", "/*", principal={"AWS": "arn:aws:iam::1:user/x"}), "NotSupported"),
        (s3("Allow", "s3:GetObject", "/*", Condition={"Bool": {"aws:SecureTransport": "true"}}), "NotSupported"),
        (s3("Allow", "s3:GetObject", "/*", NotPrincipal="*"), "NotSupported"),
    ],
)  # fmt: skip
def test_what_is_refused(text: bytes, code: str) -> None:
    with pytest.raises(CosError) as caught:
        read_policy(text, NAME, OWNER)
    assert caught.value.code == code, caught.value.message


def test_names() -> None:
    """Every action of S3 stands for ones that there are, and every object call of the tables is one of them."""
    from openmogr.api.grants import _ACTIONS

    assert {item for items in S3_ACTIONS.values() for item in items} <= ACTIONS
    not_ruled = {"not_supported", "bucket_configuration"}
    for table in (OBJECT, BUCKET):
        for subresource, methods in table.items():
            for route in methods.values():
                name = route.handler.__name__
                action = _ACTIONS.get(name) or "".join(word.capitalize() for word in name.split("_"))
                if name not in not_ruled and (
                    table is OBJECT or subresource in ("", "acl", "cors", "tagging")
                ):
                    assert action in ACTIONS or action in ("PutBucket",), action


# The service


def put(server: ServerProcess, host: str, *statements: Mapping[str, object]) -> Answer:
    return server.request("PUT", "/?policy", document(*statements), host=host)


def test_configuration(server: ServerProcess, bucket: str) -> None:
    name = bucket.partition(".")[0]
    assert server.request("GET", "/?policy", host=bucket).code == "NoSuchBucketPolicy"
    given = document(statement("allow", "GetObject", bucket=name))
    assert server.request("PUT", "/?policy", given, host=bucket).status == 204
    found = server.request("GET", "/?policy", host=bucket)
    assert (found.status, found.body, found.header("Content-Type")) == (200, given, "application/json")
    bad = server.request("PUT", "/?policy", document(statement("allow", "Fly", bucket=name)), host=bucket)
    assert (bad.status, bad.code) == (400, "NotSupported")
    large = server.request("PUT", "/?policy", b" " * 30_000 + given, host=bucket)
    assert large.status == 400
    assert server.request("GET", "/?policy", host=bucket).body == given
    assert server.request("GET", "/?policy", host=bucket, signed=False).status == 403
    assert server.request("PUT", "/?policy", given, host=bucket, signed=False).status == 403
    assert server.request("DELETE", "/?policy", host=bucket).status == 204
    assert server.request("GET", "/?policy", host=bucket).status == 404


def test_what_it_allows(server: ServerProcess, bucket: str, photo: bytes) -> None:
    name = bucket.partition(".")[0]
    for key in ("/pub/a.png", "/b.png"):
        server.request("PUT", key, photo, host=bucket)
    for target in ("/pub/a.png", "/", "/?prefix=pub/"):
        assert server.request("GET", target, host=bucket, signed=False).status == 403
    allowed = ["GetObject", "HeadObject"]
    answer = put(
        server,
        bucket,
        statement("allow", *allowed, key="pub/*", bucket=name),
        statement("allow", "GetBucket", key="pub/*", bucket=name),
        statement(
            "allow", "PutObject", "PostObject", "DeleteObject", "AppendObject", key="in/*", bucket=name
        ),
    )
    assert answer.status == 204, answer.body

    def status(method: str, target: str, body: bytes | None = None, **headers: str) -> int:
        return server.request(method, target, body, headers, host=bucket, signed=False).status

    assert status("GET", "/pub/a.png") == 200
    assert status("HEAD", "/pub/a.png") == 200
    assert status("GET", "/pub/none") == 404
    assert status("GET", "/pub/a.png?imageMogr2/thumbnail/50x") == 200
    assert status("HEAD", "/pub/a.png?imageMogr2/thumbnail/50x") == 200
    assert status("GET", "/b.png") == 403
    assert status("GET", "/none") == 403
    assert status("GET", "/b.png?imageMogr2/thumbnail/50x") == 403
    assert status("GET", "/?prefix=pub/") == 200
    assert status("GET", "/") == 403
    assert status("PUT", "/in/x", b"1") == 200
    assert status("POST", "/in/log?append&position=0", b"1") == 200
    assert status("GET", "/in/x") == 403
    assert status("PUT", "/x", b"1") == 403
    assert status("PUT", "/pub/x", b"1") == 403
    assert status("PUT", "/in/y", b"", **{"x-cos-copy-source": f"{bucket}/pub/a.png"}) == 200
    assert status("PUT", "/in/y", b"", **{"x-cos-copy-source": f"{bucket}/b.png"}) == 403
    assert status("DELETE", "/in/x") == 204
    assert status("DELETE", "/pub/a.png") == 403
    assert status("PUT", "/in/y?acl", b"", **{"x-cos-acl": "public-read"}) == 403
    # Results of rules go where uploads may, and nowhere else.
    for fileid, expected in (("/in/r.webp", 200), ("/r.webp", 403)):
        rules = json.dumps({"rules": [{"fileid": fileid, "rule": "imageMogr2/format/webp"}]})
        assert status("PUT", "/in/p.png", photo, **{"Pic-Operations": rules}) == expected
    server.request("DELETE", "/?policy", host=bucket)
    assert status("GET", "/pub/a.png") == 403


def test_forms(server: ServerProcess, bucket: str) -> None:
    name = bucket.partition(".")[0]
    put(server, bucket, statement("allow", "PostObject", key="in/*", bucket=name))
    for key, expected in (("in/a", 204), ("a", 403)):
        body = (
            f'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n{key}\r\n'
            '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n1\r\n--x--\r\n'
        ).encode()
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        assert server.request("POST", "/", body, headers, host=bucket, signed=False).status == expected


def test_what_it_denies(server: ServerProcess, public: str, photo: bytes) -> None:
    """Whoever asks, the owner included, but for calls about the policy itself."""
    name = public.partition(".")[0]
    for key in ("/a.png", "/no/b.png", "/c"):
        server.request("PUT", key, photo, host=public)
    assert put(server, public, statement("deny", "*", key="no/*", bucket=name)).status == 204
    for signed in (True, False):
        assert server.request("GET", "/a.png", host=public, signed=signed).status == 200
        for method in ("GET", "HEAD"):
            for target in ("/no/b.png", "/no/b.png?imageMogr2/thumbnail/50x"):
                assert server.request(method, target, host=public, signed=signed).status == 403
    for method, target in (("PUT", "/no/x"), ("DELETE", "/no/b.png"), ("POST", "/no/x?uploads")):
        assert server.request(method, target, b"", host=public).status == 403
    keys = b"<Delete><Object><Key>c</Key></Object><Object><Key>no/b.png</Key></Object></Delete>"
    assert server.request("POST", "/?delete", keys, host=public).status == 403
    copy = {"x-cos-copy-source": f"{public}/no/b.png"}
    assert server.request("PUT", "/copy", b"", copy, host=public).status == 403
    rules = json.dumps({"rules": [{"fileid": "/no/r.webp", "rule": "imageMogr2/format/webp"}]})
    assert server.request("PUT", "/p.png", photo, {"Pic-Operations": rules}, host=public).status == 403
    assert server.request("GET", "/c", host=public).status == 200
    assert put(server, public, statement("deny", "*", bucket=name)).status == 204
    assert server.request("GET", "/c", host=public).status == 403
    assert server.request("GET", "/", host=public).status == 403
    assert server.request("GET", "/?policy", host=public).status == 200
    assert server.request("DELETE", "/?policy", host=public).status == 204
    assert server.request("GET", "/c", host=public).status == 200


def test_an_image_that_is_denied_is_not_laid_on_another(
    server: ServerProcess, public: str, photo: bytes
) -> None:
    from base64 import urlsafe_b64encode

    name = public.partition(".")[0]
    for key in ("/a.png", "/no/mark.png"):
        server.request("PUT", key, photo, host=public)
    mark = urlsafe_b64encode(f"http://{public}/no/mark.png".encode()).decode().rstrip("=")
    target = f"/a.png?watermark/1/image/{mark}"
    assert server.request("GET", target, host=public, signed=False).status == 200
    put(server, public, statement("deny", "GetObject", key="no/*", bucket=name))
    for signed in (True, False):
        answer = server.request("GET", target, host=public, signed=signed)
        assert (answer.status, answer.code) == (400, "InvalidImageSource")


def test_by_address(server: ServerProcess, bucket: str) -> None:
    name = bucket.partition(".")[0]
    server.request("PUT", "/a", b"1", host=bucket)
    for network, status in (("127.0.0.0/8", 200), ("10.0.0.0/8", 403)):
        condition = {"ip_equal": {"qcs:ip": [network]}}
        put(server, bucket, statement("allow", "GetObject", bucket=name, condition=condition))
        assert server.request("GET", "/a", host=bucket, signed=False).status == status


def test_keys_with_limits(server: ServerProcess, bucket: str) -> None:
    """What is denied is denied to them, and what is allowed does not widen their limits."""
    name = bucket.partition(".")[0]
    server.request("PUT", "/a", b"1", host=bucket)
    reader = Credential("AKIDREADER", "readerkey")

    def status(method: str, target: str, body: bytes | None = None) -> int:
        signed = {"Authorization": sign_request(reader, method, target, {"host": bucket})}
        return server.request(method, target, body, signed, host=bucket).status

    put(server, bucket, statement("allow", "PutObject", bucket=name))
    assert status("GET", "/a") == 200
    assert status("PUT", "/b", b"1") == 403
    put(server, bucket, statement("deny", "GetObject", bucket=name))
    assert status("GET", "/a") == 403
