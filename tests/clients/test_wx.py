"""cos-wx-sdk-v5, the SDK for WeChat mini programs, in Node with a small ``wx``: its uploads are forms.

To run it: ``make clients``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import pytest

import openmogr.demo
from openmogr.testing import ServerProcess

from .conftest import node_modules, run_script

SDK = "cos-wx-sdk-v5 1.8"
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def seen(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What one run of the script saw."""
    node = node_modules("cos-wx-sdk-v5")
    photo = Path(openmogr.demo.__file__).parent / openmogr.demo.KEY
    key = server.credential
    folder = tmp_path_factory.mktemp("wx")
    return run_script(node, "wx_client.js", server.port, key.secret_id, key.secret_key, photo, folder)


@pytest.mark.compat("POST form upload", client=SDK)
def test_uploads_are_forms(seen: dict[str, object], photo: bytes) -> None:
    etag = f'"{hashlib.md5(photo).hexdigest()}"'
    assert seen["post"] == [200, etag]
    assert seen["simple"] == [200, etag, "uploadFile"]
    assert seen["listed"] == ["dir/图 a.png"]


@pytest.mark.compat("GET Service, PUT/HEAD/DELETE Bucket", client=SDK)
@pytest.mark.compat("PUT/GET/HEAD/DELETE Object", client=SDK)
@pytest.mark.compat("List Objects v1", client=SDK)
@pytest.mark.compat("Copy", client=SDK)
@pytest.mark.compat("Multiple delete", client=SDK)
@pytest.mark.compat("Multipart upload", client=SDK)
def test_objects(seen: dict[str, object], photo: bytes) -> None:
    assert "wx-1250000000" in cast(list[str], seen["buckets"])
    assert seen["put"] == seen["copy"] == f'"{hashlib.md5(photo).hexdigest()}"'
    etag, length = cast(tuple[str, str], seen["slice"])
    assert (etag.endswith('-3"'), length) == (True, str(2 * 1024 * 1024 + 3))
    assert seen["deleted"] == 2


@pytest.mark.compat("Processing on download (GET with an operation)", client=SDK)
@pytest.mark.compat("Processing of stored data (POST ?image_process)", client=SDK)
def test_processing(seen: dict[str, object]) -> None:
    assert seen["got"] == ["image/webp", "WEBP"]
    results = cast(dict[str, dict[str, object]], seen["processed"])["ProcessResults"]
    item = cast(dict[str, str], results["Object"])
    assert (item["Key"], item["Format"], item["Width"]) == ("small.webp", "webp", "60")


@pytest.mark.compat("Presigned URLs", client=SDK)
def test_presigned(seen: dict[str, object], server: ServerProcess) -> None:
    url = urlsplit(cast(str, seen["url"]))
    answer = server.request("GET", f"{url.path}?{url.query}", signed=False, host=url.netloc)
    assert (answer.status, answer.header("Content-Type")) == (200, "image/webp")


def test_errors(seen: dict[str, object]) -> None:
    assert seen["missing"] == {"status": 404, "code": "NoSuchKey", "id": True}
    assert seen["rotated"] == {"status": 400, "code": "InvalidArgument", "id": True}
