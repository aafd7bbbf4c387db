"""The official Node SDK. To run it: ``make clients``."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import cast

import pytest
import requests

import openmogr.demo
from openmogr.testing import ServerProcess

from .conftest import node_modules, run_script

HERE = Path(__file__).parent
SDK = "cos-nodejs-sdk-v5 3.0"
MODULE = "cos-nodejs-sdk-v5"


@pytest.fixture(scope="module")
def results(server: ServerProcess) -> dict[str, object]:
    """What one run of the script saw."""
    node = node_modules(MODULE)
    photo = Path(openmogr.demo.__file__).parent / openmogr.demo.KEY
    key = server.credential
    return run_script(node, "node_client.js", server.port, key.secret_id, key.secret_key, photo)


@pytest.mark.compat("GET Service, PUT/HEAD/DELETE Bucket", client=SDK)
@pytest.mark.compat("PUT/GET/HEAD/DELETE Object", client=SDK)
@pytest.mark.compat("List Objects v1", client=SDK)
@pytest.mark.compat("Multiple delete", client=SDK)
@pytest.mark.compat("Copy", client=SDK)
@pytest.mark.compat("Multipart upload", client=SDK)
def test_objects(results: dict[str, object], photo: bytes) -> None:
    """Line 4: Node sends ``//`` and ``/../`` raw."""
    assert "node-1250000000" in cast(list[str], results["buckets"])
    assert results["keys"] == [True] * 5
    assert results["listed"] == ["a//b"]
    assert results["copy"] == f'"{hashlib.md5(photo).hexdigest()}"'
    multipart = cast(dict[str, str], results["multipart"])
    assert multipart["etag"].endswith('-2"')
    assert results["head"] == str(2 * 1024 * 1024 + 3)
    assert results["slice"]
    assert results["deleted"] == 2
    assert results["acl"] == "private"


@pytest.mark.compat("Processing on upload (PUT with Pic-Operations)", client=SDK)
@pytest.mark.compat("Processing of stored data (POST ?image_process)", client=SDK)
@pytest.mark.compat("Processing on download (GET with an operation)", client=SDK)
@pytest.mark.compat("imageInfo, imageAve, exif", client=SDK)
def test_processing(results: dict[str, object], photo: bytes) -> None:
    """Lines 7, 8 and 21."""
    put = cast(dict[str, object], results["put"])
    assert put["etag"] == f'"{hashlib.md5(photo).hexdigest()}"'
    for answer in (put["result"], results["post"]):
        document = cast(dict[str, dict[str, object]], answer)
        assert document["OriginalInfo"]["Key"] == "dir/图 a.png"
        found = document["ProcessResults"]["Object"]
        item = cast(list[dict[str, str]], found if isinstance(found, list) else [found])[0]
        assert (item["Key"], item["Format"], item["Width"]) == ("dir/small.webp", "webp", "60")
    assert results["get"] == {"type": "image/webp", "magic": "WEBP"}
    assert cast(dict[str, str], results["info"])["width"] == "768"


@pytest.mark.compat("Presigned URLs", client=SDK)
def test_presigned(results: dict[str, object], server: ServerProcess) -> None:
    """Line 7: Node encodes the parameter list once more in URLs."""
    proxies = {"http": f"http://127.0.0.1:{server.port}"}
    answer = requests.get(cast(str, results["url"]), proxies=proxies, timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/webp")


def test_errors(results: dict[str, object]) -> None:
    """Lines 13 and 14: the request id is there, and nothing is retried on another host."""
    missing = cast(dict[str, object], results["missing"])
    assert (missing["status"], missing["code"]) == (404, "NoSuchKey")
    assert missing["id"]
    assert cast(dict[str, object], results["missingHead"])["status"] == 404
    bad = cast(dict[str, object], results["bad"])
    assert (bad["status"], bad["code"]) == (400, "InvalidArgument")
