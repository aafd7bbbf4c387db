"""Apache OpenDAL, service ``cos``: it puts the bucket before the host of its endpoint. ``pip install opendal``."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from openmogr.testing import ServerProcess

CLIENT = "opendal 0.47"
BUCKET = "opendal-1250000000"


@pytest.fixture(
    scope="module", params=["cos.ap-shanghai.myqcloud.com", "localhost:{port}"], ids=["proxy", "domains"]
)
def seen(request: pytest.FixtureRequest, server: ServerProcess) -> dict[str, object]:
    """What one run of the client saw. The proxy setting stands for the DNS in the second case."""
    if importlib.util.find_spec("opendal") is None:
        pytest.skip("opendal is not installed: pip install opendal")
    server.request("PUT", "/", b"", host=f"{BUCKET}.cos.ap-shanghai.myqcloud.com")
    key = server.credential
    proxies = {"http_proxy": f"http://127.0.0.1:{server.port}", "no_proxy": "", "NO_PROXY": ""}
    endpoint = f"http://{request.param.format(port=server.port)}"
    script = Path(__file__).parent / "opendal_client.py"
    done = subprocess.run(
        [sys.executable, str(script), endpoint, key.secret_id, key.secret_key],
        env={**os.environ, **proxies},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return cast(dict[str, object], json.loads(done.stdout))


@pytest.mark.compat("PUT/GET/HEAD/DELETE Object", client=CLIENT)
@pytest.mark.compat("Range, conditional requests, `response-*`", client=CLIENT)
@pytest.mark.compat("Multipart upload", client=CLIENT)
@pytest.mark.compat("Copy", client=CLIENT)
def test_objects(seen: dict[str, object]) -> None:
    assert seen["read"] == "text"
    assert seen["stat"] == [4, "text/plain", f'"{hashlib.md5(b"text").hexdigest()}"']
    assert (seen["large"], seen["range"], seen["copied"]) == (True, "5678", True)
    assert seen["missing"] == "not found"


@pytest.mark.compat("List Objects v1", client=CLIENT)
def test_listings(seen: dict[str, object]) -> None:
    assert seen["listed"] == ["dir/large", "dir/图 a+b.txt"]
    assert seen["scanned"] == ["copied", "dir/large", "dir/图 a+b.txt"]
    assert seen["left"] == []
