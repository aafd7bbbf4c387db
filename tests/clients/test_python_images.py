"""Image processing with the official Python SDK: the three ways, and information."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
from pathlib import Path
from typing import cast

import pytest
import requests
from PIL import Image
from qcloud_cos import CosS3Client
from qcloud_cos.cos_exception import CosServiceError

from openmogr.image import ImageSettings
from openmogr.image.text.faces import Face
from openmogr.image.text.fonts import find_font
from openmogr.testing import ServerProcess

SDK = "cos-python-sdk-v5 1.9"
MIB = 1024 * 1024


def rules(*pairs: tuple[str, str], info: int = 1, **extra: str) -> str:
    """A ``Pic-Operations`` header of fileid and rule pairs."""
    items = [{"fileid": fileid, "rule": rule, **extra} for fileid, rule in pairs]
    return json.dumps({"is_pic_info": info, "rules": items})


def objects(results: dict[str, object]) -> list[dict[str, str]]:
    """``ProcessResults/Object``, which the SDK gives as a dict or as a list."""
    found = cast(dict[str, object], results["ProcessResults"])["Object"]
    return cast(list[dict[str, str]], found if isinstance(found, list) else [found])


def fetch(cos: CosS3Client, bucket: str, key: str) -> bytes:
    """The bytes of an object."""
    return bytes(cos.get_object(Bucket=bucket, Key=key)["Body"].get_raw_stream().read())


def check_against_stored(cos: CosS3Client, bucket: str, item: dict[str, str]) -> Image.Image:
    """Line 21: what the XML says agrees with the stored bytes."""
    data = fetch(cos, bucket, item["Key"])
    assert item["Size"] == str(len(data))
    assert item["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert item["Location"] == f"{bucket}.cos.ap-shanghai.myqcloud.com/{item['Key']}"
    picture = Image.open(io.BytesIO(data))
    assert (item["Width"], item["Height"]) == tuple(map(str, picture.size))
    return picture


@pytest.mark.compat("Processing on download (GET with an operation)", client=SDK)
def test_download_processed(cos: CosS3Client, bucket: str, photo: bytes, tmp_path: Path) -> None:
    """Line 22 of requests: ``imageMogr2%2Fthumbnail%2F300x=`` and its signature."""
    cos.put_object(Bucket=bucket, Key="a.png", Body=photo)
    target = tmp_path / "out"
    answer = cos.ci_get_object(
        Bucket=bucket,
        Key="a.png",
        DestImagePath=str(target),
        Rule="imageMogr2/thumbnail/300x|imageMogr2/format/webp",
    )
    assert answer["Content-Type"] == "image/webp"
    assert len(answer["ETag"].strip('"')) == 40
    assert "x-cos-hash-crc64ecma" not in answer
    with Image.open(target) as picture:
        assert (picture.format, picture.size) == ("WEBP", (300, 200))


@pytest.mark.compat("`watermark/1` and `/2`: images and texts", client=SDK)
def test_watermarks(
    server: ServerProcess, proxied: CosS3Client, bucket: str, photo: bytes, tmp_path: Path
) -> None:
    """Signed in a header, and by a presigned URL in which the further object is signed itself, as it has to be."""
    proxies = {"http": f"http://127.0.0.1:{server.port}"}
    logo = io.BytesIO()
    Image.new("RGB", (90, 60), (255, 0, 0)).save(logo, "PNG")
    proxied.put_object(Bucket=bucket, Key="a.png", Body=photo)
    proxied.put_object(Bucket=bucket, Key="logo.png", Body=logo.getvalue())

    def rule(url: str) -> str:
        token = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
        return f"watermark/1/image/{token}/gravity/center/dissolve/100|imageMogr2/format/png"

    def check(data: bytes) -> None:
        with Image.open(io.BytesIO(data)) as picture:
            pixels = [
                picture.convert("RGB").getpixel(place) for place in ((384, 256), (384, 220), (380, 230))
            ]
        assert pixels[0] == pixels[2] == (255, 0, 0)
        assert pixels[1] != (255, 0, 0)

    plain = f"http://{bucket}.cos.ap-shanghai.myqcloud.com/logo.png"
    target = tmp_path / "out.png"
    proxied.ci_get_object(Bucket=bucket, Key="a.png", DestImagePath=str(target), Rule=rule(plain))
    check(target.read_bytes())
    operations = rules(("/marked.png", rule(plain)))
    stored = proxied.ci_image_process(Bucket=bucket, Key="a.png", PicOperations=operations)
    (item,) = objects(stored[1])
    check(fetch(proxied, bucket, item["Key"]))
    signed = proxied.get_presigned_url(Method="GET", Bucket=bucket, Key="logo.png")
    url = proxied.get_presigned_url(Method="GET", Bucket=bucket, Key="a.png", Params={rule(signed): ""})
    answer = requests.get(url, proxies=proxies, timeout=30)
    assert answer.status_code == 200, answer.text
    check(answer.content)
    refused = proxied.get_presigned_url(Method="GET", Bucket=bucket, Key="a.png", Params={rule(plain): ""})
    answer = requests.get(refused, proxies=proxies, timeout=30)
    assert (answer.status_code, answer.headers["X-ErrNo"]) == (400, "-60987")


@pytest.mark.compat("`watermark/1` and `/2`: images and texts", client=SDK)
def test_text_watermark(cos: CosS3Client, bucket: str, photo: bytes, tmp_path: Path) -> None:
    if find_font(Face.sans, ImageSettings().fonts) is None:
        pytest.skip("no font with Latin and CJK glyphs is installed")
    words, fill = (
        base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in ("腾讯云", "#FF0000")
    )
    cos.put_object(Bucket=bucket, Key="a.png", Body=photo)
    target = tmp_path / "out.png"
    text = (
        f"imageMogr2/thumbnail/!50p|watermark/2/text/{words}/fill/{fill}/fontsize/30/dx/20/dy/20/dissolve/100"
    )
    cos.ci_get_object(Bucket=bucket, Key="a.png", DestImagePath=str(target), Rule=text)
    with Image.open(target) as picture:
        corner = picture.convert("RGB").crop((274, 196, 364, 236))
        assert picture.size == (384, 256)
        assert (255, 0, 0) in {color for _, color in corner.getcolors(100 * 100) or ()}


@pytest.mark.compat("Image Advanced Compression: HEIF", client=SDK)
def test_heif(cos: CosS3Client, bucket: str, photo: bytes, tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif")
    cos.put_object(Bucket=bucket, Key="a.png", Body=photo)
    target = tmp_path / "out.heif"
    cos.ci_download_compress_image(Bucket=bucket, Key="a.png", DestImagePath=str(target), CompressType="heif")
    data = target.read_bytes()
    assert data[4:12] == b"ftypheic"
    assert len(data) < len(photo) / 4


@pytest.mark.compat("Processing on upload (PUT with Pic-Operations)", client=SDK)
def test_upload_processed(cos: CosS3Client, bucket: str, photo: bytes) -> None:
    """Lines 21 and 22: relative and absolute ``fileid``."""
    headers, data = cos.ci_put_object(
        Bucket=bucket,
        Key="p1/test1.png",
        Body=photo,
        ContentType="image/png",
        PicOperations=rules(
            ("small.webp", "imageMogr2/thumbnail/100x/format/webp"),
            ("/top/half.jpg", "imageMogr2/thumbnail/!50p/format/jpg/quality/70"),
        ),
    )
    assert headers["ETag"] == f'"{hashlib.md5(photo).hexdigest()}"'
    original = data["OriginalInfo"]
    assert original["Key"] == "p1/test1.png"
    assert original["Location"] == f"{bucket}.cos.ap-shanghai.myqcloud.com/p1/test1.png"
    info = original["ImageInfo"]
    assert (info["Format"], info["Width"], info["Height"], info["Orientation"]) == ("PNG", "768", "512", "0")
    assert list(info) == ["Format", "Width", "Height", "Quality", "Ave", "Orientation"]
    found = objects(data)
    assert [item["Key"] for item in found] == ["p1/small.webp", "top/half.jpg"]
    assert [item["Format"] for item in found] == ["webp", "jpg"]
    assert list(found[0]) == ["Key", "Location", "Format", "Width", "Height", "Size", "Quality", "ETag"]
    assert check_against_stored(cos, bucket, found[0]).format == "WEBP"
    assert check_against_stored(cos, bucket, found[1]).format == "JPEG"
    assert cos.head_object(Bucket=bucket, Key="top/half.jpg")["Content-Type"] == "image/jpeg"
    assert fetch(cos, bucket, "p1/test1.png") == photo


@pytest.mark.compat("Processing of stored data (POST ?image_process)", client=SDK)
def test_stored_processed(cos: CosS3Client, bucket: str, photo: bytes) -> None:
    cos.put_object(Bucket=bucket, Key="in/a.png", Body=photo)
    _, data = cos.ci_image_process(
        Bucket=bucket, Key="in/a.png", PicOperations=rules(("b.webp", "imageView2/2/w/200/format/webp"))
    )
    (item,) = objects(data)
    assert item["Key"] == "in/b.webp"
    assert check_against_stored(cos, bucket, item).size == (200, 133)
    assert fetch(cos, bucket, "in/a.png") == photo


def test_source_overwritten_by_its_result(cos: CosS3Client, bucket: str, photo: bytes) -> None:
    for name, key in (("a.png", "in/a.png"), ("/in/a.png", "in/a.png")):
        cos.put_object(Bucket=bucket, Key=key, Body=photo)
        _, data = cos.ci_image_process(
            Bucket=bucket, Key=key, PicOperations=rules((name, "imageMogr2/thumbnail/10x"))
        )
        (item,) = objects(data)
        assert data["OriginalInfo"]["ETag"] == item["ETag"]
        check_against_stored(cos, bucket, item)
    _, data = cos.ci_put_object(
        Bucket=bucket, Key="c.png", Body=photo, PicOperations=rules(("c.png", "imageMogr2/thumbnail/10x"))
    )
    check_against_stored(cos, bucket, objects(data)[0])
    assert data["OriginalInfo"]["ETag"] == objects(data)[0]["ETag"]


def test_result_in_another_bucket(cos: CosS3Client, bucket: str, photo: bytes) -> None:
    """Line 22."""
    other = f"other-{bucket}"
    cos.create_bucket(Bucket=other)
    cos.put_object(Bucket=bucket, Key="a.png", Body=photo)
    operations = rules(("b.webp", "imageMogr2/format/webp"), bucket=other)
    _, data = cos.ci_image_process(Bucket=bucket, Key="a.png", PicOperations=operations)
    (item,) = objects(data)
    assert item["Location"] == f"{other}.cos.ap-shanghai.myqcloud.com/b.webp"
    check_against_stored(cos, other, item)
    missing = rules(("b.webp", "imageMogr2/format/webp"), bucket="nowhere-1250000000")
    with pytest.raises(CosServiceError) as caught:
        cos.ci_image_process(Bucket=bucket, Key="a.png", PicOperations=missing)
    assert caught.value.get_error_code() == "NoSuchBucket"


@pytest.mark.compat("Complete Multipart Upload with Pic-Operations", client=SDK)
def test_complete_processed(cos: CosS3Client, bucket: str) -> None:
    """Line 21: ``ProcessResults`` inside ``CompleteMultipartUploadResult``."""
    stream = io.BytesIO()
    Image.frombytes("RGB", (800, 600), os.urandom(800 * 600 * 3)).save(stream, "PNG")
    data = stream.getvalue()
    upload = cos.create_multipart_upload(Bucket=bucket, Key="dir/big.png")["UploadId"]
    parts = []
    for number, piece in enumerate((data[:MIB], data[MIB:]), start=1):
        answer = cos.upload_part(
            Bucket=bucket, Key="dir/big.png", Body=piece, PartNumber=number, UploadId=upload
        )
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    done = cos.complete_multipart_upload(
        Bucket=bucket,
        Key="dir/big.png",
        UploadId=upload,
        MultipartUpload={"Part": parts},
        PicOperations=rules(("big.webp", "imageMogr2/thumbnail/80x/format/webp")),
    )
    assert done["ETag"].endswith('-2"')
    assert (done["ImageInfo"]["Width"], done["ImageInfo"]["Format"]) == ("800", "PNG")
    (item,) = objects(done)
    assert item["Key"] == "dir/big.webp"
    assert check_against_stored(cos, bucket, item).size == (80, 60)
    assert fetch(cos, bucket, "dir/big.png") == data


@pytest.mark.compat("imageInfo, imageAve, exif", client=SDK)
def test_information(cos: CosS3Client, bucket: str, photo: bytes) -> None:
    """Line 23: all values are strings; no EXIF is an answer of its own."""
    cos.put_object(Bucket=bucket, Key="a.png", Body=photo)
    headers, info = cos.ci_get_image_info(Bucket=bucket, Key="a.png")
    assert headers["Content-Type"] == "application/json"
    values = json.loads(info) if isinstance(info, (str, bytes)) else info
    assert (values["format"], values["width"], values["size"]) == ("png", "768", str(len(photo)))
    assert all(isinstance(value, str) for value in values.values())
    _, exif = cos.ci_get_image_exif_info(Bucket=bucket, Key="a.png")
    assert json.loads(exif) == {"error": "no exif data"}
    _, average = cos.ci_get_image_ave_info(Bucket=bucket, Key="a.png")
    assert json.loads(average)["RGB"].startswith("0x")


@pytest.mark.compat("Presigned URLs", client=SDK)
def test_presigned_with_an_operation(
    proxied: CosS3Client, server: ServerProcess, bucket: str, photo: bytes
) -> None:
    """Line 9: the operation signed, and appended unsigned."""
    proxied.put_object(Bucket=bucket, Key="a.png", Body=photo)
    proxies = {"http": f"http://127.0.0.1:{server.port}"}
    operation = "imageMogr2/thumbnail/30x/format/webp"
    signed = proxied.get_presigned_download_url(Bucket=bucket, Key="a.png", Params={operation: ""})
    appended = proxied.get_presigned_download_url(Bucket=bucket, Key="a.png") + "&" + operation
    for url in (signed, appended):
        answer = requests.get(url, proxies=proxies, timeout=30)
        assert answer.headers["Content-Type"] == "image/webp"
        assert Image.open(io.BytesIO(answer.content)).size == (30, 20)


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        ("{", "InvalidPicOperations"),
        ("[]", "InvalidPicOperations"),
        ('{"rules":7}', "InvalidPicOperations"),
        ('{"rules":[7]}', "InvalidPicOperations"),
        ('{"is_pic_info":"maybe"}', "InvalidPicOperations"),
        (rules(*[("a", "imageMogr2/strip")] * 6), "InvalidPicOperations"),
        (rules(("a", "")), "InvalidPicOperations"),
        (rules(("", "imageMogr2/strip")), "InvalidPicOperations"),
        (rules(("a/", "imageMogr2/strip")), "InvalidPicOperations"),
        (rules(("../a", "imageMogr2/strip")), "InvalidPicOperations"),
        (rules(("a%0Ab", "imageMogr2/strip")), "InvalidPicOperations"),
        (rules(("a\ud800b", "imageMogr2/strip")), "InvalidPicOperations"),
        (rules(("a%FFb", "imageMogr2/strip")), "InvalidPicOperations"),
        (rules(("x" * 900, "imageMogr2/strip")), "KeyTooLong"),
        (rules(("a", "imageMogr2/rotate/abc")), "InvalidArgument"),
        (rules(("a", "imageMogr2/thumbnail/!99999p")), "InvalidArgument"),
        (rules(("a", "imageInfo")), "InvalidArgument"),
        (rules(("a", "style/none")), "InvalidArgument"),
        (rules(("ok.png", "imageMogr2/strip"), ("a", "imageMogr2/cut/10x10x9000x9000")), "InvalidArgument"),
    ],
)
def test_refused_as_a_whole(cos: CosS3Client, bucket: str, photo: bytes, operations: str, code: str) -> None:
    """Lines 22 and 24: a clear 4xx, and nothing is stored, the original of a PUT included."""
    with pytest.raises(CosServiceError) as caught:
        cos.ci_put_object(Bucket=bucket, Key="a.png", Body=photo, PicOperations=operations)
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (400, code)
    assert "Contents" not in cos.list_objects(Bucket=bucket)


def test_not_an_image(cos: CosS3Client, bucket: str) -> None:
    operations = rules(("b.webp", "imageMogr2/format/webp"))
    with pytest.raises(CosServiceError) as caught:
        cos.ci_put_object(Bucket=bucket, Key="a", Body=b"text", PicOperations=operations)
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (400, "InvalidImageFormat")
    assert "Contents" not in cos.list_objects(Bucket=bucket)
    ignoring = rules(("b.webp", "imageMogr2/format/webp/ignore-error/1"), info=0)
    _, data = cos.ci_put_object(Bucket=bucket, Key="a", Body=b"text", PicOperations=ignoring)
    assert objects(data)[0]["Size"] == "4"
    assert fetch(cos, bucket, "b.webp") == b"text"


def test_raw_utf8_fileid(cos: CosS3Client, bucket: str, photo: bytes) -> None:
    """Line 6: the header may hold raw UTF-8; the signature is over its bytes."""
    operations = '{"rules":[{"fileid":"图%20片.webp","rule":"imageMogr2/thumbnail/8x/format/webp"}]}'
    cos.ci_put_object(Bucket=bucket, Key="a.png", Body=photo, PicOperations=operations.encode())
    assert cos.object_exists(Bucket=bucket, Key="图 片.webp")


@pytest.mark.parametrize("operation", ["imageMogr2/rotate/abc", "imageMogr2/thumbnail/!99999p"])
def test_download_errors(cos: CosS3Client, bucket: str, photo: bytes, tmp_path: Path, operation: str) -> None:
    """Line 24."""
    cos.put_object(Bucket=bucket, Key="a.png", Body=photo)
    with pytest.raises(CosServiceError) as caught:
        cos.ci_get_object(Bucket=bucket, Key="a.png", DestImagePath=str(tmp_path / "x"), Rule=operation)
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (400, "InvalidArgument")
