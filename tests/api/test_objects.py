"""The object API over HTTP (``docs/spec/api/object-api.md``)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openmogr.api.xml import parse
from openmogr.auth import Credential, sign_request
from openmogr.testing import Answer, ServerProcess

KEYS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=40
)


def texts(answer: Answer, path: str) -> list[str]:
    """The texts of all elements at a path below the root."""
    root = parse(answer.body, answer.body.rpartition(b"</")[2].rstrip(b">\n").decode())
    return [element.text or "" for element in root.findall(path)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=KEYS, safe=st.sampled_from(["", "/", "/!$'()*+,:;=@~"]))
def test_any_key_comes_back(server: ServerProcess, bucket: str, key: str, safe: str) -> None:
    """Written with one encoding, read with another, listed in both forms."""
    target = "/" + quote(key, safe=safe)
    assert server.request("PUT", target, key.encode(), host=bucket).status == 200
    assert server.request("GET", "/" + quote(key, safe=""), host=bucket).body == key.encode()
    prefix = quote(key, safe="")
    assert key in texts(server.request("GET", f"/?prefix={prefix}", host=bucket), "Contents/Key")
    encoded = server.request("GET", f"/?prefix={prefix}&encoding-type=url", host=bucket)
    assert quote(key, safe="/") in texts(encoded, "Contents/Key")
    assert server.request("DELETE", target, host=bucket).status == 204


def test_addressing_forms(server: ServerProcess) -> None:
    """The same object by virtual host, by path, by own domain; and by a custom domain."""
    name = "addressed-1250000000"
    assert server.request("PUT", f"/{name}/", b"").status == 200
    assert server.request("PUT", f"/{name}/dir/a", b"1").status == 200
    for target, host in (
        (f"/{name}/dir/a", None),
        (f"/{name}/dir%2Fa", "cos.ap-beijing.myqcloud.com"),
        ("/dir/a", f"{name}.cos.ap-beijing.myqcloud.com:{server.port}"),
        ("/dir/a", f"{name}.cos.example.com"),
    ):
        assert server.request("GET", target, host=host).body == b"1", (target, host)
    server.request("PUT", "/mapped-1250000000", b"")  # another test may have been first
    assert server.request("PUT", "/a", b"2", host="img.example.org").status == 200
    assert server.request("GET", "/mapped-1250000000/a").body == b"2"


@pytest.mark.parametrize(
    "name", ["UPPER-1250000000", "a_b-1250000000", "-a-1250000000", "noappid", "a.b-1250000000"]
)
def test_bad_bucket_names(server: ServerProcess, name: str) -> None:
    answer = server.request("PUT", f"/{name}", b"")
    assert (answer.status, answer.code) == (400, "InvalidBucketName")


def test_metadata_rules(server: ServerProcess, bucket: str) -> None:
    """Lines 19 and 12: an empty Cache-Control is not stored; the type is guessed from the key."""
    headers = {"Cache-Control": "", "Expires": "Thu, 01 Dec 2033 16:00:00 GMT", "x-cos-meta-q": "é图"}
    assert server.request("PUT", "/a.webp", b"1", headers, host=bucket).status == 200
    got = server.request("GET", "/a.webp", host=bucket)
    assert got.header("Content-Type") == "image/webp"
    assert got.header("Cache-Control") is None
    assert got.header("Expires") == headers["Expires"]
    assert (got.header("x-cos-meta-q") or "").encode("latin-1").decode() == "é图"
    assert got.header("ETag") == f'"{hashlib.md5(b"1").hexdigest()}"'
    assert server.request("PUT", "/b", b"1", host=bucket).status == 200
    assert server.request("GET", "/b", host=bucket).header("Content-Type") == "application/octet-stream"
    long = server.request("PUT", "/c", b"1", {"x-cos-meta-a": "x" * 2048}, host=bucket)
    assert (long.status, long.code) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-cos-acl": "nonsense"}, "InvalidArgument"),
        ({"x-cos-storage-class": "FAST"}, "NotSupportedStorageClass"),
        ({"x-cos-tagging": "a=1&a=2"}, "InvalidTag"),
        ({"x-cos-tagging": "&".join(f"k{n}=v" for n in range(11))}, "InvalidTag"),
        ({"x-cos-traffic-limit": "1"}, "InvalidArgument"),
        ({"Content-MD5": "x"}, "InvalidDigest"),
        ({"Content-MD5": b64encode(b"0" * 16).decode()}, "BadDigest"),
        ({"x-cos-server-side-encryption": "AES256"}, "NotSupported"),
        ({"Content-Length": str(6 * 1024**3), "Expect": "100-continue"}, "EntityTooLarge"),
    ],
)
def test_refused_uploads_store_nothing(
    server: ServerProcess, bucket: str, headers: dict[str, str], code: str
) -> None:
    body = None if "Expect" in headers else b"1"
    answer = server.request("PUT", "/a", body, headers, host=bucket)
    assert (answer.status, answer.code) == (400, code)
    assert server.request("HEAD", "/a", host=bucket).status == 404


def test_upload_without_a_length(server: ServerProcess, bucket: str) -> None:
    answer = server.request("PUT", "/a", host=bucket)
    assert (answer.status, answer.code) == (411, "MissingContentLength")


@pytest.mark.parametrize("key", ["%00", "a%01b", "%1F", "a%0B"])
def test_keys_that_no_listing_could_show_are_refused(server: ServerProcess, bucket: str, key: str) -> None:
    answer = server.request("PUT", f"/{key}", b"1", host=bucket)
    assert (answer.status, answer.code) == (400, "InvalidObjectName")
    assert b"<Resource>" in answer.body


def test_key_lengths(server: ServerProcess, bucket: str) -> None:
    assert server.request("PUT", "/" + "k" * 850, b"1", host=bucket).status == 200
    answer = server.request("PUT", "/" + "k" * 851, b"1", host=bucket)
    assert (answer.status, answer.code) == (400, "KeyTooLong")
    assert server.request("GET", "/" + "k" * 851, host=bucket).status in (400, 404)


def test_conditional_requests(server: ServerProcess, bucket: str) -> None:
    etag = server.request("PUT", "/a", b"12345", host=bucket).header("ETag") or ""
    modified = server.request("HEAD", "/a", host=bucket).header("Last-Modified") or ""
    past, future = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    for headers, status in (
        ({"If-None-Match": etag}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Modified-Since": modified}, 304),
        ({"If-Modified-Since": past}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": future}, 200),
        ({"If-Match": etag}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Unmodified-Since": past}, 412),
        ({"If-Unmodified-Since": future}, 200),
        ({"If-Match": etag, "If-Unmodified-Since": past}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
    ):
        answer = server.request("GET", "/a", headers=headers, host=bucket)
        assert answer.status == status, headers
        assert (answer.body == b"12345") == (status == 200)
        if status == 304:
            assert answer.header("ETag") == etag
            assert answer.header("Content-Type") is None


def test_ranges_over_http(server: ServerProcess, bucket: str) -> None:
    etag = server.request("PUT", "/a", b"0123456789", host=bucket).header("ETag") or ""
    part = server.request("GET", "/a", headers={"Range": "bytes=2-4"}, host=bucket)
    assert (part.status, part.body, part.header("Content-Range")) == (206, b"234", "bytes 2-4/10")
    head = server.request("HEAD", "/a", headers={"Range": "bytes=-4"}, host=bucket)
    assert (head.status, head.header("Content-Length")) == (206, "4")
    past = server.request("GET", "/a", headers={"Range": "bytes=10-"}, host=bucket)
    assert (past.status, past.code, past.header("Content-Range")) == (416, "InvalidRange", "bytes */10")
    for condition, status in ((etag, 206), ('"other"', 200)):
        headers = {"Range": "bytes=2-4", "If-Range": condition}
        assert server.request("GET", "/a", headers=headers, host=bucket).status == status


def test_response_overrides_need_a_signature(server: ServerProcess, public: str) -> None:
    server.request("PUT", "/a", b"1", host=public)
    target = "/a?response-content-type=text%2Fhtml&response-expires=x%0D%0AInjected:%20y"
    signed = server.request("GET", target, host=public)
    assert (signed.status, signed.header("Content-Type")) == (200, "text/html")
    assert signed.header("Injected") is None
    empty = server.request("GET", "/a?response-content-type=&response-expires", host=public)
    assert empty.header("Content-Type") == "application/octet-stream"
    assert empty.header("Expires") is None
    anonymous = server.request("GET", target, host=public, signed=False)
    assert (anonymous.status, anonymous.code) == (403, "AccessDenied")


def test_anonymous_sees_public_objects_only(server: ServerProcess, bucket: str, public: str) -> None:
    for host in (bucket, public):
        server.request("PUT", "/a", b"1", host=host)
        server.request("PUT", "/private", b"1", {"x-cos-acl": "private"}, host=host)
        server.request("PUT", "/public", b"1", {"x-cos-acl": "public-read"}, host=host)

    def status(host: str, target: str, method: str = "GET") -> int:
        body = b"" if method in ("PUT", "POST") else None
        return server.request(method, target, body, host=host, signed=False).status

    assert [status(public, target) for target in ("/a", "/private", "/public", "/none", "/")] == [
        200, 403, 200, 404, 200,
    ]  # fmt: skip
    assert [status(bucket, target) for target in ("/a", "/private", "/public", "/none", "/")] == [
        403, 403, 200, 403, 403,
    ]  # fmt: skip
    for method, target in (
        ("PUT", "/x"), ("DELETE", "/a"), ("POST", "/x?uploads"), ("POST", "/?delete"), ("GET", "/?acl"),
        ("GET", "/a?acl"), ("GET", "/a?tagging"), ("GET", "/?uploads"), ("PUT", "/?acl"), ("DELETE", "/"),
        ("POST", "/a?image_process"),
    ):  # fmt: skip
        assert status(public, target, method) == 403, (method, target)
    assert (
        server.request("GET", "/", host="missing-1250000000.cos.x.myqcloud.com", signed=False).status == 404
    )


def test_public_write(server: ServerProcess) -> None:
    host = "dropbox-1250000000.cos.ap-shanghai.myqcloud.com"
    server.request("PUT", "/", b"", {"x-cos-acl": "public-read-write"}, host=host)
    assert server.request("PUT", "/a", b"1", host=host, signed=False).status == 200
    assert server.request("DELETE", "/a", host=host, signed=False).status == 204
    assert (
        server.request("PUT", "/?acl", b"", {"x-cos-acl": "private"}, host=host, signed=False).status == 403
    )


def test_temporary_keys(server: ServerProcess, bucket: str) -> None:
    def status(secret_id: str, key: str, **headers: str) -> tuple[int, str]:
        auth = sign_request(Credential(secret_id, key), "GET", "/")
        given = {"Authorization": auth, **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = server.request("GET", "/", headers=given, host=bucket)
        return answer.status, answer.code

    assert status("AKIDTEMP", "tempkey", x_cos_security_token="tok")[0] == 200
    assert status("AKIDTEMP", "tempkey") == (403, "AccessDenied")
    assert status("AKIDOLD", "oldkey", x_cos_security_token="tok") == (400, "ExpiredToken")


def test_acl_by_document(server: ServerProcess, bucket: str) -> None:
    server.request("PUT", "/a", b"1", host=bucket)
    document = server.request("GET", "/a?acl", host=bucket)
    assert document.header("x-cos-acl") == "default"
    everybody = (
        b'<AccessControlPolicy><Owner><ID>1</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/'
        b'2001/XMLSchema-instance" xsi:type="Group"><URI>http://cam.qcloud.com/groups/global/AllUsers</URI></Grantee>'
        b"<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>"
    )
    assert server.request("PUT", "/a?acl", everybody, host=bucket).status == 200
    assert server.request("GET", "/a", host=bucket, signed=False).status == 200
    shown = server.request("GET", "/a?acl", host=bucket)
    assert b"AllUsers" in shown.body
    assert server.request("PUT", "/a?acl", shown.body, host=bucket).status == 200
    both = server.request("PUT", "/a?acl", everybody, {"x-cos-acl": "private"}, host=bucket)
    assert (both.status, both.code) == (400, "InvalidRequest")
    wrong = server.request("PUT", "/a?acl", b"<AccessControlPolicy/>", host=bucket)
    assert (wrong.status, wrong.code) == (400, "MalformedXML")
    for target, permission in (("/a", "WRITE"), ("/a", "FULL_CONTROL"), ("/", "WRITE"), ("/", "READ_ACP")):
        never = everybody.replace(b">READ<", f">{permission}<".encode())
        answer = server.request("PUT", f"{target}?acl", never, host=bucket)
        assert (answer.status, answer.code) == (400, "NotSupported")
    everything = everybody.replace(
        b"</AccessControlList>",
        everybody.partition(b"<AccessControlList>")[2]
        .partition(b"</AccessControlList>")[0]
        .replace(b"READ", b"WRITE")
        + b"</AccessControlList>",
    )
    assert server.request("PUT", "/?acl", everything, host=bucket).status == 200
    assert server.request("GET", "/?acl", host=bucket).header("x-cos-acl") == "public-read-write"


def test_listing_of_version_2(server: ServerProcess, bucket: str) -> None:
    for key in "abcde":
        server.request("PUT", f"/{key}", b"1", host=bucket)
    first = server.request("GET", "/?list-type=2&max-keys=2&start-after=a", host=bucket)
    assert texts(first, "Contents/Key") == ["b", "c"]
    assert (texts(first, "KeyCount"), texts(first, "IsTruncated")) == (["2"], ["true"])
    assert texts(first, "Contents/Owner") == []
    token = quote(texts(first, "NextContinuationToken")[0], safe="")
    second = server.request("GET", f"/?list-type=2&continuation-token={token}&fetch-owner=true", host=bucket)
    assert texts(second, "Contents/Key") == ["d", "e"]
    assert len(texts(second, "Contents/Owner")) == 2
    bad = server.request("GET", "/?list-type=2&continuation-token=%21", host=bucket)
    assert (bad.status, bad.code) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("max-keys=-1", "InvalidArgument"),
        ("max-keys=x", "InvalidArgument"),
        ("delimiter=ab", "InvalidDelimiter"),
        ("encoding-type=base64", "InvalidArgument"),
        ("versionId=abc", "InvalidArgument"),
        ("versions", "NotSupported"),
    ],
)
def test_bad_listings(server: ServerProcess, bucket: str, query: str, code: str) -> None:
    answer = server.request("GET", f"/?{query}", host=bucket)
    assert (answer.status, answer.code) == (400, code)


@pytest.mark.parametrize("query", ["marker=%00", "prefix=%01", "prefix=%EF%BF%BF", "delimiter=%0B"])
def test_listings_are_xml_whatever_they_repeat(server: ServerProcess, bucket: str, query: str) -> None:
    answer = server.request("GET", f"/?{query}", host=bucket)
    assert answer.status == 200
    assert "\ufffd" in texts(answer, query.partition("=")[0].title())


def test_multipart_errors(server: ServerProcess, bucket: str) -> None:
    started = server.request("POST", "/a?uploads=", b"", host=bucket)
    upload = texts(started, "UploadId")[0]
    assert server.request("PUT", f"/a?partNumber=1&uploadId={upload}", b"one", host=bucket).status == 200
    part = server.request("PUT", f"/a?uploadId={upload}&partNumber=2", b"two", host=bucket)
    etag = part.header("ETag")

    def complete(parts: str, target: str = f"/a?uploadId={upload}") -> tuple[int, str]:
        document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        answer = server.request("POST", target, document, host=bucket)
        return answer.status, answer.code

    def one(number: int, tag: str) -> str:
        return f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"

    first = one(1, hashlib.md5(b"one").hexdigest())
    assert complete(first + one(2, str(etag))) == (400, "EntityTooSmall")
    assert complete(one(2, str(etag)) + first) == (400, "InvalidPartOrder")
    assert complete(one(3, str(etag))) == (400, "InvalidPart")
    assert complete(one(2, "0" * 32)) == (400, "InvalidPart")
    assert complete("") == (400, "MalformedXML")
    assert complete("<Part><PartNumber>x</PartNumber><ETag/></Part>") == (400, "MalformedXML")
    assert complete(first, "/a?uploadId=none") == (404, "NoSuchUpload")
    for number in ("0", "10001", "x", ""):
        answer = server.request("PUT", f"/a?partNumber={number}&uploadId={upload}", b"1", host=bucket)
        assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert server.request("PUT", "/a?partNumber=1&uploadId=none", b"1", host=bucket).code == "NoSuchUpload"
    assert server.request("HEAD", "/a", host=bucket).status == 404
    assert complete(one(2, f"&quot;{str(etag).strip(chr(34))}&quot;")) == (200, "")
    assert server.request("GET", "/a", host=bucket).body == b"two"


def test_copy_rules(server: ServerProcess, bucket: str) -> None:
    etag = server.request("PUT", "/a", b"1", {"x-cos-meta-k": "v"}, host=bucket).header("ETag") or ""
    source = {"x-cos-copy-source": f"{bucket}/a"}

    def copy(**headers: str) -> Answer:
        given = source | {name.replace("_", "-"): value for name, value in headers.items()}
        return server.request("PUT", "/b", b"", given, host=bucket)

    assert copy().status == 200
    assert server.request("HEAD", "/b", host=bucket).header("x-cos-meta-k") == "v"
    assert copy(x_cos_copy_source_If_Match='"0"').code == "PreconditionFailed"
    assert copy(x_cos_copy_source_If_None_Match=etag).code == "PreconditionFailed"
    assert copy(x_cos_metadata_directive="nonsense").code == "InvalidArgument"
    assert copy(x_cos_copy_source="").status == 200  # an empty header is none: an upload of nothing
    itself = server.request("PUT", "/a", b"", source, host=bucket)
    assert (itself.status, itself.code) == (400, "InvalidRequest")
    replaced = source | {"x-cos-metadata-directive": "Replaced", "Content-Type": "text/x"}
    assert server.request("PUT", "/a", b"", replaced, host=bucket).status == 200
    assert server.request("HEAD", "/a", host=bucket).header("Content-Type") == "text/x"
    missing = server.request("PUT", "/b", b"", {"x-cos-copy-source": f"{bucket}/none"}, host=bucket)
    assert (missing.status, missing.code) == (404, "NoSuchKey")
    nowhere = server.request("PUT", "/b", b"", {"x-cos-copy-source": "/"}, host=bucket)
    assert (nowhere.status, nowhere.code) == (400, "InvalidCopySource")


@pytest.mark.parametrize("query", ["imageMogr2/strip", "v=1", "b"])
def test_a_copy_source_with_a_query_is_not_taken_for_another_object(
    server: ServerProcess, bucket: str, query: str
) -> None:
    """``a?b`` may be a key that its client forgot to encode."""
    server.request("PUT", "/a", b"1", host=bucket)
    server.request("PUT", "/a%3Fb", b"2", host=bucket)
    answer = server.request("PUT", "/c", b"", {"x-cos-copy-source": f"{bucket}/a?{query}"}, host=bucket)
    assert (answer.status, answer.code) == (400, "InvalidCopySource")
    assert server.request("HEAD", "/c", host=bucket).status == 404
    for source in ("a?versionId=null", "a?versionId="):
        headers = {"x-cos-copy-source": f"{bucket}/{source}"}
        assert server.request("PUT", "/c", b"", headers, host=bucket).status == 200
    assert server.request("GET", "/c", host=bucket).body == b"1"


def test_writes_with_conditions(server: ServerProcess, bucket: str) -> None:
    def put(body: bytes, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return server.request("PUT", "/a", body, given, host=bucket)

    assert put(b"0", if_match='"abc"').code == "NoSuchKey"
    first = put(b"1", if_none_match="*")
    assert first.status == 200
    again = put(b"2", if_none_match="*")
    assert (again.status, again.code) == (412, "PreconditionFailed")
    copied = put(b"", if_none_match="*", x_cos_copy_source=f"{bucket}/a", x_cos_metadata_directive="Replaced")
    assert (copied.status, copied.code) == (412, "PreconditionFailed")
    assert put(b"3", if_match='"abc"').status == 412
    assert server.request("GET", "/a", host=bucket).body == b"1"
    assert put(b"3", if_match=first.header("ETag") or "", if_modified_since="garbage").status == 200
    assert server.request("GET", "/a", host=bucket).body == b"3"


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("PUT", "/a", {"If-None-Match": '"abc"'}),
        ("PUT", "/a", {"If-Match": "*"}),
        ("PUT", "/a", {"If-Match": '"a", "b"'}),
        ("PUT", "/a", {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}),
        ("PUT", "/a", {"If-Match": '"abc"', "Pic-Operations": "{}"}),
        ("PUT", "/a?tagging", {"If-Match": '"abc"'}),
        ("DELETE", "/a", {"If-Match": '"abc"'}),
        ("DELETE", "/a", {"If-None-Match": "*"}),
        ("POST", "/a?image_process", {"If-None-Match": "*", "Pic-Operations": "{}"}),
        ("POST", "/?delete", {"If-Match": '"abc"'}),
    ],
)
def test_conditions_that_cannot_be_kept_are_refused(
    server: ServerProcess, bucket: str, method: str, target: str, headers: dict[str, str]
) -> None:
    server.request("PUT", "/a", b"1", host=bucket)
    answer = server.request(method, target, b"", headers, host=bucket)
    assert (answer.status, answer.code) == (400, "NotSupported")
    assert server.request("GET", "/a", host=bucket).body == b"1"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MissingRequestBodyError"),
        (b"<Delete>", "MalformedXML"),
        (b"<Delete/>", "MalformedXML"),
        (b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>", "MalformedXML"),
        (b"<Delete>" + b" " * 3_000_000 + b"</Delete>", "XMLSizeLimit"),
    ],
)
def test_bad_multiple_deletes(server: ServerProcess, bucket: str, body: bytes, code: str) -> None:
    answer = server.request("POST", "/?delete", body, host=bucket)
    assert (answer.status, answer.code) == (400, code)


def test_methods_and_subresources_that_do_not_exist(server: ServerProcess, bucket: str) -> None:
    """Line 14: 4xx, never 5xx."""
    for method, target, status in (
        ("POST", "/a", 405),
        ("PUT", "/?uploads", 405),
        ("DELETE", "/?location", 405),
        ("POST", "/a?restore", 400),
        ("GET", "/a?ci-process=ImageInspect", 400),
        ("PUT", "/?website", 400),
        ("DELETE", "/?lifecycle", 204),
        ("GET", "/?lifecycle", 404),
        ("GET", "/?versioning", 200),
    ):
        body = b"" if method in ("PUT", "POST") else None
        answer = server.request(method, target, body, host=bucket)
        assert answer.status == status, (method, target, answer.body)


def test_ci_switches(server: ServerProcess, bucket: str) -> None:
    """``docs/spec/api/overview.md#8``: the root of a CI host is not the bucket."""
    host = bucket.replace(".cos.", ".pic.")
    assert texts(server.request("GET", "/", host=host), ".") == ["on"]
    assert server.request("PUT", "/", b"", host=host).status == 200
    assert server.request("PUT", "/?unbind", b"", host=host).status == 200
    assert b"<OriginProtectStatus>off<" in server.request("GET", "/?origin-protect", host=host).body
    assert b"<GuetzliStatus>off<" in server.request("GET", "/?guetzli", host=host).body
    assert server.request("GET", "/?style", host=host).status == 200
    assert server.request("DELETE", "/", host=host).status == 400
    server.request("PUT", "/a", b"1", host=bucket)
    assert server.request("GET", "/a", host=host).body == b"1"


