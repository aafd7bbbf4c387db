"""What browsers may read of an answer, and what lists can be asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from openmogr.testing import Answer, ServerProcess

SERVICE = "service.cos.myqcloud.com"


def names(answer: Answer) -> list[str]:
    return [part.partition(b"</Name>")[0].decode() for part in answer.body.split(b"<Name>")[1:]]


@pytest.fixture(scope="module")
def buckets(server: ServerProcess) -> Iterator[dict[str, str]]:
    tags = {"list-a-1250000000": "team=x&env=prod", "list-b-1250000000": "team=y", "list-c-1250000000": ""}
    for name, text in tags.items():
        headers = {"x-cos-tagging": text} if text else {}
        assert server.request("PUT", f"/{name}", b"", headers).status == 200
    yield tags
    for name in tags:
        server.request("DELETE", f"/{name}")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tagkey=team", "ab"),
        ("tagkey=team&tagvalue=x", "a"),
        ("tagkey=team&tagvalue=", ""),
        ("tagkey=none", ""),
        ("tagkey=env&tagvalue=prod&max-keys=1", "a"),
        ("tagkey=team&marker=list-a-1250000000", "b"),
    ],
)
def test_buckets_by_tag(server: ServerProcess, buckets: dict[str, str], query: str, found: str) -> None:
    answer = server.request("GET", f"/?{query}", host=SERVICE)
    assert names(answer) == [f"list-{letter}-1250000000" for letter in found]


def test_buckets_by_time(server: ServerProcess, buckets: dict[str, str]) -> None:
    now = int(time.time())
    everything = set(names(server.request("GET", "/", host=SERVICE)))
    assert set(buckets) <= everything
    for query, found in (
        (f"create-time={now + 60}&range=lt", everything),
        (f"create-time={now + 60}&range=gt", set()),
        (f"create-time={now - 86400}&range=gte", everything),
        (f"create-time={now - 86400}&range=lte", set()),
    ):
        assert set(names(server.request("GET", f"/?{query}", host=SERVICE))) == found, query


@pytest.mark.parametrize(
    "query",
    ["create-time=1", "range=lt", "create-time=x&range=lt", "create-time=1&range=eq", "tagvalue=x",
     "create-time=-1&range=lt"],
)  # fmt: skip
def test_filters_that_make_no_sense(server: ServerProcess, query: str) -> None:
    answer = server.request("GET", f"/?{query}", host=SERVICE)
    assert (answer.status, answer.code) == (400, "InvalidArgument")


def test_intelligent_tiering(server: ServerProcess, bucket: str) -> None:
    """The newer name lists, or asks for one by its id; the older one knows only one configuration."""
    listed = server.request("GET", "/?intelligent-tiering", host=bucket)
    assert listed.status == 200
    assert b"<ListBucketIntelligentTieringConfigurationsOutput><IsTruncated>false<" in listed.body
    one = server.request("GET", "/?intelligent-tiering&id=a", host=bucket)
    assert (one.status, one.code) == (404, "NoSuchConfiguration")
    assert (
        b"<IntelligentTieringConfiguration" in server.request("GET", "/?intelligenttiering", host=bucket).body
    )


def exposed(answer: Answer) -> list[str]:
    return (answer.header("Access-Control-Expose-Headers") or "").split(", ")


def test_browsers_may_read_metadata_and_notes(server: ServerProcess, public: str, photo: bytes) -> None:
    server.request("PUT", "/a.png", photo, {"x-cos-meta-author": "b", "x-cos-meta-x-y": "c"}, host=public)
    origin = {"Origin": "https://example.com"}
    for method, target in (("GET", "/a.png"), ("HEAD", "/a.png"), ("GET", "/a.png?imageMogr2/format/webp")):
        found = exposed(server.request(method, target, headers=origin, host=public, signed=False))
        assert {"ETag", "x-cos-request-id", "x-cos-meta-author", "x-cos-meta-x-y"} <= set(found)
        assert not any("*" in name for name in found)
    small = server.request("GET", "/a.png?imageMogr2/format/jpg/quality/40", host=public).body
    server.request("PUT", "/small.jpg", small, host=public)
    kept = server.request(
        "GET", "/small.jpg?imageMogr2/format/jpg", headers=origin, host=public, signed=False
    )
    assert kept.header("x-openmogr-kept-source")
    assert "x-openmogr-kept-source" in exposed(kept)


def test_rules_of_a_bucket_may_expose_by_pattern(server: ServerProcess, public: str) -> None:
    rule = (
        b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
        b"<ExposeHeader>x-cos-meta-*</ExposeHeader><ExposeHeader>ETag</ExposeHeader></CORSRule></CORSConfiguration>"
    )
    assert server.request("PUT", "/?cors", rule, host=public).status == 200
    server.request("PUT", "/a", b"1", {"x-cos-meta-author": "b"}, host=public)
    answer = server.request("GET", "/a", headers={"Origin": "https://x"}, host=public, signed=False)
    assert exposed(answer) == ["x-cos-meta-author", "ETag"]
