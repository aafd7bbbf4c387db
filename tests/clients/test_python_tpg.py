"""TPG by the official Python SDK, in the three ways and by the URL."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest
from qcloud_cos import CosS3Client

from openmogr.testing import ServerProcess

from .conftest import REGION

pillow_tpg = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")

SDK = "cos-python-sdk-v5 1.9"
FEATURE = "Image Advanced Compression: TPG"


def _rules(fileid: str) -> str:
    return json.dumps({"is_pic_info": 1, "rules": [{"fileid": fileid, "rule": "imageMogr2/format/tpg"}]})


def _stored(cos: CosS3Client, bucket: str, key: str) -> bytes:
    return bytes(cos.get_object(Bucket=bucket, Key=key)["Body"].get_raw_stream().read())


@pytest.mark.compat(FEATURE, client=SDK)
def test_on_download(cos: CosS3Client, bucket: str, photo: bytes, tmp_path: Path) -> None:
    cos.put_object(Bucket=bucket, Key="a.png", Body=photo)
    target = tmp_path / "out.tpg"
    cos.ci_download_compress_image(Bucket=bucket, Key="a.png", DestImagePath=str(target), CompressType="tpg")
    data = target.read_bytes()
    info = pillow_tpg.info(data)
    assert (info.width, info.height) == (768, 512)
    assert len(data) < len(photo) * 0.07


@pytest.mark.compat(FEATURE, client=SDK)
def test_on_upload(cos: CosS3Client, bucket: str, photo: bytes) -> None:
    _, data = cos.ci_put_object(
        Bucket=bucket, Key="p/a.png", Body=photo, ContentType="image/png", PicOperations=_rules("a.tpg")
    )
    result = data["ProcessResults"]["Object"]
    stored = _stored(cos, bucket, "p/a.tpg")
    assert stored.startswith(b"TPG AVS2B")
    assert (result["Key"], result["Format"], result["Size"]) == ("p/a.tpg", "tpg", str(len(stored)))
    assert cos.head_object(Bucket=bucket, Key="p/a.tpg")["Content-Type"] == "image/tpg"


@pytest.mark.compat(FEATURE, client=SDK)
def test_of_stored_data_and_back(cos: CosS3Client, bucket: str, photo: bytes, server: ServerProcess) -> None:
    cos.put_object(Bucket=bucket, Key="a.png", Body=photo, ACL="public-read")
    cos.ci_image_process(Bucket=bucket, Key="a.png", PicOperations=_rules("/b.tpg"))
    cos.put_object_acl(Bucket=bucket, Key="b.tpg", ACL="public-read")
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/b.tpg?imageMogr2/thumbnail/100x/format/png",
        headers={"Host": f"{bucket}.cos.{REGION}.myqcloud.com"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.headers["Content-Type"] == "image/png"
        assert response.read(8) == b"\x89PNG\r\n\x1a\n"