def test_cors_with_an_age_that_is_none(server: ServerProcess, bucket: str) -> None:
    rule = (
        b"<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><MaxAgeSeconds>1d</MaxAgeSeconds>"
    )
    document = b"<CORSConfiguration><CORSRule>" + rule + b"</CORSRule></CORSConfiguration>"
    assert server.request("PUT", "/?cors", document, host=bucket).code == "MalformedXML"


def test_cors_by_default(server: ServerProcess, public: str) -> None:
    server.request("PUT", "/a", b"1", host=public)
    answer = server.request("GET", "/a", headers={"Origin": "https://x"}, host=public, signed=False)
    assert answer.header("Access-Control-Allow-Origin") == "*"
    assert "ETag" in (answer.header("Access-Control-Expose-Headers") or "")
    asking = {"Origin": "https://x", "Access-Control-Request-Method": "PUT",
              "Access-Control-Request-Headers": "content-type, x-cos-meta-a"}  # fmt: skip
    answer = server.request("OPTIONS", "/a", headers=asking, host=public, signed=False)
    assert answer.status == 200
    assert answer.header("Access-Control-Allow-Headers") == "content-type, x-cos-meta-a"
    error = server.request("GET", "/none", headers={"Origin": "https://x"}, host=public, signed=False)
    assert (error.status, error.header("Access-Control-Allow-Origin")) == (404, "*")


