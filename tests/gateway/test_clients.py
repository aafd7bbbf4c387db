"""boto3 and the COS SDK for Python read what lies in an S3 server, through OpenMogr."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from qcloud_cos import CosConfig, CosS3Client, CosServiceError

from openmogr.testing import ServerProcess
from tests.gateway.conftest import BUCKET, Store

KEYS = ["a.png", "b/1.png", "b/2.png", "c.png", "图/100% 片.png"]


@pytest.fixture(scope="module", autouse=True)
def objects(store: Store, photo: bytes) -> None:
    for key in KEYS:
        store.put(key, photo)


@pytest.fixture
def cos(server: ServerProcess) -> CosS3Client:
    config = CosConfig(
        Region="ap-shanghai",
        SecretId=server.credential.secret_id,
        SecretKey=server.credential.secret_key,
        Scheme="http",
        IP="127.0.0.1",
        Port=server.port,
        ServiceDomain=f"127.0.0.1:{server.port}",
    )
    return CosS3Client(config, retry=0)


@pytest.fixture
def s3(server: ServerProcess) -> Iterator[Any]:
    boto3 = pytest.importorskip("boto3")
    from botocore.config import Config

    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{server.port}",
        aws_access_key_id=server.credential.secret_id,
        aws_secret_access_key=server.credential.secret_key,
        region_name="ap-shanghai",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    yield client
    client.close()


def test_the_cos_sdk_reads(cos: CosS3Client, photo: bytes, tmp_path: Path) -> None:
    for key in KEYS:
        assert cos.get_object(Bucket=BUCKET, Key=key)["Body"].get_raw_stream().read() == photo
        assert int(cos.head_object(Bucket=BUCKET, Key=key)["Content-Length"]) == len(photo)
    listed = cos.list_objects(Bucket=BUCKET, Delimiter="/")
    assert [item["Key"] for item in listed["Contents"]] == ["a.png", "c.png"]
    assert [item["Prefix"] for item in listed["CommonPrefixes"]] == ["b/", "图/"]
    assert cos.object_exists(Bucket=BUCKET, Key="a.png")
    assert not cos.object_exists(Bucket=BUCKET, Key="none.png")
    made = cos.ci_get_object(
        Bucket=BUCKET,
        Key=KEYS[-1],
        Rule="imageMogr2/thumbnail/60x/format/jpg",
        DestImagePath=str(tmp_path / "small.jpg"),
    )
    assert made["Content-Type"] == "image/jpeg"
    assert Image.open(BytesIO((tmp_path / "small.jpg").read_bytes())).size == (60, 40)
    cos.download_file(Bucket=BUCKET, Key="a.png", DestFilePath=str(tmp_path / "whole.png"), PartSize=1)
    assert (tmp_path / "whole.png").read_bytes() == photo
    assert BUCKET in [item["Name"] for item in cos.list_buckets()["Buckets"]["Bucket"]]


def test_the_cos_sdk_is_told_that_nothing_is_written(cos: CosS3Client, store: Store, photo: bytes) -> None:
    before = store.keys()
    calls: list[Callable[[], object]] = [
        lambda: cos.put_object(Bucket=BUCKET, Key="new.png", Body=photo),
        lambda: cos.delete_object(Bucket=BUCKET, Key="a.png"),
        lambda: cos.create_multipart_upload(Bucket=BUCKET, Key="new.png"),
        lambda: cos.append_object(Bucket=BUCKET, Key="new.png", Position=0, Data=b"x"),
        lambda: cos.put_object_acl(Bucket=BUCKET, Key="a.png", ACL="public-read"),
        lambda: cos.put_bucket_acl(Bucket=BUCKET, ACL="public-read"),
        lambda: cos.delete_bucket(Bucket=BUCKET),
    ]
    for call in calls:
        with pytest.raises(CosServiceError) as caught:
            call()
        assert caught.value.get_status_code() == 405
        assert "read-only" in caught.value.get_error_msg()
    assert store.keys() == before


def test_boto3_reads(s3: Any, photo: bytes, tmp_path: Path) -> None:
    for key in KEYS:
        answer = s3.get_object(Bucket=BUCKET, Key=key)
        assert answer["Body"].read() == photo
        assert answer["ContentType"] == "image/png"
        assert s3.head_object(Bucket=BUCKET, Key=key)["ETag"] == answer["ETag"]
    part = s3.get_object(Bucket=BUCKET, Key="a.png", Range="bytes=10-19")
    assert (part["ResponseMetadata"]["HTTPStatusCode"], part["Body"].read()) == (206, photo[10:20])
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 2})
    assert [item["Key"] for page in pages for item in page["Contents"]] == KEYS
    pages = s3.get_paginator("list_objects").paginate(
        Bucket=BUCKET, Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    found = [
        item.get("Key") or item["Prefix"]
        for page in pages
        for item in [*page.get("Contents", ()), *page.get("CommonPrefixes", ())]
    ]
    assert found == ["a.png", "b/", "c.png", "图/"]
    s3.download_file(BUCKET, "a.png", str(tmp_path / "a.png"))
    assert (tmp_path / "a.png").read_bytes() == photo
    assert s3.get_object_acl(Bucket=BUCKET, Key="a.png")["Grants"]
    assert s3.get_object_tagging(Bucket=BUCKET, Key="a.png")["TagSet"] == []
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=BUCKET, Key="none.png")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "a.png"})
    assert re.match(r"http://127\.0\.0\.1:\d+/photos-1250000000/a\.png\?", url)


def test_boto3_is_told_that_nothing_is_written(s3: Any, store: Store, photo: bytes) -> None:
    from botocore.exceptions import ClientError

    before = store.keys()
    calls: list[Callable[[], object]] = [
        lambda: s3.put_object(Bucket=BUCKET, Key="new.png", Body=photo),
        lambda: s3.upload_fileobj(BytesIO(photo * 20), BUCKET, "new.png"),
        lambda: s3.copy_object(Bucket=BUCKET, Key="new.png", CopySource=f"{BUCKET}/a.png"),
        lambda: s3.delete_object(Bucket=BUCKET, Key="a.png"),
        lambda: s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "a.png"}]}),
        lambda: s3.create_multipart_upload(Bucket=BUCKET, Key="new.png"),
        lambda: s3.put_object_tagging(Bucket=BUCKET, Key="a.png", Tagging={"TagSet": []}),
        lambda: s3.put_object_acl(Bucket=BUCKET, Key="a.png", ACL="public-read"),
        lambda: s3.delete_bucket(Bucket=BUCKET),
    ]
    for call in calls:
        with pytest.raises(Exception, match="read-only") as caught:
            call()
        if isinstance(caught.value, ClientError):
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 405
    assert store.keys() == before
