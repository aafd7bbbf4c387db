"""Two servers with results in common in a real S3 server: one encode in all."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from openmogr.testing import ServerProcess
from tests.gateway.conftest import SECRET, S3Bucket, VersityGW

BUCKET = "examplebucket-1250000000"
OPERATION = "imageMogr2/thumbnail/300x/format/webp"


def _metric(server: ServerProcess, name: str) -> float:
    text = server.request("GET", "/-/metrics").body.decode()
    return sum(float(value) for value in re.findall(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE))


def _encodes(server: ServerProcess) -> float:
    return _metric(server, 'openmogr_image_jobs_total{kind="all"}')


def _shared(server: ServerProcess, outcome: str) -> float:
    return _metric(server, f'openmogr_shared_results_total{{outcome="{outcome}"}}')


def _until_shared(server: ServerProcess, count: int) -> None:
    deadline = time.monotonic() + 30
    while _shared(server, "put") < count:
        assert time.monotonic() < deadline, server.log
        time.sleep(0.05)


@pytest.mark.alone
def test_one_encode_in_all(versitygw: VersityGW, postgresql_url: str, photo: bytes, tmp_path: Path) -> None:
    store = S3Bucket(versitygw, "shared-results", "results")
    settings: dict[str, dict[str, object]] = {
        "database": {"url": postgresql_url},
        "image": {"workers": 1},
        "results": {
            "shared": store.place["url"],
            "shared_endpoint": store.place["endpoint"],
            "shared_region": "us-east-1",
            "shared_timeout": 5,
        },
    }
    with (
        ServerProcess(tmp_path / "one", settings) as one,
        ServerProcess(tmp_path / "other", settings) as other,
    ):
        for server in (one, other):
            server.request("PUT", f"/{BUCKET}", b"")
            server.request("PUT", f"/{BUCKET}/in.png", photo)
        made = one.request("GET", f"/{BUCKET}/in.png?{OPERATION}")
        assert made.status == 200
        assert _encodes(one) == 1
        _until_shared(one, 1)
        for _ in range(2):
            found = other.request("GET", f"/{BUCKET}/in.png?{OPERATION}")
            assert (found.status, found.body, found.header("ETag")) == (200, made.body, made.header("ETag"))
        assert _encodes(other) == 0
        assert _shared(other, "hit") == 1
        # Another content under the same name is another result.
        other.request("PUT", f"/{BUCKET}/in.png", made.body)
        assert other.request("GET", f"/{BUCKET}/in.png?{OPERATION}").body != made.body
        assert _encodes(other) == 1
        # A store that hangs costs time once, and never an error.
        versitygw.signal(signal.SIGSTOP)
        try:
            started = time.monotonic()
            for width in range(100, 105):
                answer = one.request("GET", f"/{BUCKET}/in.png?imageMogr2/thumbnail/{width}x")
                assert answer.status == 200
            assert time.monotonic() - started < 30
        finally:
            versitygw.signal(signal.SIGCONT)
        for server in (one, other):
            assert SECRET not in server.log
            assert "Traceback" not in server.log