def test_traffic_limit_slows_down(server: ServerProcess, bucket: str) -> None:
    import time

    server.request("PUT", "/a", b"x" * 200_000, host=bucket)
    started = time.monotonic()
    answer = server.request("GET", "/a?x-cos-traffic-limit=819200", host=bucket)
    assert len(answer.body) == 200_000
    assert time.monotonic() - started < 10  # the last byte is not held back
    started = time.monotonic()
    server.request("PUT", "/b", b"x" * 200_000, {"x-cos-traffic-limit": "819200"}, host=bucket)
    assert time.monotonic() - started > 1.5


def test_restore(server: ServerProcess, bucket: str) -> None:
    """Classes are labels: what is archived can be read, so that it is restored already."""
    days = b"<RestoreRequest><Days>3</Days><CASJobParameters><Tier>Bulk</Tier></CASJobParameters></RestoreRequest>"
    for name, status in (
        ("STANDARD", 403),
        ("STANDARD_IA", 403),
        ("ARCHIVE", 200),
        ("MAZ_DEEP_ARCHIVE", 200),
    ):
        server.request("PUT", "/a", b"1", {"x-cos-storage-class": name}, host=bucket)
        answer = server.request("POST", "/a?restore", days, host=bucket)
        assert answer.status == status, name
        assert answer.code == ("" if status == 200 else "InvalidObjectState")
        assert server.request("GET", "/a", host=bucket).body == b"1"
    for document, code in (
        (b"", "MissingRequestBodyError"),
        (b"<RestoreRequest/>", "InvalidArgument"),
        (days.replace(b"3", b"0"), "InvalidArgument"),
        (days.replace(b"3", b"366"), "InvalidArgument"),
        (days.replace(b"Bulk", b"Fast"), "MalformedXML"),
        (days.replace(b"<Days>", b"<OutputLocation/><Days>"), "NotSupported"),
    ):
        answer = server.request("POST", "/a?restore", document, host=bucket)
        assert (answer.status, answer.code) == (400, code), document
    assert server.request("POST", "/none?restore", days, host=bucket).code == "NoSuchKey"
    assert server.request("POST", "/a?restore", days, host=bucket, signed=False).status == 403
