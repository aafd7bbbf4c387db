"""Signatures where the bucket is in the path: SDKs that carry it in their domain sign the path without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from qcloud_cos import CosConfig, CosS3Client

from openmogr.auth import sign_request
from openmogr.testing import Answer, ServerProcess

from .test_presigned import presign

NAME = "inpath-1250000000"


@pytest.fixture(scope="module")
def name(server: ServerProcess) -> str:
    for bucket in (NAME, "other-1250000000"):
        assert server.request("PUT", f"/{bucket}", b"").status == 200
        assert server.request("PUT", f"/{bucket}/dir/a%20b.txt", bucket.encode()).status == 200
    return NAME


def ask(server: ServerProcess, method: str, signed: str, sent: str, body: bytes | None = None) -> Answer:
    host = f"127.0.0.1:{server.port}"
    auth = sign_request(server.credential, method, signed, {"host": host})
    return server.request(method, sent, body, {"Authorization": auth})


@pytest.mark.parametrize(
    ("signed", "sent"),
    [
        ("/dir/a%20b.txt", "/{0}/dir/a%20b.txt"),
        ("/dir/a%20b.txt", "/{0}/dir%2Fa%20b.txt"),
        ("/{0}/dir/a%20b.txt", "/{0}/dir/a%20b.txt"),
        ("/dir/a%20b.txt?acl", "/{0}/dir/a%20b.txt?acl"),
        ("/?prefix=dir", "/{0}/?prefix=dir"),
        ("/?prefix=dir", "/{0}?prefix=dir"),
        ("/", "/{0}"),
    ],
)
def test_both_paths_may_be_signed(server: ServerProcess, name: str, signed: str, sent: str) -> None:
    assert ask(server, "GET", signed.format(name), sent.format(name)).status == 200


@pytest.mark.parametrize(
    ("signed", "sent"),
    [
        ("/", "/{0}/dir/a%20b.txt"),
        ("/", "/{0}%2Fdir/a%20b.txt"),
        ("/a%20b.txt", "/{0}/dir/a%20b.txt"),
        ("/a%20b.txt", "/{0}%2Fdir/a%20b.txt"),
        ("/dir/a%20b.txt?acl", "/{0}/dir/a%20b.txt"),
        ("/other-1250000000/dir/a%20b.txt", "/{0}/dir/a%20b.txt"),
    ],
)
def test_other_paths_may_not(server: ServerProcess, name: str, signed: str, sent: str) -> None:
    answer = ask(server, "GET", signed.format(name), sent.format(name))
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_a_host_that_names_the_bucket_leaves_only_one_path(server: ServerProcess, bucket: str) -> None:
    server.request("PUT", "/dir/a", b"1", host=bucket)
    auth = sign_request(server.credential, "GET", "/a", {"host": bucket})
    answer = server.request("GET", "/dir/a", headers={"Authorization": auth}, host=bucket)
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_a_presigned_url_would_open_every_bucket(server: ServerProcess, name: str) -> None:
    host = f"127.0.0.1:{server.port}"
    query = presign(server, "GET", "/dir/a%20b.txt", host).partition("?")[2]
    for bucket in (name, "other-1250000000"):
        answer = server.request("GET", f"/{bucket}/dir/a%20b.txt?{query}", signed=False)
        assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
        assert b"without the bucket" in answer.body
    whole = presign(server, "GET", f"/{name}/dir/a%20b.txt", host)
    assert server.request("GET", whole, signed=False).body == name.encode()


def test_strict_mode_wants_the_whole_path(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", {"auth": {"strict": True}}) as server:
        server.request("PUT", f"/{NAME}", b"")
        assert ask(server, "GET", f"/{NAME}", f"/{NAME}").status == 200
        answer = ask(server, "GET", "/", f"/{NAME}")
        assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_the_python_sdk_with_the_bucket_in_its_domain(server: ServerProcess, name: str) -> None:
    key = server.credential
    config = CosConfig(
        SecretId=key.secret_id,
        SecretKey=key.secret_key,
        Scheme="http",
        Region="ap-shanghai",
        Domain=f"127.0.0.1:{server.port}/{name}",
    )
    client = CosS3Client(config, retry=0)
    client.put_object(Bucket=name, Key="sdk/图 a.txt", Body=b"bytes")
    answer = client.get_object(Bucket=name, Key="sdk/图 a.txt")
    assert answer["Body"].get_raw_stream().read() == b"bytes"
    assert [item["Key"] for item in client.list_objects(Bucket=name, Prefix="sdk/")["Contents"]] == [
        "sdk/图 a.txt"
    ]
    client.put_object_acl(Bucket=name, Key="sdk/图 a.txt", ACL="private")
    upload = client.create_multipart_upload(Bucket=name, Key="sdk/big")["UploadId"]
    part = client.upload_part(Bucket=name, Key="sdk/big", Body=b"1", PartNumber=1, UploadId=upload)
    parts = {"Part": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    client.complete_multipart_upload(Bucket=name, Key="sdk/big", UploadId=upload, MultipartUpload=parts)
    deleted = client.delete_objects(
        Bucket=name, Delete={"Object": [{"Key": "sdk/big"}, {"Key": "sdk/图 a.txt"}]}
    )
    assert len(deleted["Deleted"]) == 2
