"""boto3, the AWS SDK for Python, at the S3 face. To run it: ``pip install boto3``."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import json
import os
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from openmogr.testing import ServerProcess

CLIENT = "boto3 1.44"
_numbers = itertools.count(1)
Client = Any  # boto3 has no types


@pytest.fixture(scope="module")
def make(server: ServerProcess) -> Iterator[Callable[..., Client]]:
    """Makes clients; without retries: what needs one is a fault. They are closed in the end."""
    if importlib.util.find_spec("boto3") is None:
        pytest.skip("boto3 is not installed: pip install boto3")
    import boto3
    from botocore.config import Config

    def client(endpoint: str = f"http://127.0.0.1:{server.port}", **options: Any) -> Client:
        options.setdefault("signature_version", "s3v4")
        made = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=server.credential.secret_id,
            aws_secret_access_key=server.credential.secret_key,
            region_name="ap-shanghai",
            config=Config(retries={"total_max_attempts": 1}, **options),
        )
        clients.append(made)
        return made

    clients: list[Client] = []
    yield client
    for made in clients:
        made.close()


@pytest.fixture(scope="module")
def s3(make: Callable[..., Client]) -> Client:
    return make()


@pytest.fixture
def s3_bucket(s3: Client) -> str:
    name = f"boto{next(_numbers)}-1250000000"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-shanghai"})
    return name


def fetched(url: str) -> bytes:
    """What anybody with the URL gets."""
    with urllib.request.urlopen(url) as answer:
        return cast(bytes, answer.read())


def refusal(call: Callable[..., object], **arguments: object) -> tuple[int, str]:
    """Status and code of a call that fails."""
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.mark.compat("S3: buckets", client=CLIENT)
def test_buckets(s3: Client, s3_bucket: str) -> None:
    assert s3_bucket in [item["Name"] for item in s3.list_buckets()["Buckets"]]
    assert [item["Name"] for item in s3.list_buckets(Prefix=s3_bucket)["Buckets"]] == [s3_bucket]
    assert s3.get_bucket_location(Bucket=s3_bucket)["LocationConstraint"] == "ap-shanghai"
    head = s3.head_bucket(Bucket=s3_bucket)
    assert head["BucketRegion"] == "ap-shanghai"
    assert refusal(s3.create_bucket, Bucket=s3_bucket) == (409, "BucketAlreadyOwnedByYou")
    assert refusal(s3.create_bucket, Bucket="without-appid") == (400, "InvalidBucketName")
    s3.put_object(Bucket=s3_bucket, Key="a", Body=b"1")
    assert refusal(s3.delete_bucket, Bucket=s3_bucket) == (409, "BucketNotEmpty")
    s3.delete_object(Bucket=s3_bucket, Key="a")
    s3.delete_bucket(Bucket=s3_bucket)
    assert refusal(s3.head_bucket, Bucket=s3_bucket) == (404, "404")
    assert refusal(s3.list_objects_v2, Bucket=s3_bucket) == (404, "NoSuchBucket")


@pytest.mark.compat("S3: objects, ranges, conditions", client=CLIENT)
def test_objects(s3: Client, s3_bucket: str) -> None:
    key = "dir/a b+图&?.txt"
    put = s3.put_object(
        Bucket=s3_bucket,
        Key=key,
        Body=b"0123456789",
        ContentType="text/plain",
        CacheControl="max-age=60",
        Metadata={"colour": "red"},
        StorageClass="STANDARD_IA",
    )
    got = s3.get_object(Bucket=s3_bucket, Key=key)
    assert got["Body"].read() == b"0123456789"
    assert (got["ContentType"], got["CacheControl"], got["Metadata"], got["StorageClass"]) == (
        "text/plain",
        "max-age=60",
        {"colour": "red"},
        "STANDARD_IA",
    )
    part = s3.get_object(Bucket=s3_bucket, Key=key, Range="bytes=2-4")
    assert (part["Body"].read(), part["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert refusal(s3.get_object, Bucket=s3_bucket, Key=key, Range="bytes=20-") == (416, "InvalidRange")
    assert refusal(s3.get_object, Bucket=s3_bucket, Key=key, IfNoneMatch=put["ETag"]) == (304, "304")
    assert refusal(s3.get_object, Bucket=s3_bucket, Key=key, IfMatch='"0"') == (412, "PreconditionFailed")
    assert refusal(s3.put_object, Bucket=s3_bucket, Key=key, IfNoneMatch="*") == (412, "PreconditionFailed")
    named = s3.get_object(Bucket=s3_bucket, Key=key, ResponseContentType="text/x")
    assert (named["ContentType"], named["Body"].read()) == ("text/x", b"0123456789")
    assert refusal(s3.get_object, Bucket=s3_bucket, Key="missing") == (404, "NoSuchKey")
    assert refusal(s3.head_object, Bucket=s3_bucket, Key="missing") == (404, "404")


@pytest.mark.compat("S3: listings v1 and v2, versions", client=CLIENT)
def test_listings(s3: Client, s3_bucket: str) -> None:
    keys = sorted(["a b", "d/1", "d/2", "d/e/3", "图+", "z"], key=str.encode)
    for key in keys:
        s3.put_object(Bucket=s3_bucket, Key=key, Body=key.encode())
    for name in ("list_objects_v2", "list_objects", "list_object_versions"):
        field = "Versions" if name == "list_object_versions" else "Contents"
        pages = list(s3.get_paginator(name).paginate(Bucket=s3_bucket, PaginationConfig={"PageSize": 2}))
        assert [item["Key"] for page in pages for item in page.get(field, [])] == keys, name
        assert len(pages) == 3
        rolled = getattr(s3, name)(Bucket=s3_bucket, Delimiter="/", Prefix="d/")
        assert [item["Key"] for item in rolled[field]] == ["d/1", "d/2"]
        assert rolled["CommonPrefixes"] == [{"Prefix": "d/e/"}]
    second = s3.list_objects_v2(Bucket=s3_bucket, StartAfter="d/2", FetchOwner=True, EncodingType="url")
    assert second["KeyCount"] == 3
    assert second["Contents"][0]["Owner"]["ID"] == "100000000001"
    assert refusal(s3.list_objects_v2, Bucket=s3_bucket, ContinuationToken="!") == (400, "InvalidArgument")
    long = s3.list_objects_v2(Bucket=s3_bucket, Delimiter="/e/")
    assert long["CommonPrefixes"] == [{"Prefix": "d/e/"}]


@pytest.mark.compat("S3: multiple delete", client=CLIENT)
def test_multiple_delete(s3: Client, s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="a", Body=b"1")
    objects = [{"Key": "a"}, {"Key": "missing"}]
    assert s3.delete_objects(Bucket=s3_bucket, Delete={"Objects": objects})["Deleted"] == objects
    quiet = s3.delete_objects(Bucket=s3_bucket, Delete={"Objects": objects, "Quiet": True})
    assert "Deleted" not in quiet
    other = [{"Key": "a", "VersionId": "1"}]
    assert refusal(s3.delete_objects, Bucket=s3_bucket, Delete={"Objects": other}) == (400, "InvalidArgument")
    by_etag = [{"Key": "a", "ETag": '"0"'}]
    assert refusal(s3.delete_objects, Bucket=s3_bucket, Delete={"Objects": by_etag}) == (
        501,
        "NotImplemented",
    )


@pytest.mark.compat("S3: copy", client=CLIENT)
def test_copy(s3: Client, s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="a 图", Body=b"1", Metadata={"x": "1"}, ChecksumAlgorithm="SHA256")
    source = {"Bucket": s3_bucket, "Key": "a 图"}
    copied = s3.copy_object(Bucket=s3_bucket, Key="b", CopySource=source)["CopyObjectResult"]
    assert copied["ETag"] == f'"{hashlib.md5(b"1").hexdigest()}"'
    assert copied["ChecksumSHA256"] == b64encode(hashlib.sha256(b"1").digest()).decode()
    assert s3.head_object(Bucket=s3_bucket, Key="b")["Metadata"] == {"x": "1"}
    s3.copy_object(
        Bucket=s3_bucket, Key="b", CopySource=source, MetadataDirective="REPLACE", Metadata={"y": "2"},
        ChecksumAlgorithm="SHA1",
    )  # fmt: skip
    head = s3.head_object(Bucket=s3_bucket, Key="b", ChecksumMode="ENABLED")
    assert (head["Metadata"], head["ChecksumSHA1"]) == (
        {"y": "2"},
        b64encode(hashlib.sha1(b"1").digest()).decode(),
    )
    condition = {"CopySourceIfMatch": '"0"', "CopySource": source}
    assert refusal(s3.copy_object, Bucket=s3_bucket, Key="b", **condition) == (412, "PreconditionFailed")
    itself = {"Bucket": s3_bucket, "Key": "a 图", "CopySource": source}
    assert refusal(s3.copy_object, **itself) == (400, "InvalidRequest")


@pytest.mark.compat("S3: multipart upload", client=CLIENT)
@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT"), ("SHA256", "COMPOSITE"), (None, None)],
)
def test_multipart(s3: Client, s3_bucket: str, algorithm: str | None, kind: str | None) -> None:
    wanted = {"ChecksumAlgorithm": algorithm, "ChecksumType": kind} if algorithm else {}
    names = {"Bucket": s3_bucket, "Key": "large"}
    upload = s3.create_multipart_upload(**names, Metadata={"x": "1"}, **wanted)["UploadId"]
    assert s3.list_multipart_uploads(Bucket=s3_bucket)["Uploads"][0]["UploadId"] == upload
    pieces = [os.urandom(1 << 20), os.urandom(1 << 20), b"end"]
    s3.put_object(Bucket=s3_bucket, Key="source", Body=b"--" + pieces[1] + b"--")
    parts = []
    for number, piece in enumerate(pieces, start=1):
        one = {**names, "UploadId": upload, "PartNumber": number}
        if number == 2:
            copy = s3.upload_part_copy(
                **one, CopySource=f"{s3_bucket}/source", CopySourceRange=f"bytes=2-{len(piece) + 1}"
            )
            answer = copy["CopyPartResult"]
        else:
            answer = s3.upload_part(
                **one, Body=piece, **({"ChecksumAlgorithm": algorithm} if algorithm else {})
            )
        checksum = {name: value for name, value in answer.items() if name.startswith("Checksum")}
        assert not algorithm or f"Checksum{algorithm}" in checksum
        checksum.pop("ChecksumType", None)
        parts.append({"PartNumber": number, "ETag": answer["ETag"], **(checksum if algorithm else {})})
    listed = s3.list_parts(**names, UploadId=upload)["Parts"]
    assert [item["ETag"] for item in listed] == [item["ETag"] for item in parts]
    done = s3.complete_multipart_upload(
        **names, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
    )
    assert done["ETag"].endswith('-3"')
    whole = b"".join(pieces)
    got = s3.get_object(**names, ChecksumMode="ENABLED")
    assert (got["Body"].read() == whole, got["Metadata"], got["ETag"]) == (True, {"x": "1"}, done["ETag"])
    if algorithm:
        checksum = got[f"Checksum{algorithm}"]
        assert (got["ChecksumType"], checksum) == (kind, done[f"Checksum{algorithm}"])
        assert checksum.endswith("-3") is (kind == "COMPOSITE")
        if kind == "FULL_OBJECT":  # the joined checksum is that of the whole, summed up anew by a copy
            again = s3.copy_object(Bucket=s3_bucket, Key="c", CopySource=names, ChecksumAlgorithm=algorithm)
            assert again["CopyObjectResult"]["ChecksumCRC32"] == checksum
    other = s3.create_multipart_upload(**names)["UploadId"]
    s3.abort_multipart_upload(**names, UploadId=other)
    assert refusal(s3.list_parts, **names, UploadId=other) == (404, "NoSuchUpload")


def test_parts_with_other_checksums(s3: Client, s3_bucket: str) -> None:
    names = {"Bucket": s3_bucket, "Key": "large"}
    upload = s3.create_multipart_upload(**names, ChecksumAlgorithm="SHA1")["UploadId"]
    one = {**names, "UploadId": upload, "PartNumber": 1}
    assert refusal(s3.upload_part, **one, Body=b"1", ChecksumAlgorithm="SHA256") == (400, "InvalidRequest")
    assert refusal(s3.upload_part, **one, Body=b"1", ChecksumSHA1="A" * 27 + "=") == (400, "BadDigest")
    etag = s3.upload_part(**one, Body=b"1", ChecksumAlgorithm="SHA1")["ETag"]
    wrong = {"Parts": [{"PartNumber": 1, "ETag": etag, "ChecksumSHA1": "A" * 27 + "="}]}
    assert refusal(s3.complete_multipart_upload, **names, UploadId=upload, MultipartUpload=wrong) == (
        400,
        "InvalidPart",
    )
    right = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    complete = {**names, "UploadId": upload, "MultipartUpload": right}
    assert refusal(s3.complete_multipart_upload, **complete, MpuObjectSize=2) == (400, "InvalidRequest")
    assert refusal(s3.complete_multipart_upload, **complete, ChecksumSHA1="A" * 27 + "=") == (
        400,
        "BadDigest",
    )
    assert s3.complete_multipart_upload(**complete, MpuObjectSize=1)["ChecksumSHA1"].endswith("-1")


@pytest.mark.compat("S3: multipart upload", client=CLIENT)
def test_transfers(s3: Client, s3_bucket: str, tmp_path: Path) -> None:
    """The transfer manager: parallel parts up, ranges down, a copy in parts."""
    file = tmp_path / "large"
    file.write_bytes(os.urandom(20_000_000))
    s3.upload_file(str(file), s3_bucket, "large")
    s3.copy({"Bucket": s3_bucket, "Key": "large"}, s3_bucket, "copied")
    s3.download_file(s3_bucket, "copied", str(tmp_path / "down"))
    assert (tmp_path / "down").read_bytes() == file.read_bytes()


@pytest.mark.compat("S3: checksums", client=CLIENT)
@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
@pytest.mark.parametrize("signed", [True, False])
def test_checksums(
    make: Callable[..., Client], s3_bucket: str, algorithm: str, signed: bool, tmp_path: Path
) -> None:
    client = make(s3={"payload_signing_enabled": signed})
    file = tmp_path / "file"
    file.write_bytes(b"hello" * 50_000)
    with file.open("rb") as body:  # a stream, whose checksum comes in a trailer where TLS allows it
        put = client.put_object(Bucket=s3_bucket, Key="a", Body=body, ChecksumAlgorithm=algorithm)
    got = client.get_object(Bucket=s3_bucket, Key="a", ChecksumMode="ENABLED")
    assert got["Body"].read() == file.read_bytes()
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    attributes = client.get_object_attributes(
        Bucket=s3_bucket, Key="a", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass"]
    )
    assert attributes["Checksum"][f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert (attributes["ObjectSize"], attributes["StorageClass"]) == (250_000, "STANDARD")
    wrong = {f"Checksum{algorithm}": put[f"Checksum{algorithm}"]}
    assert refusal(client.put_object, Bucket=s3_bucket, Key="a", Body=b"other", **wrong) == (400, "BadDigest")
    assert client.head_object(Bucket=s3_bucket, Key="a")["ContentLength"] == 250_000


@pytest.mark.compat("S3: ACL, tagging, CORS", client=CLIENT)
def test_acl_tagging_cors(s3: Client, s3_bucket: str, server: ServerProcess) -> None:
    s3.put_object(Bucket=s3_bucket, Key="a", Body=b"1", Tagging="k=v", ACL="bucket-owner-full-control")
    names = {"Bucket": s3_bucket, "Key": "a"}
    assert s3.get_object_tagging(**names)["TagSet"] == [{"Key": "k", "Value": "v"}]
    assert s3.head_object(**names)["TagCount"] == 1
    s3.put_object_tagging(**names, Tagging={"TagSet": [{"Key": "k", "Value": "w"}]})
    s3.delete_object_tagging(**names)
    assert s3.get_object_tagging(**names)["TagSet"] == []
    url = f"http://127.0.0.1:{server.port}/{s3_bucket}/a"
    s3.put_object_acl(**names, ACL="public-read")
    assert fetched(url) == b"1"
    grants = s3.get_object_acl(**names)["Grants"]
    assert grants[0]["Grantee"]["URI"] == "http://acs.amazonaws.com/groups/global/AllUsers"
    s3.put_bucket_acl(Bucket=s3_bucket, ACL="public-read")
    policy = s3.get_bucket_acl(Bucket=s3_bucket)
    s3.put_bucket_acl(
        Bucket=s3_bucket, AccessControlPolicy={"Owner": policy["Owner"], "Grants": policy["Grants"][1:]}
    )
    assert len(s3.get_bucket_acl(Bucket=s3_bucket)["Grants"]) == 1
    s3.put_bucket_tagging(Bucket=s3_bucket, Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    assert s3.get_bucket_tagging(Bucket=s3_bucket)["TagSet"] == [{"Key": "k", "Value": "v"}]
    s3.delete_bucket_tagging(Bucket=s3_bucket)
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.test"], "MaxAgeSeconds": 5}
    s3.put_bucket_cors(Bucket=s3_bucket, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=s3_bucket)["CORSRules"] == [rule]
    s3.delete_bucket_cors(Bucket=s3_bucket)
    assert refusal(s3.get_bucket_cors, Bucket=s3_bucket) == (404, "NoSuchCORSConfiguration")


@pytest.mark.compat("Lifecycle: expiry of objects and uploads", client=CLIENT)
def test_lifecycle(s3: Client, s3_bucket: str) -> None:
    rule = {"ID": "old", "Filter": {"Prefix": "in/"}, "Status": "Enabled", "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket=s3_bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle_configuration(Bucket=s3_bucket)["Rules"] == [rule]
    s3.put_object(Bucket=s3_bucket, Key="in/a", Body=b"1")
    assert 'rule-id="old"' in s3.head_object(Bucket=s3_bucket, Key="in/a")["Expiration"]
    s3.delete_bucket_lifecycle(Bucket=s3_bucket)
    moving = {**rule, "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}
    assert refusal(
        s3.put_bucket_lifecycle_configuration, Bucket=s3_bucket, LifecycleConfiguration={"Rules": [moving]}
    ) == (501, "NotImplemented")


@pytest.mark.compat("Bucket policies", client=CLIENT)
def test_policy(s3: Client, s3_bucket: str, server: ServerProcess) -> None:
    for key in ("pub/a", "b"):
        s3.put_object(Bucket=s3_bucket, Key=key, Body=b"1")
    url = f"http://127.0.0.1:{server.port}/{s3_bucket}"
    statement = {
        "Sid": "Public",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{s3_bucket}/pub/*"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=s3_bucket, Policy=json.dumps(policy))
    assert json.loads(s3.get_bucket_policy(Bucket=s3_bucket)["Policy"]) == policy
    assert s3.get_bucket_policy_status(Bucket=s3_bucket)["PolicyStatus"] == {"IsPublic": True}
    assert fetched(f"{url}/pub/a") == b"1"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetched(f"{url}/b")
    denied = {**statement, "Effect": "Deny", "Action": "s3:*", "Resource": f"arn:aws:s3:::{s3_bucket}/b"}
    s3.put_bucket_policy(Bucket=s3_bucket, Policy=json.dumps({**policy, "Statement": [denied]}))
    assert refusal(s3.get_object, Bucket=s3_bucket, Key="b") == (403, "AccessDenied")
    assert s3.get_bucket_policy_status(Bucket=s3_bucket)["PolicyStatus"] == {"IsPublic": False}
    secure = {**statement, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    for given, code in (
        ({**policy, "Statement": [secure]}, (501, "NotImplemented")),
        ({}, (400, "MalformedPolicy")),
    ):
        assert refusal(s3.put_bucket_policy, Bucket=s3_bucket, Policy=json.dumps(given)) == code
    s3.delete_bucket_policy(Bucket=s3_bucket)
    assert refusal(s3.get_bucket_policy, Bucket=s3_bucket) == (404, "NoSuchBucketPolicy")


@pytest.mark.compat("Static websites", client=CLIENT)
def test_website(s3: Client, s3_bucket: str) -> None:
    site = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}
    s3.put_bucket_website(Bucket=s3_bucket, WebsiteConfiguration=site)
    found = s3.get_bucket_website(Bucket=s3_bucket)
    assert {name: found[name] for name in site} == site
    rules = [{"Redirect": {"ReplaceKeyWith": "a"}}]
    refused = {**site, "RoutingRules": rules}
    assert refusal(s3.put_bucket_website, Bucket=s3_bucket, WebsiteConfiguration=refused) == (
        501,
        "NotImplemented",
    )
    s3.delete_bucket_website(Bucket=s3_bucket)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_policy_status", "NoSuchBucketPolicy"),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
        ("get_public_access_block", "NoSuchPublicAccessBlockConfiguration"),
        ("get_bucket_ownership_controls", "OwnershipControlsNotFoundError"),
        ("get_bucket_tagging", "NoSuchTagSet"),
        ("get_bucket_versioning", ""),
        ("get_bucket_logging", ""),
        ("get_bucket_notification_configuration", ""),
        ("get_bucket_request_payment", ""),
        ("get_bucket_accelerate_configuration", ""),
        ("list_bucket_analytics_configurations", ""),
        ("list_bucket_metrics_configurations", ""),
    ],
)
def test_configurations_that_are_not_set(s3: Client, s3_bucket: str, name: str, code: str) -> None:
    if code:
        assert refusal(getattr(s3, name), Bucket=s3_bucket) == (404, code)
    else:
        getattr(s3, name)(Bucket=s3_bucket)


def test_configurations_that_cannot_be_set(s3: Client, s3_bucket: str) -> None:
    calls: list[tuple[str, dict[str, object]]] = [
        ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}),
        ("put_bucket_request_payment", {"RequestPaymentConfiguration": {"Payer": "Requester"}}),
        ("put_public_access_block", {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}),
        ("put_object_legal_hold", {"Key": "a", "LegalHold": {"Status": "ON"}}),
    ]
    s3.put_object(Bucket=s3_bucket, Key="a", Body=b"1")
    for name, arguments in calls:
        assert refusal(getattr(s3, name), Bucket=s3_bucket, **arguments) == (501, "NotImplemented"), name
    restored = {"Bucket": s3_bucket, "Key": "a", "RestoreRequest": {"Days": 1}}
    assert refusal(s3.restore_object, **restored) == (403, "InvalidObjectState")
    s3.put_object(Bucket=s3_bucket, Key="a", Body=b"1", StorageClass="DEEP_ARCHIVE")
    s3.restore_object(**restored)
    assert refusal(s3.get_object_retention, Bucket=s3_bucket, Key="a") == (400, "InvalidRequest")
    assert s3.get_object(Bucket=s3_bucket, Key="a")["Body"].read() == b"1"


@pytest.mark.compat("S3: presigned URLs and forms", client=CLIENT)
def test_presigned(s3: Client, s3_bucket: str) -> None:
    url = s3.generate_presigned_url(
        "put_object", {"Bucket": s3_bucket, "Key": "a 图", "ContentType": "text/x"}
    )
    request = urllib.request.Request(url, b"body", {"Content-Type": "text/x"}, method="PUT")
    with urllib.request.urlopen(request) as put:
        assert put.status == 200
    read = {"Bucket": s3_bucket, "Key": "a 图", "ResponseContentDisposition": "attachment"}
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", read)) as got:
        assert (got.read(), got.headers["Content-Disposition"]) == (b"body", "attachment")


@pytest.mark.compat("S3: presigned URLs and forms", client=CLIENT)
def test_forms(s3: Client, s3_bucket: str) -> None:
    import httpx

    conditions = [["starts-with", "$key", "in/"], {"x-amz-meta-x": "1"}, ["content-length-range", 1, 10]]
    form = s3.generate_presigned_post(s3_bucket, "in/${filename}", {"x-amz-meta-x": "1"}, conditions)
    answer = httpx.post(form["url"], data=form["fields"], files={"file": ("f.txt", b"text")})
    assert answer.status_code == 204, answer.text
    got = s3.get_object(Bucket=s3_bucket, Key="in/f.txt")
    assert (got["Body"].read(), got["Metadata"]) == (b"text", {"x": "1"})
    for change, file, code in (
        ({"x-amz-meta-x": "2"}, b"text", "AccessDenied"),
        ({"x-amz-meta-y": "2"}, b"text", "AccessDenied"),
        ({"x-amz-signature": "0" * 64}, b"text", "SignatureDoesNotMatch"),
        ({"key": "out/f"}, b"text", "AccessDenied"),
        ({}, b"too long a text", "EntityTooLarge"),
    ):
        wrong = httpx.post(form["url"], data={**form["fields"], **change}, files={"file": ("f2", file)})
        assert f"<Code>{code}</Code>" in wrong.text
    assert len(s3.list_objects_v2(Bucket=s3_bucket)["Contents"]) == 1


@pytest.mark.compat("S3: image operations", client=CLIENT)
@pytest.mark.parametrize("encoded", [True, False])
def test_image_operations(s3: Client, s3_bucket: str, photo: bytes, encoded: bool) -> None:
    s3.put_object(Bucket=s3_bucket, Key="a.png", Body=photo)
    operation = "imageMogr2/thumbnail/100x/format/webp"
    text = operation.replace("/", "%2F") if encoded else operation

    def add(request: Any, **_: object) -> None:
        request.url += ("&" if "?" in request.url else "?") + text

    s3.meta.events.register("before-sign.s3.GetObject", add)
    try:
        got = s3.get_object(Bucket=s3_bucket, Key="a.png")
        url = s3.generate_presigned_url("get_object", {"Bucket": s3_bucket, "Key": "a.png"})
    finally:
        s3.meta.events.unregister("before-sign.s3.GetObject", add)
    body = got["Body"].read()
    assert (got["ContentType"], body[8:12]) == ("image/webp", b"WEBP")
    assert operation.split("/")[0] in url
    assert fetched(url) == body


@pytest.mark.compat("S3: image operations", client=CLIENT)
def test_pic_operations(s3: Client, s3_bucket: str, photo: bytes) -> None:
    rules = {"is_pic_info": 1, "rules": [{"fileid": "/b.webp", "rule": "imageMogr2/format/webp"}]}

    def add(request: Any, **_: object) -> None:
        request.headers["Pic-Operations"] = json.dumps(rules)

    s3.meta.events.register("before-sign.s3.PutObject", add)
    try:
        s3.put_object(Bucket=s3_bucket, Key="a.png", Body=photo)
    finally:
        s3.meta.events.unregister("before-sign.s3.PutObject", add)
    assert s3.head_object(Bucket=s3_bucket, Key="b.webp")["ContentType"] == "image/webp"


@pytest.mark.compat("S3: virtual-host and path style", client=CLIENT)
def test_virtual_hosts(make: Callable[..., Client], server: ServerProcess, s3_bucket: str) -> None:
    """The bucket in the host, through a proxy setting: what COS's own endpoint asks of S3 clients."""
    client = make(
        "http://cos.ap-shanghai.myqcloud.com",
        s3={"addressing_style": "virtual"},
        proxies={"http": f"http://127.0.0.1:{server.port}"},
    )
    client.put_object(Bucket=s3_bucket, Key="a/b", Body=b"1")
    assert client.get_object(Bucket=s3_bucket, Key="a/b")["Body"].read() == b"1"
    assert [item["Key"] for item in client.list_objects_v2(Bucket=s3_bucket)["Contents"]] == ["a/b"]
    url = client.generate_presigned_url("get_object", {"Bucket": s3_bucket, "Key": "a/b"})
    assert urlsplit(url).hostname == f"{s3_bucket}.cos.ap-shanghai.myqcloud.com"
    other = {"LocationConstraint": "ap-beijing"}
    assert refusal(client.create_bucket, Bucket="elsewhere-1250000000", CreateBucketConfiguration=other) == (
        400,
        "IllegalLocationConstraintException",
    )


def test_other_signatures(make: Callable[..., Client], s3_bucket: str) -> None:
    """Version 2 is refused in words."""
    old = make(signature_version="s3")
    assert refusal(old.list_objects_v2, Bucket=s3_bucket) == (400, "InvalidRequest")
    url = make(signature_version="s3-query").generate_presigned_url(
        "get_object", {"Bucket": s3_bucket, "Key": "a"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    with caught.value as error:
        assert b"AWS4-HMAC-SHA256" in error.read()
    wrong = make()
    wrong._request_signer._credentials.secret_key = "wrong"
    assert refusal(wrong.list_objects_v2, Bucket=s3_bucket) == (403, "SignatureDoesNotMatch")
    anonymous = make(signature_version=__import__("botocore").UNSIGNED)
    assert refusal(anonymous.list_objects_v2, Bucket=s3_bucket) == (403, "AccessDenied")
