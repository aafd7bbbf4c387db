"""The console's page and files as they are served, and who is led to it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from openmogr.console import PAGE, files, has_decoder
from openmogr.testing import Answer, ServerProcess

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}


def page(server: ServerProcess, target: str = "/-/console", **headers: str) -> Answer:
    return server.request("GET", target, None, headers, signed=False)


def test_browsers_are_led_to_it(server: ServerProcess) -> None:
    led = page(server, "/", **BROWSER)
    assert (led.status, led.header("Location"), led.header("Vary")) == (302, "/-/console", "Accept")
    for target in (led.header("Location") or "", "/-/console/"):
        assert page(server, target).header("Content-Type") == "text/html; charset=utf-8"


@pytest.mark.parametrize("accept", ["*/*", "application/xml", ""])
def test_clients_see_what_they_saw(server: ServerProcess, accept: str) -> None:
    listed = server.request("GET", "/", None, {"Accept": accept})
    assert (listed.status, b"<ListAllMyBucketsResult" in listed.body) == (200, True)
    assert page(server, "/", Accept=accept).code == "AccessDenied"


def test_what_names_more_than_the_server_is_not_led(server: ServerProcess, module_public: str) -> None:
    assert server.request("GET", "/", None, BROWSER).status == 200  # signed
    assert page(server, "/?prefix=a", **BROWSER).status == 403
    assert server.request("HEAD", "/", None, BROWSER, signed=False).status == 403
    at_host = server.request("GET", "/", None, BROWSER, signed=False, host=module_public)
    assert (at_host.status, b"<ListBucketResult" in at_host.body) == (200, True)
    by_path = page(server, f"/{module_public.partition('.')[0]}", **BROWSER)
    assert (by_path.status, b"<ListBucketResult" in by_path.body) == (200, True)


def test_the_page_lets_only_its_own_scripts_run(server: ServerProcess) -> None:
    """By a nonce that is another one each time, since all buckets have the console's origin."""
    first, second = page(server), page(server)
    policy = first.header("Content-Security-Policy") or ""
    (nonce,) = set(re.findall(r"'nonce-([\w-]{20,})'", policy))
    assert nonce not in (second.header("Content-Security-Policy") or "")
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == directives["frame-ancestors"] == directives["base-uri"] == "'none'"
    assert directives["style-src"] == f"'nonce-{nonce}'"
    # WebAssembly is compiled only where there is the decoder of TPG; nothing makes code of text.
    wasm = " 'wasm-unsafe-eval'" if has_decoder() else ""
    assert directives["script-src"] == f"'nonce-{nonce}'{wasm}"
    assert policy.count("unsafe") == int(has_decoder())
    assert "http" not in policy
    text = first.body.decode()
    for tag in re.findall(r"<(?:script|link rel=\"stylesheet\")[^>]*>", text):
        assert f'nonce="{nonce}"' in tag
    assert "{nonce}" not in text
    assert " style=" not in text
    assert not re.search(r"\son\w+=", text)
    headers = {name.lower(): value for name, value in first.headers}
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert first.header("Cache-Control") == "no-store"


def test_files(server: ServerProcess) -> None:
    names = [name for name in files() if name != PAGE]
    assert {"app.js", "style.css"} <= set(names)
    for name in names:
        got = page(server, f"/-/console/{name}")
        assert (got.status, got.body) == (200, files()[name].data), name
        assert got.header("Cache-Control") == "no-cache"
        tag = got.header("ETag") or ""
        assert page(server, f"/-/console/{name}", **{"If-None-Match": tag}).status == 304
    for missing in ("nothing.js", PAGE, "../__init__.py", "%2e%2e/__init__.py", "lib/"):
        assert page(server, f"/-/console/{missing}").status == 404
    assert server.request("POST", "/-/console", b"", signed=False).status == 405
    head = server.request("HEAD", "/-/console", signed=False)
    assert (head.status, head.body) == (200, b"")


def test_no_file_names_another_host() -> None:
    """Namespaces of SVG are names, and loaded from nowhere."""
    for name, file in files().items():
        found = set(re.findall(r"https?://[^\s'\"`<)]+", file.data.decode(errors="replace"))) - {
            "http://www.w3.org/2000/svg"
        }
        assert found == set(), name


def test_what_the_page_is_told(server: ServerProcess) -> None:
    told = json.loads(page(server, "/-/console/server.json").body)
    assert (told["process"], told["metrics"], told["health"], told["bucket"]) == (
        "signed",
        "here",
        "here",
        "",
    )
    formats = {item["name"]: item for item in told["formats"]}
    assert {"jpeg", "png", "webp", "avif"} <= formats.keys()
    assert (formats["webp"]["type"], formats["webp"]["lossy"]) == ("image/webp", True)
    assert told["limits"]["anonymous"]["scoredPixels"] <= told["limits"]["signed"]["scoredPixels"]
    assert not {"secret", "key", "AKID"} & set(re.findall(r"\w+", json.dumps(told)))


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    settings: dict[str, dict[str, object]] = {"server": {"console": False}, "image": {"workers": 1}}
    with ServerProcess(tmp_path / "data", settings) as server:
        for target in ("/-/console", "/-/console/app.js", "/-/console/server.json"):
            assert page(server, target).status == 404
        assert page(server, "/", **BROWSER).code == "AccessDenied"


def test_operators_may_have_their_own_address(tmp_path: Path) -> None:
    """The console stays where the API is, and knows that the metrics are not there."""
    settings: dict[str, dict[str, object]] = {
        "server": {"operate_address": "127.0.0.1:0", "console_bucket": "b-1250000000"},
        "image": {"workers": 1},
    }
    with ServerProcess(tmp_path / "data", settings) as server:
        told = json.loads(page(server, "/-/console/server.json").body)
        assert (told["metrics"], told["health"], told["bucket"]) == (
            "elsewhere",
            "elsewhere",
            "b-1250000000",
        )
        assert page(server, "/-/metrics").status == 404
