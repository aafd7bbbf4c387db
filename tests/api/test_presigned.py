"""A presigned URL opens what was signed, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote

import pytest

from openmogr.auth import sign_request
from openmogr.testing import Answer, ServerProcess

from .test_form import BOUNDARY, encode

OP = "imageMogr2/thumbnail/30x/format/webp"


def presign(
    server: ServerProcess, method: str, target: str, host: str, headers: Mapping[str, str] | None = None
) -> str:
    """The target with its signature, as the Python SDK makes it."""
    text = sign_request(server.credential, method, target, {"host": host, **(headers or {})})
    pairs = (pair.partition("=") for pair in text.split("&"))
    query = "&".join(f"{name}={quote(value, safe='')}" for name, _, value in pairs)
    return f"{target}{'&' if '?' in target else '?'}{query}"


def ask(
    server: ServerProcess,
    method: str,
    target: str,
    host: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    if body is None and method in ("PUT", "POST"):
        body = b""
    return server.request(method, target, body, headers, host=host, signed=False)


@pytest.fixture
def stored(server: ServerProcess, module_bucket: str, photo: bytes) -> str:
    for key in ("/secret.png", "/k.png"):
        assert server.request("PUT", key, photo, host=module_bucket).status == 200
    for key in ("/new.png", "/new.txt", "/n.png"):
        server.request("DELETE", key, host=module_bucket)
    return module_bucket


def refused(answer: Answer, name: str) -> bool:
    return (answer.status, answer.code) == (
        403,
        "AccessDenied",
    ) and f"does not cover {name}" in answer.body.decode()


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("PUT", "acl"),
        ("PUT", "tagging"),
        ("PUT", "uploadId=x&partNumber=1"),
        ("GET", "acl"),
        ("GET", "tagging"),
        ("GET", "uploadId=x"),
        ("GET", "ci-process=originImage"),
        ("POST", "uploads"),
        ("POST", "image_process"),
        ("DELETE", "tagging"),
        ("DELETE", "uploadId=x"),
    ],
)
@pytest.mark.parametrize("order", ["{0}&{1}", "{1}&{0}"])
def test_subresources_must_be_signed(
    server: ServerProcess, stored: str, method: str, query: str, order: str
) -> None:
    path, _, signature = presign(server, method, "/k.png", stored).partition("?")
    answer = ask(server, method, f"{path}?{order.format(signature, query)}", stored)
    assert refused(answer, query.partition("=")[0])


def test_signed_subresources_work(server: ServerProcess, stored: str) -> None:
    url = presign(server, "PUT", "/k.png?acl", stored, {"x-cos-acl": "public-read"})
    assert ask(server, "PUT", url, stored, {"x-cos-acl": "public-read"}).status == 200
    assert ask(server, "GET", "/k.png", stored).status == 200
    assert ask(server, "GET", presign(server, "GET", "/k.png?ACL", stored), stored).status == 200
    started = ask(server, "POST", presign(server, "POST", "/big?uploads", stored), stored)
    upload = started.body.decode().partition("<UploadId>")[2].partition("<")[0]
    part = presign(server, "PUT", f"/big?partNumber=1&uploadId={upload}", stored)
    assert ask(server, "PUT", part, stored, body=b"1").status == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-cos-copy-source", "{0}/secret.png"),
        ("x-cos-acl", "public-read"),
        ("x-cos-grant-read", 'id="1"'),
        ("x-cos-grant-full-control", 'id="1"'),
        ("Pic-Operations", '{"rules":[{"fileid":"/secret.png","rule":"imageMogr2/strip"}]}'),
    ],
)
def test_headers_that_copy_expose_or_process_must_be_signed(
    server: ServerProcess, stored: str, photo: bytes, name: str, value: str
) -> None:
    value = value.format(stored) if "copy" in name else value
    url = presign(server, "PUT", "/new.png", stored)
    answer = ask(server, "PUT", url, stored, {name: value}, photo)
    assert refused(answer, name.lower())
    assert server.request("HEAD", "/new.png", host=stored).status == 404
    url = presign(server, "PUT", "/new.png", stored, {name: value})
    assert ask(server, "PUT", url, stored, {name: value}, photo).status == 200
    other = value.replace("public-read", "private").replace("secret", "k").replace('"1"', '"2"')
    assert ask(server, "PUT", url, stored, {name: other}, photo).code == "SignatureDoesNotMatch"


def test_other_headers_need_no_signature(server: ServerProcess, stored: str) -> None:
    url = presign(server, "PUT", "/new.txt", stored)
    headers = {"Content-Type": "text/plain", "x-cos-meta-a": "b", "x-cos-storage-class": "STANDARD_IA"}
    assert ask(server, "PUT", url, stored, headers, b"text").status == 200
    assert ask(server, "PUT", url, stored, {"x-cos-acl": ""}, b"text").status == 200


def test_operations_may_be_appended_to_downloads(server: ServerProcess, stored: str) -> None:
    """Real clients do (Node's ``QueryString``), and they show the same object."""
    url = presign(server, "GET", "/k.png", stored)
    for item in (OP, quote(OP, safe=""), quote(OP, safe="") + "="):
        assert ask(server, "GET", f"{url}&{item}", stored).header("Content-Type") == "image/webp"
    assert (
        ask(server, "GET", f"{url}&v=1&response-content-type=text%2Fx", stored).header("Content-Type")
        == "text/x"
    )


def test_a_signed_operation_cannot_be_overridden(server: ServerProcess, stored: str) -> None:
    url = presign(server, "GET", f"/k.png?{OP}", stored)
    assert ask(server, "GET", url, stored).header("Content-Type") == "image/webp"
    signature = url.partition("?")[2]
    for more in ("imageMogr2/strip", OP, "imageInfo"):
        for query in (f"{more}&{signature}", f"{signature}&{more}"):
            answer = ask(server, "GET", f"/k.png?{query}", stored)
            assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert refused(ask(server, "GET", f"{url}&ci-process=originImage", stored), "ci-process")


@pytest.mark.parametrize("name", ["prefix", "PREFIX", "%70refix", "Prefix"])
def test_a_signed_parameter_cannot_be_overridden(server: ServerProcess, stored: str, name: str) -> None:
    url = presign(server, "GET", "/?prefix=k", stored)
    assert b"secret" not in ask(server, "GET", url, stored).body
    for signed in (url.partition("?")[2], url.partition("?")[2].replace("prefix=k", "PREFIX=k")):
        for query in (f"{name}=s&{signed}", f"{signed}&{name}=s", f"{name}&{signed}", f"{name}=k&{signed}"):
            answer = ask(server, "GET", f"/?{query}", stored)
            assert (answer.status, answer.code) == (400, "InvalidArgument")
            assert b"more than once" in answer.body


def test_a_signed_parameter_counts_in_any_case(server: ServerProcess, stored: str) -> None:
    url = presign(server, "GET", "/?prefix=k", stored).replace("prefix=k", "PREFIX=k")
    listing = ask(server, "GET", url, stored).body
    assert b"<Key>k.png</Key>" in listing
    assert b"secret" not in listing


def test_a_signed_parameter_given_twice_in_a_header_signature(server: ServerProcess, stored: str) -> None:
    auth = sign_request(server.credential, "GET", "/?prefix=k", {"host": stored})
    for query in ("prefix=s&prefix=k", "prefix=k&prefix=s"):
        answer = server.request("GET", f"/?{query}", headers={"Authorization": auth}, host=stored)
        assert (answer.status, answer.code) == (400, "InvalidArgument")


# Strict: the same for signatures in headers


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("strict") / "data", {"auth": {"strict": True}}) as process:
        yield process


