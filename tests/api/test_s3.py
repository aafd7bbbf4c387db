"""The dialect of S3 on the wire: who speaks it, what its answers and errors look like, what a signature covers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from xml.etree import ElementTree

import pytest

from openmogr.auth import Credential, sign_request
from openmogr.testing import Answer, ServerProcess

from .s3_requests import presign, send, sign
from .test_form import encode, post

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
PATH_HOST = "127.0.0.1"


def root(answer: Answer) -> ElementTree.Element:
    return ElementTree.fromstring(answer.body)


def test_the_dialect_is_that_of_the_signature(server: ServerProcess, bucket: str) -> None:
    given = {"x-amz-meta-colour": "red"}
    assert send(server, "PUT", "/a", b"1", given, host=bucket).status == 200
    s3 = send(server, "GET", "/a", host=bucket)
    assert (s3.header("x-amz-meta-colour"), s3.header("x-cos-meta-colour")) == ("red", None)
    assert s3.header("x-amz-request-id")
    cos = server.request("GET", "/a", host=bucket)
    assert (cos.header("x-cos-meta-colour"), cos.header("x-amz-meta-colour")) == ("red", None)
    assert cos.header("x-amz-request-id") is None
    assert root(send(server, "GET", "/", host=bucket)).tag == f"{NAMESPACE}ListBucketResult"
    assert root(server.request("GET", "/", host=bucket)).tag == "ListBucketResult"


@pytest.mark.parametrize(
    ("query", "headers", "is_s3"),
    [
        ("", {}, False),
        ("list-type=2", {}, True),
        ("", {"amz-sdk-request": "attempt=1"}, True),
        ("", {"x-amz-date": "20260101T000000Z"}, True),
        ("x-amz-checksum-mode=ENABLED", {}, True),
    ],
)
def test_the_dialect_of_anonymous_requests(
    server: ServerProcess, public: str, query: str, headers: Mapping[str, str], is_s3: bool
) -> None:
    answer = server.request("GET", f"/?{query}", headers=headers, host=public, signed=False)
    assert answer.status == 200
    assert root(answer).tag.startswith(NAMESPACE) is is_s3


def test_requests_of_cos_ignore_amz_headers_as_ever(server: ServerProcess, bucket: str) -> None:
    server.request("PUT", "/a", b"1", {"x-amz-acl": "public-read", "x-amz-meta-a": "b"}, host=bucket)
    assert server.request("GET", "/a", host=bucket, signed=False).status == 403
    assert server.request("HEAD", "/a", host=bucket).header("x-cos-meta-a") is None


def test_errors(server: ServerProcess, bucket: str) -> None:
    answer = send(server, "GET", "/no%07key", host=bucket)
    error = root(answer)
    assert (answer.status, error.tag) == (404, "Error")
    found = {child.tag: child.text for child in error}
    assert found["Code"] == "NoSuchKey"
    assert found["RequestId"] == answer.header("x-amz-request-id")
    assert found["HostId"] == answer.header("x-amz-id-2")
    assert found["BucketName"] == bucket.partition(".")[0]
    head = send(server, "HEAD", "/no", host=bucket)
    assert (head.status, head.header("Content-Length"), head.body) == (404, "0", b"")
    wrong = sign(Credential("AKIDNOBODY", "key"), "GET", f"http://{bucket}/a")
    answer = server.request("GET", "/a", headers=wrong, host=bucket)
    assert (answer.status, answer.code, root(answer).find("HostId") is not None) == (
        403,
        "InvalidAccessKeyId",
        True,
    )


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("PUT", "/a?renameObject", 501, "NotImplemented"),
        ("PUT", "/a?unknown", 501, "NotImplemented"),
        ("GET", "/?session", 501, "NotImplemented"),
        ("GET", "/a?torrent", 501, "NotImplemented"),
        ("GET", "/a?partNumber=1", 501, "NotImplemented"),
        ("GET", "/a?encryption", 501, "NotImplemented"),
        ("GET", "/a?attributes", 400, "InvalidArgument"),
        ("GET", "/a?versionId=abc", 400, "InvalidArgument"),
        ("GET", "/?analytics&id=a", 404, "NoSuchConfiguration"),
        ("PUT", "/?acl", 400, "MissingRequestBodyError"),
        ("POST", "/?policyStatus", 405, "MethodNotAllowed"),
        ("DELETE", "/?policy", 204, ""),
        ("DELETE", "/?publicAccessBlock", 204, ""),
        ("POST", "/a?select&select-type=2", 501, "NotImplemented"),
    ],
)
def test_what_is_not_served(
    server: ServerProcess, module_bucket: str, method: str, target: str, status: int, code: str
) -> None:
    body = b"" if method in ("PUT", "POST") else None
    answer = send(server, method, target, body, host=module_bucket)
    assert (answer.status, answer.code) == (status, code), answer.body


def test_path_and_virtual_host_style(server: ServerProcess, bucket: str) -> None:
    name = bucket.partition(".")[0]
    assert send(server, "PUT", f"/{name}/dir/a", b"1", host=f"{PATH_HOST}:{server.port}").status == 200
    for host, target in (
        (bucket, "/dir/a"),
        (f"cos.ap-shanghai.myqcloud.com:{server.port}", f"/{name}/dir/a"),
        (f"{name}.cos.example.com", "/dir/a"),
        ("cos.example.com", f"/{name}/dir/a"),
    ):
        assert send(server, "GET", target, host=host).body == b"1", host
    copy = send(server, "PUT", "/b", b"", {"x-amz-copy-source": f"/{name}/dir/a"}, host=bucket)
    assert root(copy).tag == f"{NAMESPACE}CopyObjectResult"
    assert b"CRC64" not in copy.body


def create(server: ServerProcess, name: str, region: str, host: str, target: str = "/") -> Answer:
    body = (
        f'<CreateBucketConfiguration xmlns="{NAMESPACE[1:-1]}"><LocationConstraint>{region}'
        "</LocationConstraint></CreateBucketConfiguration>"
    )
    return send(server, "PUT", target, body.encode(), host=host)


def test_regions_of_new_buckets(server: ServerProcess) -> None:
    host = f"{PATH_HOST}:{server.port}"
    assert create(server, "", "ap-beijing", host, "/s3region1-1250000000").status == 200
    answer = send(server, "GET", "/s3region1-1250000000?location", host=host)
    assert (root(answer).tag, root(answer).text) == (f"{NAMESPACE}LocationConstraint", "ap-beijing")
    virtual = "s3region2-1250000000.cos.ap-shanghai.myqcloud.com"
    answer = create(server, "", "ap-beijing", virtual)
    assert (answer.status, answer.code) == (400, "IllegalLocationConstraintException")
    assert create(server, "", "UPPER", host, "/s3region3-1250000000").status == 400
    answer = send(server, "PUT", "/", b"<Other/>", host=virtual)
    assert (answer.status, answer.code) == (400, "MalformedXML")
    assert create(server, "", "ap-shanghai", virtual).status == 200
    anonymous = server.request(
        "PUT",
        "/",
        b"<a/>",
        {"x-amz-acl": "private"},
        host="s3region4-1250000000.cos.x.myqcloud.com",
        signed=False,
    )
    assert (anonymous.status, anonymous.code) == (404, "NoSuchBucket")


def test_presigned_urls_carry_headers_as_parameters(server: ServerProcess, bucket: str) -> None:
    """As the SDKs for Go and JavaScript make them."""
    url = f"http://{bucket}/a?x-id=PutObject&x-amz-acl=public-read&X-Amz-Meta-Colour=red"
    target = presign(server.credential, "PUT", url)
    assert server.request("PUT", target, b"1", host=bucket, signed=False).status == 200
    got = server.request("GET", "/a", host=bucket, signed=False)
    assert (got.status, got.header("x-cos-meta-colour")) == (200, "red")
    both = server.request("PUT", target, b"1", {"x-amz-acl": "private"}, host=bucket, signed=False)
    assert (both.status, both.code) == (403, "AccessDenied")


@pytest.mark.parametrize(
    "header",
    [
        "x-amz-acl: public-read",
        "x-cos-acl: public-read",
        "x-amz-copy-source: /other-1250000000/a",
        "x-cos-copy-source: other-1250000000/a",
        'Pic-Operations: {"is_pic_info":1}',
        "x-cos-grant-read: id=1",
        "x-amz-security-token: x",
    ],
)
def test_headers_added_to_a_presigned_url(server: ServerProcess, bucket: str, header: str) -> None:
    target = presign(server.credential, "PUT", f"http://{bucket}/a")
    name, _, value = header.partition(": ")
    answer = server.request("PUT", target, b"1", {name: value}, host=bucket, signed=False)
    assert (answer.status, answer.code) == (403, "AccessDenied"), answer.body
    assert server.request("HEAD", "/a", host=bucket).status == 404


@pytest.mark.parametrize(
    "more", ["", "&x-amz-foo=1", "&x-amz-acl=public-read", "&list-type=2", "&X-Amz-Date=1"]
)
def test_a_presigned_url_of_cos_stays_one(server: ServerProcess, bucket: str, more: str) -> None:
    """What is appended to it does not make headers count that are not signed."""
    signature = sign_request(server.credential, "PUT", "/a", {"host": bucket})
    for name in ("x-amz-acl", "x-amz-meta-a"):
        server.request("PUT", f"/a?{signature}{more}", b"1", {name: "public-read"}, host=bucket, signed=False)
        assert server.request("GET", "/a", host=bucket, signed=False).status in (403, 404)
        assert server.request("HEAD", "/a", host=bucket).header("x-cos-meta-a") is None


def test_an_operation_needs_to_be_signed(server: ServerProcess, bucket: str, photo: bytes) -> None:
    """Unlike with COS, the whole query is."""
    assert send(server, "PUT", "/a.png", photo, host=bucket).status == 200
    operation = "imageMogr2/thumbnail/50x"
    target = presign(server.credential, "GET", f"http://{bucket}/a.png?{operation}")
    signed = server.request("GET", target, host=bucket, signed=False)
    assert (signed.status, signed.header("x-amz-checksum-crc32")) == (200, None)
    plain = presign(server.credential, "GET", f"http://{bucket}/a.png")
    appended = server.request("GET", f"{plain}&{operation}", host=bucket, signed=False)
    assert (appended.status, appended.code) == (403, "SignatureDoesNotMatch")
    stages = f"{operation}%7CimageMogr2%2Fformat%2Fwebp"
    assert send(server, "GET", f"/a.png?{stages}", host=bucket).header("Content-Type") == "image/webp"
    assert send(server, "GET", f"/a.png?{operation}", host=bucket).status == 200


def test_signatures_of_both_kinds_in_one_request(server: ServerProcess, bucket: str) -> None:
    target = presign(server.credential, "GET", f"http://{bucket}/a")
    answer = server.request("GET", target, host=bucket)  # with an Authorization of COS besides
    assert (answer.status, answer.code) == (400, "InvalidArgument")


def test_temporary_keys(server: ServerProcess, bucket: str) -> None:
    key = Credential("AKIDTEMP", "tempkey", "tok")
    headers = sign(key, "PUT", f"http://{bucket}/a")
    assert headers["X-Amz-Security-Token"] == "tok"
    assert server.request("PUT", "/a", b"1", headers, host=bucket).status == 200
    target = presign(key, "GET", f"http://{bucket}/a")
    assert server.request("GET", target, host=bucket, signed=False).body == b"1"
    for other in (Credential("AKIDTEMP", "tempkey", "no"), Credential("AKIDTEMP", "tempkey")):
        answer = server.request("GET", "/a", headers=sign(other, "GET", f"http://{bucket}/a"), host=bucket)
        assert (answer.status, answer.code) == (403, "AccessDenied")
    old = sign(Credential("AKIDOLD", "oldkey", "tok"), "GET", f"http://{bucket}/a")
    assert server.request("GET", "/a", headers=old, host=bucket).code == "ExpiredToken"


def test_rules_of_pic_operations(server: ServerProcess, bucket: str, photo: bytes) -> None:
    """The header is signed or not, as with COS; its answer is that of CI."""
    rules = json.dumps({"is_pic_info": 1, "rules": [{"fileid": "/b.webp", "rule": "imageMogr2/format/webp"}]})
    answer = send(
        server,
        "PUT",
        "/a.png",
        photo,
        {"pic-operations": rules, "x-amz-sdk-checksum-algorithm": "CRC32"},
        host=bucket,
    )
    assert root(answer).tag == "UploadResult"
    mode = {"x-amz-checksum-mode": "ENABLED"}
    assert send(server, "HEAD", "/a.png", headers=mode, host=bucket).header("x-amz-checksum-crc32")
    assert send(server, "HEAD", "/b.webp", headers=mode, host=bucket).header("x-amz-checksum-crc32") is None


def test_documents_that_were_put_by_cos(server: ServerProcess, bucket: str) -> None:
    rule = "<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>"
    document = f"<CORSConfiguration>{rule}</CORSConfiguration>".encode()
    assert server.request("PUT", "/?cors", document, host=bucket).status == 200
    assert root(send(server, "GET", "/?cors", host=bucket)).tag == f"{NAMESPACE}CORSConfiguration"
    assert server.request("GET", "/?cors", host=bucket).body == document


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"x-amz-signature": "0" * 64, "policy": "e30="}, "AuthorizationQueryParametersError"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, "AccessDenied"),
        ({"tagging": "<Tagging/>", "x-amz-meta-a": "b"}, "AccessDenied"),
        ({"x-amz-algorithm": "AWS4-HMAC-SHA256"}, "AccessDenied"),
    ],
)
def test_forms_without_a_right(
    server: ServerProcess, module_bucket: str, fields: Mapping[str, str], code: str
) -> None:
    answer = post(server, module_bucket, encode({"key": "a", **fields}, ("f", b"1")))
    assert answer.code == code
    assert root(answer).find("HostId") is not None


def test_fields_of_forms_that_are_not_understood(server: ServerProcess) -> None:
    host = "s3forms-1250000000.cos.ap-shanghai.myqcloud.com"
    assert server.request("PUT", "/", b"", {"x-cos-acl": "public-read-write"}, host=host).status == 200
    for name in ("x-amz-checksum-crc32", "x-amz-server-side-encryption", "x-amz-website-redirect-location"):
        answer = post(server, host, encode({"key": "a", name: "x"}, ("f", b"1")))
        assert (answer.status, answer.code) == (501, "NotImplemented")
    answer = post(server, host, encode({"key": "a", "x-amz-meta-a": "b", "tagging": "x"}, ("f", b"1")))
    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert post(server, host, encode({"key": "a", "x-amz-meta-a": "b"}, ("f", b"1"))).status == 204
    assert server.request("HEAD", "/a", host=host).header("x-cos-meta-a") == "b"


def test_preflights_of_presigned_urls(server: ServerProcess, bucket: str) -> None:
    target = presign(server.credential, "PUT", f"http://{bucket}/a")
    headers = {"Origin": "https://a.test", "Access-Control-Request-Method": "PUT"}
    answer = server.request("OPTIONS", target, headers=headers, host=bucket, signed=False)
    assert (answer.status, answer.header("Access-Control-Allow-Origin")) == (200, "*")
