"""Query parameters without a meaning are refused, and nothing is touched."""

from __future__ import annotations

import pytest

from openmogr.testing import ServerProcess

# Subresources of COS and S3 that this server does not know of an object, and parameters that mean nothing.
UNKNOWN = [
    "retention", "legal-hold", "symlink", "rename", "cors", "policy", "style", "encryption", "torrent", "lifecycle",
    "versioning", "versions", "replication", "website", "logging", "inventory", "accelerate", "domain",
    "domaincertificate", "origin", "referer", "intelligent-tiering", "intelligenttiering", "object-lock", "delete",
    "location", "unbind", "origin-protect", "hotlink", "guetzli", "image-slim", "hdr-image-processing", "partNumber=1",
    "select-type=2",
]  # fmt: skip
ONLY_WRITES = [
    "imageMogr2/format/png",
    "ci-process=originImage",
    "position=0",
    "v=3",
    "imageMogr/strip",
    "x=1&y",
]


def untouched(server: ServerProcess, host: str) -> bool:
    return server.request("GET", "/k.png", host=host).body == b"original"


@pytest.fixture
def stored(server: ServerProcess, module_bucket: str) -> str:
    for key in ("/k.png", "/copy.png", "/dir/a"):
        server.request("DELETE", key, host=module_bucket)
    assert server.request("PUT", "/k.png", b"original", host=module_bucket).status == 200
    return module_bucket


@pytest.mark.parametrize("query", [*UNKNOWN, *ONLY_WRITES, "Retention=", "RETENTION&versionId=null"])
def test_writes_with_unknown_parameters_touch_nothing(server: ServerProcess, stored: str, query: str) -> None:
    for method, body in (("PUT", b"<Retention/>"), ("POST", b"<Retention/>"), ("DELETE", None)):
        for signed in (True, False):
            answer = server.request(method, f"/k.png?{query}", body, host=stored, signed=signed)
            assert (answer.status, answer.code) == (400, "NotSupported"), (method, answer.body)
            assert query.partition("=")[0].partition("&")[0].lower().encode() in answer.body.lower()
    copied = server.request(
        "PUT", f"/k.png?{query}", b"", {"x-cos-copy-source": f"{stored}/k.png"}, host=stored
    )
    assert (copied.status, copied.code) == (400, "NotSupported")
    assert untouched(server, stored)


@pytest.mark.parametrize("query", UNKNOWN)
def test_reads_of_unknown_subresources_do_not_give_the_object(
    server: ServerProcess, stored: str, query: str
) -> None:
    answer = server.request("GET", f"/k.png?{query}", host=stored)
    assert (answer.status, answer.code) == (400, "NotSupported")
    assert b"original" not in answer.body
    assert server.request("HEAD", f"/k.png?{query}", host=stored).status == 400


def test_the_body_of_a_refused_upload_is_not_taken_in(server: ServerProcess, stored: str) -> None:
    headers = {"Expect": "100-continue", "Content-Length": "1000000"}
    answer = server.request("PUT", "/k.png?retention", None, headers, host=stored)
    assert (answer.status, answer.code) == (400, "NotSupported")
    assert untouched(server, stored)


@pytest.mark.parametrize(
    "query", ["v=3", "t=123", "_=1", "1440X1080", "from=singlemessage", "x-cos-any", "", "&"]
)
def test_cache_busters_go_on_working(server: ServerProcess, module_public: str, query: str) -> None:
    server.request("PUT", "/k.png", b"original", host=module_public)
    for signed in (False, True):
        answer = server.request("GET", f"/k.png?{query}", host=module_public, signed=signed)
        assert (answer.status, answer.body) == (200, b"original")
    assert server.request("GET", f"/?prefix=k&{query}", host=module_public, signed=False).status == 200


@pytest.mark.parametrize(
    "query",
    ["versionId=null", "versionId=", "versionid=null", "x-cos-security-token=t", "response-expires=0", ""],
)
def test_parameters_that_go_with_every_request(server: ServerProcess, stored: str, query: str) -> None:
    assert server.request("PUT", f"/a?{query}", b"1", host=stored).status == 200
    assert server.request("PUT", f"/a?acl&{query}", b"", {"x-cos-acl": "private"}, host=stored).status == 200
    assert server.request("GET", f"/a?{query}", host=stored).body == b"1"
    assert server.request("DELETE", f"/a?{query}", host=stored).status == 204


@pytest.mark.parametrize(
    "query", ["acl&tagging", "tagging&retention", "uploads&acl", "acl&v=1", "acl&partNumber=1"]
)
def test_a_second_subresource_is_refused(server: ServerProcess, stored: str, query: str) -> None:
    answer = server.request("PUT", f"/k.png?{query}", b"", {"x-cos-acl": "public-read"}, host=stored)
    assert answer.status in (400, 405)
    assert server.request("GET", "/k.png", host=stored, signed=False).status == 403
    assert untouched(server, stored)


