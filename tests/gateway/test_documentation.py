"""What docs/use/gateway.md says to do does what it says."""

from __future__ import annotations

import re
import tomllib
from io import BytesIO
from pathlib import Path

from PIL import Image

from openmogr.testing import ServerProcess
from tests.gateway.conftest import BUCKET, S3Bucket, VersityGW


def test_five_minutes_of_the_documentation(versitygw: VersityGW, tmp_path: Path, photo: bytes) -> None:
    page = (Path(__file__).parents[2] / "docs" / "use" / "gateway.md").read_text(encoding="utf-8")
    block = re.search(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    url = re.search(r"`http://127\.0\.0\.1:9000(/\S+)`", page)
    assert block is not None
    assert url is not None
    place = tomllib.loads(block[1])["gateway"][BUCKET]
    bucket, _, folder = place["url"].removeprefix("s3://").partition("/")
    S3Bucket(versitygw, bucket, folder).put("2026/party.jpg", photo)
    # The one that the page means is at Amazon.
    place |= {"endpoint": versitygw.endpoint, "region": "us-east-1"}
    settings: dict[str, dict[str, object]] = {
        "gateway": {"buckets": {BUCKET: place}},
        "image": {"workers": 1},
    }
    with ServerProcess(tmp_path / "data", settings) as server:
        answer = server.request("GET", url[1], signed=False)
        metrics = server.request("GET", "/-/metrics", signed=False).body.decode()
    assert answer.status == 200, answer.body
    assert Image.open(BytesIO(answer.body)).size == (300, 200)
    assert answer.header("Content-Type") == "image/webp"
    told = re.search(r'^openmogr_store_requests_total\{outcome="answered"\} (\S+)$', metrics, re.MULTILINE)
    assert told is not None
    assert float(told[1]) >= 2
