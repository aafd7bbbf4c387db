"""Stored bytes, results, and sources that are results answer conditions, ranges and overrides in the same way."""

from __future__ import annotations

import pytest

from openmogr.testing import Answer, ServerProcess

KINDS = {"stored": "", "result": "?imageMogr2/thumbnail/61x/format/png", "kept": "?imageMogr2"}


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest, server: ServerProcess, module_public: str, photo: bytes) -> str:
    headers = {"Content-Type": "image/png", "Cache-Control": "max-age=7", "x-cos-meta-a": "b"}
    assert server.request("PUT", "/a.png", photo, headers, host=module_public).status == 200
    return "/a.png" + KINDS[request.param]


@pytest.fixture
def whole(server: ServerProcess, module_public: str, target: str) -> Answer:
    return server.request("GET", target, host=module_public)


def lower(answer: Answer) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers}


def test_head_has_the_headers_of_get(
    server: ServerProcess, module_public: str, target: str, whole: Answer
) -> None:
    head = server.request("HEAD", target, host=module_public)
    unlike = {"age", "date", "x-cos-request-id", "x-openmogr-cache", "x-openmogr-age"}
    shown = [{k: v for k, v in lower(answer).items() if k not in unlike} for answer in (head, whole)]
    assert shown[0] == shown[1]
    assert (head.status, head.body) == (200, b"")
    for name, value in (("cache-control", "max-age=7"), ("x-cos-meta-a", "b"), ("content-type", "image/png")):
        assert shown[0][name] == value
    assert shown[0]["content-length"] == str(len(whole.body))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions(
    server: ServerProcess, module_public: str, target: str, whole: Answer, method: str
) -> None:
    tag, date = lower(whole)["etag"], lower(whole)["last-modified"]
    old = "Mon, 01 Jan 2018 00:00:00 GMT"
    for name, value, status in (
        ("If-None-Match", tag, 304),
        ("If-None-Match", '"other"', 200),
        ("If-Match", tag, 200),
        ("If-Match", '"other"', 412),
        ("If-Modified-Since", date, 304),
        ("If-Modified-Since", old, 200),
        ("If-Unmodified-Since", date, 200),
        ("If-Unmodified-Since", old, 412),
    ):
        answer = server.request(method, target, None, {name: value}, host=module_public)
        assert answer.status == status, (name, value)
        if status == 304:
            assert (answer.body, lower(answer)["etag"]) == (b"", tag)
            assert not {"content-type", "content-encoding", "content-length"} & lower(answer).keys()


def test_ranges(server: ServerProcess, module_public: str, target: str, whole: Answer) -> None:
    size, tag = len(whole.body), lower(whole)["etag"]
    for text, expected in (
        ("bytes=5-9", (5, 9)),
        ("bytes=-4", (size - 4, size - 1)),
        ("bytes=7-", (7, size - 1)),
    ):
        for method in ("GET", "HEAD"):
            part = server.request(method, target, None, {"Range": text}, host=module_public)
            first, last = expected
            assert (part.status, lower(part)["content-range"]) == (206, f"bytes {first}-{last}/{size}")
            assert lower(part)["content-length"] == str(last - first + 1)
            assert part.body == (whole.body[first : last + 1] if method == "GET" else b"")
    beyond = server.request("GET", target, None, {"Range": f"bytes={size}-"}, host=module_public)
    assert beyond.status == 416
    for condition, status in ((tag, 206), ('"other"', 200)):
        headers = {"Range": "bytes=0-0", "If-Range": condition}
        assert server.request("GET", target, None, headers, host=module_public).status == status


def test_overrides(server: ServerProcess, module_public: str, target: str) -> None:
    query = (
        "&" if "?" in target else "?"
    ) + "response-content-type=text%2Fplain&response-cache-control=no-store"
    answer = server.request("GET", target + query, host=module_public)
    assert (answer.status, lower(answer)["content-type"]) == (200, "text/plain")
    assert lower(answer)["cache-control"] == "no-store"
    assert server.request("GET", target + query, host=module_public, signed=False).status == 403