@pytest.mark.parametrize("query", ["ACL", "Acl="])
def test_subresources_in_another_case_are_the_subresource(
    server: ServerProcess, stored: str, query: str
) -> None:
    answer = server.request("PUT", f"/k.png?{query}", b"", {"x-cos-acl": "public-read"}, host=stored)
    assert answer.status == 200
    assert server.request("GET", "/k.png", host=stored, signed=False).body == b"original"


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("GET", "ci-process=ImageInspect"),
        ("GET", "ci-process=originImage"),
        ("GET", "imageMogr2/format/png"),
        ("GET", "retention"),
        ("GET", "acl&ci-process=x"),
        ("PUT", "retention"),
        ("PUT", "v=1"),
        ("DELETE", "symlink"),
        ("DELETE", "v=1"),
        ("POST", "v=1"),
    ],
)
def test_buckets_too(server: ServerProcess, module_public: str, method: str, query: str) -> None:
    server.request("PUT", "/k.png", b"original", host=module_public)
    for host in (module_public, module_public.replace(".cos.", ".ci.")):
        answer = server.request(method, f"/?{query}", b"" if method in ("PUT", "POST") else None, host=host)
        assert (answer.status, answer.code) == (400, "NotSupported")
        assert b"<Contents>" not in answer.body
    assert untouched(server, module_public)


def test_the_service_too(server: ServerProcess) -> None:
    for query in ("acl", "ci-process=x", "imageMogr2/strip"):
        answer = server.request("GET", f"/?{query}")
        assert (answer.status, answer.code) == (400, "NotSupported")
    assert server.request("GET", "/?v=1").status == 200


@pytest.mark.parametrize("version", ["abc", "NULL", "MTg0NDUwODk"])
def test_versions_are_not_taken_for_the_object(server: ServerProcess, stored: str, version: str) -> None:
    document = (
        f"<Delete><Object><Key>x</Key></Object><Object><Key>k.png</Key><VersionId>{version}</VersionId>"
    )
    answer = server.request("POST", "/?delete", f"{document}</Object></Delete>".encode(), host=stored)
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    for method, target in (
        ("DELETE", "/k.png?versionId="),
        ("GET", "/k.png?VersionId="),
        ("PUT", "/k.png?versionId="),
    ):
        body = b"new" if method == "PUT" else None
        answer = server.request(method, target + version, body, host=stored)
        assert (answer.status, answer.code) == (400, "InvalidArgument")
    source = {"x-cos-copy-source": f"{stored}/k.png?versionId={version}"}
    answer = server.request("PUT", "/copy.png", b"", source, host=stored)
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert untouched(server, stored)
    assert server.request("HEAD", "/copy.png", host=stored).status == 404


def test_versions_that_are_null(server: ServerProcess, stored: str) -> None:
    source = {"x-cos-copy-source": f"{stored}/k.png?versionId=null"}
    assert server.request("PUT", "/copy.png", b"", source, host=stored).status == 200
    first = "<Object><Key>k.png</Key><VersionId>null</VersionId></Object>"
    second = "<Object><Key>copy.png</Key><VersionId/></Object>"
    answer = server.request("POST", "/?delete", f"<Delete>{first}{second}</Delete>".encode(), host=stored)
    assert answer.body.count(b"<Deleted>") == 2
    assert server.request("HEAD", "/k.png", host=stored).status == 404


def test_services_of_ci_hosts_are_not_objects(server: ServerProcess, stored: str) -> None:
    host = stored.replace(".cos.", ".ci.")
    for method, target, status, code in (
        ("PUT", "/queue/p123", 404, "NoSuchQueue"),
        ("POST", "/jobs", 400, "MalformedXML"),
        ("DELETE", "/template/t1", 404, "NoSuchTemplate"),
        ("PUT", "/jobs", 405, "MethodNotAllowed"),
        ("POST", "/doc_jobs", 400, "NotSupported"),
        ("PUT", "/workflow/w1", 400, "NotSupported"),
    ):
        body = None if method == "DELETE" else b"<Request/>"
        answer = server.request(method, target, body, host=host)
        assert (answer.status, answer.code) == (status, code), target
    for target in ("/queue/p123", "/jobs"):
        assert server.request("HEAD", target, host=stored).status == 404
    assert server.request("PUT", "/dir/a", b"1", host=host).status == 200
    assert server.request("GET", "/dir/a", host=stored).body == b"1"
