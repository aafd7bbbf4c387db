"""Buckets and access with the official Python SDK."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from qcloud_cos import CosConfig, CosS3Client
from qcloud_cos.cos_exception import CosServiceError

from openmogr.testing import ServerProcess

SDK = "cos-python-sdk-v5 1.9"
REGION = "ap-shanghai"


@pytest.mark.compat("GET Service, PUT/HEAD/DELETE Bucket", client=SDK)
def test_bucket_life(cos: CosS3Client, bucket: str) -> None:
    """Line 2: ``list_buckets`` goes to the address itself, path ``/``."""
    names = [item["Name"] for item in cos.list_buckets()["Buckets"]["Bucket"]]
    assert bucket in names
    assert cos.head_bucket(Bucket=bucket)["x-cos-bucket-region"] == REGION
    assert cos.bucket_exists(Bucket=bucket)
    assert cos.get_bucket_location(Bucket=bucket)["LocationConstraint"] == REGION
    with pytest.raises(CosServiceError) as caught:
        cos.create_bucket(Bucket=bucket)
    assert caught.value.get_error_code() == "BucketAlreadyOwnedByYou"
    cos.put_object(Bucket=bucket, Key="a", Body=b"1")
    with pytest.raises(CosServiceError) as caught:
        cos.delete_bucket(Bucket=bucket)
    assert caught.value.get_error_code() == "BucketNotEmpty"
    cos.delete_object(Bucket=bucket, Key="a")
    cos.delete_bucket(Bucket=bucket)
    assert not cos.bucket_exists(Bucket=bucket)


def test_a_bucket_whose_name_holds_cos_and_a_region(cos: CosS3Client) -> None:
    """Line 1."""
    name = "cos-python-v5-test-3-11-ap-shanghai-1250000000"
    cos.create_bucket(Bucket=name)
    cos.put_object(Bucket=name, Key="a", Body=b"1")
    assert [item["Key"] for item in cos.list_objects(Bucket=name)["Contents"]] == ["a"]


@pytest.mark.compat("List Objects v1", client=SDK)
def test_listing_in_pages(cos: CosS3Client, bucket: str) -> None:
    """Line 16: ``NextMarker`` whenever truncated, ``encoding-type=url`` honoured."""
    keys = ["a b+c%.txt", "d/1", "d/2", "d/e/3", "图/片.png"]
    for key in keys:
        cos.put_object(Bucket=bucket, Key=key, Body=b"1")
    found: list[str] = []
    marker = ""
    while True:
        page = cos.list_objects(Bucket=bucket, MaxKeys=2, Marker=marker, EncodingType="url")
        found += [unquote(item["Key"]) for item in page["Contents"]]
        if page["IsTruncated"] == "false":
            break
        marker = unquote(page["NextMarker"])
    assert found == keys
    grouped = cos.list_objects(Bucket=bucket, Delimiter="/", Prefix="")
    assert [item["Prefix"] for item in grouped["CommonPrefixes"]] == ["d/", "图/"]
    assert cos.list_objects(Bucket=bucket, MaxKeys=0)["IsTruncated"] == "false"


@pytest.mark.compat("Bucket and object ACL (private, public-read)", client=SDK)
def test_acl_and_anonymous_access(cos: CosS3Client, server: ServerProcess, bucket: str) -> None:
    """Line 10: an empty ``Authorization`` is anonymous."""
    cos.put_object(Bucket=bucket, Key="a", Body=b"1")
    nobody = CosS3Client(
        CosConfig(Region=REGION, Scheme="http", IP="127.0.0.1", Port=server.port, Anonymous=True), retry=0
    )
    with pytest.raises(CosServiceError) as caught:
        nobody.get_object(Bucket=bucket, Key="a")
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (403, "AccessDenied")
    cos.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert nobody.get_object(Bucket=bucket, Key="a")["Body"].get_raw_stream().read() == b"1"
    assert cos.get_bucket_acl(Bucket=bucket)["CannedACL"] == "public-read"
    with pytest.raises(CosServiceError):
        nobody.put_object(Bucket=bucket, Key="b", Body=b"2")
    assert cos.get_object_acl(Bucket=bucket, Key="a")["CannedACL"] == "default"
    cos.put_object_acl(Bucket=bucket, Key="a", ACL="private")
    assert cos.get_object_acl(Bucket=bucket, Key="a")["CannedACL"] == "private"
    with pytest.raises(CosServiceError):
        nobody.get_object(Bucket=bucket, Key="a")
    cos.put_bucket_acl(Bucket=bucket, ACL="private")
    cos.put_object_acl(Bucket=bucket, Key="a", ACL="public-read")
    assert nobody.head_object(Bucket=bucket, Key="a")["Content-Length"] == "1"


@pytest.mark.compat("Tagging", client=SDK)
def test_tagging(cos: CosS3Client, bucket: str) -> None:
    tags = {"TagSet": {"Tag": [{"Key": "project", "Value": "one two"}, {"Key": "k:2", "Value": ""}]}}
    cos.put_bucket_tagging(Bucket=bucket, Tagging=tags)
    assert cos.get_bucket_tagging(Bucket=bucket)["TagSet"]["Tag"][0] == {"Key": "project", "Value": "one two"}
    cos.delete_bucket_tagging(Bucket=bucket)
    with pytest.raises(CosServiceError) as caught:
        cos.get_bucket_tagging(Bucket=bucket)
    assert caught.value.get_error_code() == "NoSuchTagSet"
    cos.put_object(Bucket=bucket, Key="a", Body=b"1")
    cos.put_object_tagging(Bucket=bucket, Key="a", Tagging=tags)
    assert len(cos.get_object_tagging(Bucket=bucket, Key="a")["TagSet"]["Tag"]) == 2
    cos.delete_object_tagging(Bucket=bucket, Key="a")


@pytest.mark.compat("CORS", client=SDK)
def test_cors(cos: CosS3Client, server: ServerProcess, bucket: str) -> None:
    rule = {
        "ID": "1",
        "AllowedOrigin": ["https://a.example.com"],
        "AllowedMethod": ["GET"],
        "AllowedHeader": ["*"],
        "MaxAgeSeconds": "600",
        "ExposeHeader": ["ETag"],
    }
    with pytest.raises(CosServiceError) as caught:
        cos.get_bucket_cors(Bucket=bucket)
    assert caught.value.get_error_code() == "NoSuchCORSConfiguration"
    cos.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRule": [rule]})
    assert cos.get_bucket_cors(Bucket=bucket)["CORSRule"][0]["AllowedMethod"] == ["GET"]
    host = f"{bucket}.cos.{REGION}.myqcloud.com"
    asking = {"Origin": "https://a.example.com", "Access-Control-Request-Method": "GET"}
    answer = server.request("OPTIONS", "/a", headers=asking, host=host, signed=False)
    assert answer.status == 200
    assert answer.header("Access-Control-Allow-Origin") == "https://a.example.com"
    refused = server.request(
        "OPTIONS", "/a", headers={**asking, "Origin": "https://b"}, host=host, signed=False
    )
    assert (refused.status, refused.code) == (403, "AccessForbidden")
    cos.delete_bucket_cors(Bucket=bucket)


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("get_bucket_lifecycle", "NoSuchLifecycleConfiguration"),
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
    ],
)
def test_configurations_that_are_not_there(cos: CosS3Client, bucket: str, method: str, code: str) -> None:
    """Line 14: what is not supported is a 4xx."""
    with pytest.raises(CosServiceError) as caught:
        getattr(cos, method)(Bucket=bucket)
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (404, code)


@pytest.mark.compat("Bucket policies", client=SDK)
def test_policy(cos: CosS3Client, bucket: str, server: ServerProcess) -> None:
    cos.put_object(Bucket=bucket, Key="pub/a", Body=b"1")
    cos.put_object(Bucket=bucket, Key="b", Body=b"1")
    policy = {
        "Statement": [
            {
                "Principal": {"qcs": ["qcs::cam::anyone:anyone"]},
                "Effect": "Allow",
                "Action": ["name/cos:GetObject", "name/cos:HeadObject"],
                "Resource": [f"qcs::cos:{REGION}:uid/1250000000:{bucket}/pub/*"],
            }
        ],
        "version": "2.0",
    }
    cos.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert json.loads(cos.get_bucket_policy(Bucket=bucket)["Policy"]) == policy
    host = f"{bucket}.cos.{REGION}.myqcloud.com"
    assert server.request("GET", "/pub/a", host=host, signed=False).status == 200
    assert server.request("GET", "/b", host=host, signed=False).status == 403
    policy["Statement"][0]["Condition"] = {"string_equal": {"cos:x-cos-acl": "private"}}  # type: ignore[index]
    with pytest.raises(CosServiceError) as caught:
        cos.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert caught.value.get_error_code() == "NotSupported"
    cos.delete_bucket_policy(Bucket=bucket)
    assert server.request("GET", "/pub/a", host=host, signed=False).status == 403


@pytest.mark.compat("Static websites", client=SDK)
def test_website(cos: CosS3Client, bucket: str, server: ServerProcess) -> None:
    cos.put_bucket_acl(Bucket=bucket, ACL="public-read")
    for key in ("index.html", "error.html"):
        cos.put_object(Bucket=bucket, Key=key, Body=key.encode())
    site = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}
    cos.put_bucket_website(Bucket=bucket, WebsiteConfiguration=site)
    assert cos.get_bucket_website(Bucket=bucket) == site
    host = f"{bucket}.cos-website.{REGION}.myqcloud.com"
    for target, status, body in (("/", 200, b"index.html"), ("/none", 404, b"error.html")):
        answer = server.request("GET", target, host=host, signed=False)
        assert (answer.status, answer.body) == (status, body)
    cos.delete_bucket_website(Bucket=bucket)
    with pytest.raises(CosServiceError) as caught:
        cos.get_bucket_website(Bucket=bucket)
    assert caught.value.get_error_code() == "NoSuchWebsiteConfiguration"


@pytest.mark.compat("Lifecycle: expiry of objects and uploads", client=SDK)
def test_lifecycle(cos: CosS3Client, bucket: str) -> None:
    rule = {"ID": "old", "Filter": {"Prefix": "logs/"}, "Status": "Enabled", "Expiration": {"Days": "3"}}
    cos.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rule": [rule]})
    assert cos.get_bucket_lifecycle(Bucket=bucket)["Rule"] == [rule]
    cos.put_object(Bucket=bucket, Key="logs/a", Body=b"1")
    assert 'rule-id="old"' in cos.head_object(Bucket=bucket, Key="logs/a")["x-cos-expiration"]
    cos.delete_bucket_lifecycle(Bucket=bucket)


@pytest.mark.compat("Hotlink protection (`?referer`)", client=SDK)
def test_referer(cos: CosS3Client, bucket: str, server: ServerProcess) -> None:
    cos.put_bucket_acl(Bucket=bucket, ACL="public-read")
    cos.put_object(Bucket=bucket, Key="a", Body=b"1")
    rules = {
        "Status": "Enabled",
        "RefererType": "White-List",
        "EmptyReferConfiguration": "Deny",
        "DomainList": {"Domain": ["*.example.com"]},
    }
    cos.put_bucket_referer(Bucket=bucket, RefererConfiguration=rules)
    assert cos.get_bucket_referer(Bucket=bucket)["DomainList"] == rules["DomainList"]
    host = f"{bucket}.cos.{REGION}.myqcloud.com"
    for referer, status in (("https://www.example.com/", 200), ("https://example.org/", 403)):
        answer = server.request("GET", "/a", headers={"Referer": referer}, host=host, signed=False)
        assert answer.status == status
    cos.delete_bucket_referer(Bucket=bucket)  # with PUT and no body
    answer = server.request("GET", "/a", headers={"Referer": "https://example.org/"}, host=host, signed=False)
    assert answer.status == 200


def test_switches_answer(cos: CosS3Client, bucket: str) -> None:
    assert "Status" not in (cos.get_bucket_versioning(Bucket=bucket) or {})
    cos.get_bucket_logging(Bucket=bucket)
    with pytest.raises(CosServiceError) as caught:
        cos.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    assert caught.value.get_status_code() == 400


def test_errors_reach_the_caller_whole(cos: CosS3Client, bucket: str) -> None:
    """Line 15: no member of an error document is empty, or the SDK says "Unknown"."""
    with pytest.raises(CosServiceError) as caught:
        cos.get_object(Bucket=bucket, Key="no/such key")
    error = caught.value
    assert error.get_error_code() == "NoSuchKey"
    for part in (
        error.get_error_msg(),
        error.get_resource_location(),
        error.get_request_id(),
        error.get_trace_id(),
    ):
        assert part
        assert part != "Unknown"
    assert error.get_resource_location().endswith(f"{bucket}.cos.{REGION}.myqcloud.com/no/such key")
    with pytest.raises(CosServiceError) as caught:
        cos.head_object(Bucket=bucket, Key="no/such key")
    assert caught.value.get_status_code() == 404


def test_wrong_keys(server: ServerProcess, configure: Callable[..., CosConfig], bucket: str) -> None:
    wrong = CosS3Client(configure(SecretKey="wrong"), retry=0)
    with pytest.raises(CosServiceError) as caught:
        wrong.list_objects(Bucket=bucket)
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (403, "SignatureDoesNotMatch")
    assert server.credential.secret_key not in str(caught.value.get_origin_msg())
    unknown = CosS3Client(configure(SecretId="AKIDNOBODY"), retry=0)
    with pytest.raises(CosServiceError) as caught:
        unknown.list_objects(Bucket=bucket)
    assert caught.value.get_error_code() == "InvalidAccessKeyId"
