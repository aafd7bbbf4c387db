"""What browsers are told about stored documents: no guessing of types, and no scripts where buckets share an origin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openmogr.testing import Answer, ServerProcess

BUCKET = "b-1250000000"
VIRTUAL = f"{BUCKET}.cos.ap-shanghai.myqcloud.com"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def put(server: ServerProcess, key: str, content_type: str, **headers: str) -> None:
    sent = {
        "Content-Type": content_type,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    assert server.request("PUT", f"/{BUCKET}/{key}", SVG, sent).status == 200


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("documents") / "data") as started:
        started.request("PUT", f"/{BUCKET}", b"")
        yield started


def policy(answer: Answer) -> str:
    assert answer.status in (200, 206)
    return next((value for name, value in answer.headers if name.lower() == "content-security-policy"), "")


def sniffs(answer: Answer) -> bool:
    return ("x-content-type-options", "nosniff") not in [
        (name.lower(), value) for name, value in answer.headers
    ]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/html",
        "Text/HTML; charset=utf-8",
        "image/svg+xml",
        "application/xhtml+xml",
        "application/xml",
        "text/xml",
        "application/atom+xml",
        "text/plain, text/html",
    ],
)
def test_documents_are_sandboxed_where_buckets_share_an_origin(
    server: ServerProcess, content_type: str
) -> None:
    put(server, "doc", content_type)
    for method, headers in (("GET", {}), ("HEAD", {}), ("GET", {"Range": "bytes=0-9"})):
        answer = server.request(method, f"/{BUCKET}/doc", headers=headers)
        assert policy(answer).startswith("sandbox; default-src 'none';")
        assert not sniffs(answer)
    # At a host of its own a bucket may hold a website.
    answer = server.request("GET", "/doc", host=VIRTUAL)
    assert policy(answer) == ""
    assert not sniffs(answer)


@pytest.mark.parametrize("content_type", ["image/png", "text/plain", "application/json", "application/pdf"])
def test_other_types_are_left_alone(server: ServerProcess, content_type: str) -> None:
    put(server, "other", content_type)
    answer = server.request("GET", f"/{BUCKET}/other")
    assert policy(answer) == ""
    assert not sniffs(answer)


def test_what_is_saved_and_not_shown_is_left_alone(server: ServerProcess) -> None:
    put(server, "saved", "text/html", Content_Disposition="attachment; filename=a.html")
    assert policy(server.request("GET", f"/{BUCKET}/saved")) == ""


def test_a_type_by_parameter_counts(server: ServerProcess) -> None:
    put(server, "plain", "text/plain")
    target = f"/{BUCKET}/plain?response-content-type=text%2Fhtml"
    assert policy(server.request("GET", target)).startswith("sandbox;")
    put(server, "saved", "text/html", Content_Disposition="attachment")
    target = f"/{BUCKET}/saved?response-content-disposition=inline"
    assert policy(server.request("GET", target)).startswith("sandbox;")


def test_errors_and_lists_are_not_guessed_either(server: ServerProcess) -> None:
    for target in (f"/{BUCKET}/missing", f"/{BUCKET}", "/", "/-/health"):
        assert not sniffs(server.request("GET", target))


@pytest.mark.parametrize(("setting", "expected"), [("off", (False, False)), ("all", (True, True))])
def test_the_setting(tmp_path: Path, setting: str, expected: tuple[bool, bool]) -> None:
    with ServerProcess(tmp_path / "data", {"server": {"sandbox_documents": setting}}) as server:
        server.request("PUT", f"/{BUCKET}", b"")
        put(server, "doc", "text/html")
        here = bool(policy(server.request("GET", f"/{BUCKET}/doc")))
        there = bool(policy(server.request("GET", "/doc", host=VIRTUAL)))
        assert (here, there) == expected
