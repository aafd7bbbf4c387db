"""Objects with the official Python SDK."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import requests
from qcloud_cos import CosS3Client
from qcloud_cos.cos_exception import CosServiceError

from openmogr.testing import ServerProcess

SDK = "cos-python-sdk-v5 1.9"
MIB = 1024 * 1024


def body(answer: dict[str, object]) -> bytes:
    """The bytes of a ``get_object`` answer."""
    stream = answer["Body"].get_raw_stream()  # type: ignore[attr-defined]
    return bytes(stream.read())


@pytest.mark.compat("PUT/GET/HEAD/DELETE Object", client=SDK)
def test_object_life(cos: CosS3Client, bucket: str) -> None:
    """Lines 11 to 13 and 16: header names in their usual case, quoted ETag, real length on HEAD, 204."""
    data = os.urandom(100_000)
    put = cos.put_object(
        Bucket=bucket,
        Key="folder/photo 图.jpg",
        Body=data,
        ContentDisposition='attachment; filename="x.jpg"',
        CacheControl="max-age=60",
        Metadata={"x-cos-meta-author": "somebody"},
        EnableMD5=True,
    )
    etag = f'"{hashlib.md5(data).hexdigest()}"'
    assert put["ETag"] == etag
    head = cos.head_object(Bucket=bucket, Key="folder/photo 图.jpg")
    assert head["ETag"] == etag
    assert head["Content-Length"] == "100000"
    assert head["Content-Type"] == "image/jpeg"
    assert head["Cache-Control"] == "max-age=60"
    assert head["Content-Disposition"] == 'attachment; filename="x.jpg"'
    assert head["x-cos-meta-author"] == "somebody"
    for name in ("Last-Modified", "x-cos-request-id", "x-cos-hash-crc64ecma", "Accept-Ranges"):
        assert head[name]
    got = cos.get_object(Bucket=bucket, Key="folder/photo 图.jpg")
    assert body(got) == data
    part = cos.get_object(Bucket=bucket, Key="folder/photo 图.jpg", Range="bytes=10-19")
    assert (part["Content-Range"], body(part)) == ("bytes 10-19/100000", data[10:20])
    assert cos.object_exists(Bucket=bucket, Key="folder/photo 图.jpg")
    cos.delete_object(Bucket=bucket, Key="folder/photo 图.jpg")
    cos.delete_object(Bucket=bucket, Key="folder/photo 图.jpg")
    assert not cos.object_exists(Bucket=bucket, Key="folder/photo 图.jpg")


@pytest.mark.parametrize(
    "key", ["./a", "../b", "a//b", "c/../d", "e/", "f?g#h&i=j", "k+l m", "%41", "n/./o", "~'()*!"]
)
def test_keys_are_opaque(cos: CosS3Client, bucket: str, key: str) -> None:
    """Line 4: the SDK sends ``.%2F`` for ``./``."""
    cos.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert body(cos.get_object(Bucket=bucket, Key=key, KeySimplifyCheck=False)) == key.encode()
    assert [item["Key"] for item in cos.list_objects(Bucket=bucket)["Contents"]] == [key]


def test_conditions_and_overrides(cos: CosS3Client, bucket: str) -> None:
    etag = cos.put_object(Bucket=bucket, Key="a", Body=b"1")["ETag"]
    answer = cos.get_object(
        Bucket=bucket, Key="a", ResponseContentType="text/x-test", ResponseContentDisposition="inline"
    )
    assert (answer["Content-Type"], answer["Content-Disposition"], body(answer)) == (
        "text/x-test",
        "inline",
        b"1",
    )
    with pytest.raises(CosServiceError) as caught:
        cos.get_object(Bucket=bucket, Key="a", IfMatch='"0"')
    assert caught.value.get_error_code() == "PreconditionFailed"
    assert body(cos.get_object(Bucket=bucket, Key="a", IfMatch=etag)) == b"1"
    with pytest.raises(CosServiceError) as caught:
        cos.get_object(Bucket=bucket, Key="a", Range="bytes=5-")
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (416, "InvalidRange")


@pytest.mark.compat("PUT/GET/HEAD/DELETE Object", client=SDK)
def test_streamed_and_chunked_uploads(cos: CosS3Client, bucket: str, tmp_path: Path) -> None:
    """Lines 6 and 18: chunked uploads sign ``transfer-encoding``."""

    def pieces() -> object:
        yield b"one "
        yield b"two"

    cos.put_object(Bucket=bucket, Key="chunked", Body=pieces())
    assert body(cos.get_object(Bucket=bucket, Key="chunked")) == b"one two"
    file = tmp_path / "file.bin"
    file.write_bytes(os.urandom(300_000))
    with file.open("rb") as stream:
        cos.put_object(Bucket=bucket, Key="file", Body=stream)
    assert body(cos.get_object(Bucket=bucket, Key="file")) == file.read_bytes()
    cos.put_object(Bucket=bucket, Key="empty", Body=b"")
    assert cos.head_object(Bucket=bucket, Key="empty")["Content-Length"] == "0"


@pytest.mark.compat("Multiple delete", client=SDK)
def test_multiple_delete(cos: CosS3Client, bucket: str) -> None:
    for key in ("a", "b & <c>", "图"):
        cos.put_object(Bucket=bucket, Key=key, Body=b"1")
    wanted = {"Object": [{"Key": "a"}, {"Key": "b & <c>"}, {"Key": "never"}], "Quiet": "false"}
    answer = cos.delete_objects(Bucket=bucket, Delete=wanted)
    assert [item["Key"] for item in answer["Deleted"]] == ["a", "b & <c>", "never"]
    assert [item["Key"] for item in cos.list_objects(Bucket=bucket)["Contents"]] == ["图"]


@pytest.mark.compat("Copy", client=SDK)
def test_copies(proxied: CosS3Client, cos: CosS3Client, bucket: str) -> None:
    """Lines 3 and 20: through a proxy setting, with an encoded copy source."""
    cos.put_object(Bucket=bucket, Key="from/图 +.txt", Body=b"text", ContentType="text/x-1")
    source = {"Bucket": bucket, "Key": "from/图 +.txt", "Region": "ap-shanghai"}
    answer = proxied.copy_object(Bucket=bucket, Key="to", CopySource=source)
    assert answer["ETag"] == f'"{hashlib.md5(b"text").hexdigest()}"'
    got = cos.get_object(Bucket=bucket, Key="to")
    assert (body(got), got["Content-Type"]) == (b"text", "text/x-1")
    proxied.copy_object(
        Bucket=bucket, Key="to", CopySource=source, CopyStatus="Replaced", ContentType="text/x-2"
    )
    assert cos.head_object(Bucket=bucket, Key="to")["Content-Type"] == "text/x-2"
    proxied.copy(Bucket=bucket, Key="again", CopySource=source)
    assert body(cos.get_object(Bucket=bucket, Key="again")) == b"text"
    with pytest.raises(CosServiceError) as caught:
        proxied.copy_object(Bucket=bucket, Key="x", CopySource={**source, "Key": "missing"})
    assert caught.value.get_status_code() == 404


@pytest.mark.compat("Multipart upload", client=SDK)
def test_multipart_by_hand(cos: CosS3Client, bucket: str) -> None:
    data = os.urandom(2 * MIB + 5)
    upload = cos.create_multipart_upload(Bucket=bucket, Key="big", ContentType="image/x-test")["UploadId"]
    parts = []
    for number, start in enumerate(range(0, len(data), MIB), start=1):
        answer = cos.upload_part(
            Bucket=bucket, Key="big", Body=data[start : start + MIB], PartNumber=number, UploadId=upload
        )
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    assert [item["Key"] for item in cos.list_multipart_uploads(Bucket=bucket)["Upload"]] == ["big"]
    listed = cos.list_parts(Bucket=bucket, Key="big", UploadId=upload)
    assert [(item["PartNumber"], item["Size"]) for item in listed["Part"]] == [
        ("1", str(MIB)),
        ("2", str(MIB)),
        ("3", "5"),
    ]
    done = cos.complete_multipart_upload(
        Bucket=bucket, Key="big", UploadId=upload, MultipartUpload={"Part": parts}
    )
    assert done["ETag"].endswith('-3"')
    assert done["Location"] == f"http://{bucket}.cos.ap-shanghai.myqcloud.com/big"
    got = cos.get_object(Bucket=bucket, Key="big")
    assert (body(got), got["Content-Type"], got["ETag"]) == (data, "image/x-test", done["ETag"])
    with pytest.raises(CosServiceError) as caught:
        cos.list_parts(Bucket=bucket, Key="big", UploadId=upload)
    assert caught.value.get_error_code() == "NoSuchUpload"


@pytest.mark.compat("Multipart upload", client=SDK)
def test_part_copy_and_abort(cos: CosS3Client, bucket: str) -> None:
    data = os.urandom(MIB + 10)
    cos.put_object(Bucket=bucket, Key="source", Body=data)
    upload = cos.create_multipart_upload(Bucket=bucket, Key="copy")["UploadId"]
    source = {"Bucket": bucket, "Key": "source", "Region": "ap-shanghai"}
    answer = cos.upload_part_copy(
        Bucket=bucket,
        Key="copy",
        UploadId=upload,
        PartNumber=1,
        CopySource=source,
        CopySourceRange=f"bytes=10-{MIB + 9}",
    )
    assert answer["ETag"] == f'"{hashlib.md5(data[10:]).hexdigest()}"'
    cos.complete_multipart_upload(
        Bucket=bucket,
        Key="copy",
        UploadId=upload,
        MultipartUpload={"Part": [{"PartNumber": 1, "ETag": answer["ETag"]}]},
    )
    assert body(cos.get_object(Bucket=bucket, Key="copy")) == data[10:]
    upload = cos.create_multipart_upload(Bucket=bucket, Key="gone")["UploadId"]
    cos.abort_multipart_upload(Bucket=bucket, Key="gone", UploadId=upload)
    assert "Upload" not in cos.list_multipart_uploads(Bucket=bucket)


@pytest.mark.compat("Multipart upload", client=SDK)
def test_upload_and_download_file(cos: CosS3Client, bucket: str, tmp_path: Path) -> None:
    """Line 17: ``download_file(EnableCRC=True)`` compares the CRC64."""
    source, target = tmp_path / "source.bin", tmp_path / "target.bin"
    source.write_bytes(os.urandom(22 * MIB))
    cos.upload_file(Bucket=bucket, Key="file", LocalFilePath=str(source), PartSize=5, MAXThread=3)
    cos.download_file(
        Bucket=bucket, Key="file", DestFilePath=str(target), PartSize=5, MAXThread=3, EnableCRC=True
    )
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.compat("Presigned URLs", client=SDK)
def test_presigned_urls(proxied: CosS3Client, server: ServerProcess, bucket: str) -> None:
    """Lines 3 and 9."""
    proxies = {"http": f"http://127.0.0.1:{server.port}"}
    url = proxied.get_presigned_url(Bucket=bucket, Key="a/b 图", Method="PUT")
    assert requests.put(url, data=b"bytes", proxies=proxies, timeout=30).status_code == 200
    url = proxied.get_presigned_url(
        Bucket=bucket, Key="a/b 图", Method="GET", Params={"response-content-type": "text/x-test"}
    )
    answer = requests.get(url, proxies=proxies, timeout=30)
    assert (answer.content, answer.headers["Content-Type"]) == (b"bytes", "text/x-test")
    url = proxied.get_presigned_download_url(Bucket=bucket, Key="a/b 图")
    assert requests.get(url, proxies=proxies, timeout=30).content == b"bytes"
    assert (
        requests.get(url.replace("q-signature=", "q-signature=0"), proxies=proxies, timeout=30).status_code
        == 403
    )
    expired = proxied.get_presigned_url(Bucket=bucket, Key="a/b 图", Method="GET", Expired=-100)
    answer = requests.get(expired, proxies=proxies, timeout=30)
    assert answer.status_code == 403
    assert "Request has expired" in answer.text


def test_wrong_md5_stores_nothing(cos: CosS3Client, bucket: str) -> None:
    """Line 20."""
    with pytest.raises(CosServiceError) as caught:
        cos.put_object(Bucket=bucket, Key="a", Body=b"1", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (400, "BadDigest")
    with pytest.raises(CosServiceError) as caught:
        cos.put_object(Bucket=bucket, Key="a", Body=b"1", ContentMD5="nonsense")
    assert caught.value.get_error_code() == "InvalidDigest"
    assert not cos.object_exists(Bucket=bucket, Key="a")


@pytest.mark.compat("Append", client=SDK)
def test_append(cos: CosS3Client, bucket: str) -> None:
    first = cos.append_object(Bucket=bucket, Key="a.log", Position=0, Data=b"one ", ContentType="text/x-log")
    assert first["x-cos-next-append-position"] == "4"
    second = cos.append_object(Bucket=bucket, Key="a.log", Position=4, Data=b"two")
    assert second["x-cos-next-append-position"] == "7"
    head = cos.head_object(Bucket=bucket, Key="a.log")
    assert (head["x-cos-object-type"], head["Content-Type"]) == ("appendable", "text/x-log")
    assert head["x-cos-hash-crc64ecma"] == second["x-cos-hash-crc64ecma"]
    assert body(cos.get_object(Bucket=bucket, Key="a.log")) == b"one two"
    with pytest.raises(CosServiceError) as caught:
        cos.append_object(Bucket=bucket, Key="a.log", Position=4, Data=b"x")
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (
        409,
        "PositionNotEqualToLength",
    )
    cos.put_object(Bucket=bucket, Key="plain", Body=b"x")
    with pytest.raises(CosServiceError) as caught:
        cos.append_object(Bucket=bucket, Key="plain", Position=1, Data=b"x")
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (409, "ObjectNotAppendable")