HOST = "strict-1250000000.cos.ap-shanghai.myqcloud.com"


@pytest.fixture(scope="module")
def strict_bucket(strict: ServerProcess) -> str:
    assert strict.request("PUT", "/", b"", host=HOST).status == 200
    return HOST


def signed_otherwise(server: ServerProcess, method: str, signed: str, sent: str, **headers: str) -> Answer:
    """A request whose header signature is that of another target, without the further headers."""
    auth = sign_request(server.credential, method, signed, {"host": HOST})
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    body = b"1" if method in ("PUT", "POST") else None
    return server.request(method, sent, body, {"Authorization": auth, **given}, host=HOST)


def test_strict_mode_wants_signed_names_in_header_signatures(
    strict: ServerProcess, strict_bucket: str, photo: bytes
) -> None:
    strict.request("PUT", "/k.png", photo, host=strict_bucket)
    assert strict.request("GET", "/k.png?acl", host=strict_bucket).status == 200
    assert refused(signed_otherwise(strict, "GET", "/k.png", "/k.png?acl"), "acl")
    assert refused(signed_otherwise(strict, "PUT", "/k", "/k", x_cos_acl="public-read"), "x-cos-acl")
    assert refused(signed_otherwise(strict, "GET", "/k.png", f"/k.png?{OP}"), OP)
    assert refused(signed_otherwise(strict, "GET", "/k.png", f"/k.png?{quote(OP, safe='')}="), OP)
    for item in (OP, quote(OP, safe=""), quote(OP, safe="") + "="):
        assert strict.request("GET", f"/k.png?{item}", host=strict_bucket).status == 200
    assert strict.request("GET", f"/k.png?{OP}&imageInfo", host=strict_bucket).status == 400


@pytest.mark.parametrize("signed", [{}, {"x-cos-acl": "public-read"}], ids=["acl not signed", "acl signed"])
def test_strict_mode_for_forms_with_a_signature_as_field(
    strict: ServerProcess, strict_bucket: str, signed: dict[str, str]
) -> None:
    signature = sign_request(strict.credential, "POST", "/", {"host": strict_bucket, **signed})
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", **signed}
    for more, status in (({}, 204), ({"acl": "public-read"}, 204 if signed else 403)):
        fields = {"key": "form.txt", "Signature": signature, **more}
        answer = ask(strict, "POST", "/", strict_bucket, headers, encode(fields, ("f", b"1")))
        assert answer.status == status, answer.body


def test_header_signatures_leave_it_open_otherwise(server: ServerProcess, bucket: str, photo: bytes) -> None:
    """Clients leave operations and parameters unsigned."""
    server.request("PUT", "/k.png", photo, host=bucket)
    auth = sign_request(server.credential, "GET", "/k.png", {"host": bucket})
    for query in ("acl", OP):
        answer = server.request("GET", f"/k.png?{query}", headers={"Authorization": auth}, host=bucket)
        assert answer.status == 200


def test_rules_reach_only_as_far_as_they_are_signed(server: ServerProcess, stored: str, photo: bytes) -> None:
    """A rule's ``bucket`` writes elsewhere."""
    other = "victim-1250000000"
    server.request("PUT", f"/{other}", b"")
    rules = {"rules": [{"bucket": other, "fileid": "/x.png", "rule": "imageMogr2/strip"}]}
    headers = {"Pic-Operations": json.dumps(rules)}
    assert refused(
        ask(server, "PUT", presign(server, "PUT", "/n.png", stored), stored, headers, photo), "pic-operations"
    )
    assert server.request("HEAD", f"/{other}/x.png").status == 404
    signed = presign(server, "PUT", "/n.png", stored, headers)
    assert ask(server, "PUT", signed, stored, headers, photo).status == 200
    assert server.request("HEAD", f"/{other}/x.png").status == 200
