"""cos-js-sdk-v5 in headless Chromium, on a page of another origin: CORS is the browser's own.

To run it: a ``chromium`` in the path (Debian: ``apt install chromium``) and ``make clients``.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import cast

import pytest

import openmogr.demo
from openmogr.testing import ServerProcess

from .conftest import node_modules, run_script

SDK = "cos-js-sdk-v5 1.10 in Chromium"
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def seen(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What one visit of the page saw."""
    node = node_modules("cos-js-sdk-v5", "playwright-core")
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("chromium is not installed; on Debian: apt install chromium")
    photo = Path(openmogr.demo.__file__).parent / openmogr.demo.KEY
    key = server.credential
    profile = tmp_path_factory.mktemp("profile")
    return run_script(
        node, "browser_client.js", browser, profile, server.port, key.secret_id, key.secret_key, photo
    )


@pytest.mark.compat("GET Service, PUT/HEAD/DELETE Bucket", client=SDK)
@pytest.mark.compat("PUT/GET/HEAD/DELETE Object", client=SDK)
@pytest.mark.compat("List Objects v1", client=SDK)
@pytest.mark.compat("Copy", client=SDK)
@pytest.mark.compat("Multiple delete", client=SDK)
@pytest.mark.compat("Multipart upload", client=SDK)
def test_objects(seen: dict[str, object], photo: bytes) -> None:
    assert "browser-1250000000" in cast(list[str], seen["buckets"])
    assert seen["keys"] == [True] * 4
    etag = f'"{hashlib.md5(photo).hexdigest()}"'
    assert seen["put"] == [etag, 200, str(len(photo)), "image/png"]
    assert seen["copy"] == etag
    assert seen["listed"] == ["true", 2]
    slice_etag, same = cast(tuple[str, bool], seen["slice"])
    assert (slice_etag.endswith('-3"'), same) == (True, True)
    assert cast(str, seen["upload"]).endswith('-3"')
    assert seen["deleted"] == 2


@pytest.mark.compat("Bucket and object ACL (private, public-read)", client=SDK)
@pytest.mark.compat("Tagging", client=SDK)
def test_access(seen: dict[str, object]) -> None:
    assert seen["access"] == ["public-read", "one two"]


@pytest.mark.compat("Processing on upload (PUT with Pic-Operations)", client=SDK)
@pytest.mark.compat("Processing of stored data (POST ?image_process)", client=SDK)
def test_results(seen: dict[str, object]) -> None:
    for answer in cast(list[dict[str, dict[str, object]]], seen["results"]):
        assert answer["OriginalInfo"]["Key"] == "dir/photo.png"
        item = cast(dict[str, str], answer["ProcessResults"]["Object"])
        assert (item["Key"], item["Format"], item["Width"]) == ("dir/small.webp", "webp", "60")


@pytest.mark.compat("Processing on download (GET with an operation)", client=SDK)
@pytest.mark.compat("Image Advanced Compression: HEIF", client=SDK)
@pytest.mark.compat("Image Advanced Compression: TPG", client=SDK)
@pytest.mark.compat("imageInfo, imageAve, exif", client=SDK)
def test_processed(seen: dict[str, object]) -> None:
    got = cast(dict[str, tuple[str, str]], seen["got"])
    assert {name: kind for name, (kind, _) in got.items()} == {
        "tpg": "image/tpg",
        "heif": "image/heif",
        "webp": "image/webp",
    }
    assert got["tpg"][1].startswith("TPG AVS2B")
    assert got["heif"][1].endswith("ftypheic")
    assert got["webp"][1].endswith("WEBP")
    assert seen["info"] == "768"


@pytest.mark.compat("Presigned URLs", client=SDK)
def test_images_on_the_page(seen: dict[str, object]) -> None:
    """Presigned ``<img crossorigin>``: the browser decodes them, and a canvas that they are drawn on stays readable."""
    assert seen["shown"] == {name: [90, 60, True] for name in ("webp", "avif", "jpg")}


@pytest.mark.compat("POST form upload", client=SDK)
def test_forms(seen: dict[str, object]) -> None:
    """Signed by a policy, by a field ``Signature``, against a policy, and not at all."""
    etag = f'"{hashlib.md5(b"by form").hexdigest()}"'
    assert seen["forms"] == [[200, etag], [200, etag], [403, None], [403, None]]


@pytest.mark.compat("CORS", client=SDK)
def test_cors(seen: dict[str, object]) -> None:
    """A bucket's rules decide what a page may do and see; without any, everything above was allowed."""
    assert seen["exposed"] == ["seven", True, None]
    assert "CORS" in cast(dict[str, str], seen["method"])["message"]
    assert seen["unsigned"] == 403, "the answer to what is allowed by CORS but not signed is readable"
    assert seen["shut"] == ["not read", "not shown"]


def test_errors(seen: dict[str, object]) -> None:
    """The page can read what is wrong."""
    missing, rotated = (cast(dict[str, object], seen[name]) for name in ("missing", "rotated"))
    assert (missing["status"], missing["code"], missing["id"]) == (404, "NoSuchKey", True)
    assert (rotated["status"], rotated["code"], rotated["id"]) == (400, "InvalidArgument", True)
    assert "abc" in cast(str, rotated["message"])
