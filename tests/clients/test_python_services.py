"""Operations, styles, jobs and lifecycles with the official Python SDK."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import cast

import pytest
from PIL import Image
from qcloud_cos import CosS3Client
from qcloud_cos.cos_exception import CosServiceError

SDK = "cos-python-sdk-v5 1.9"

# Of a PNG of 768 x 512 pixels: the operation, and format and size of its result.
OPERATIONS = [
    ("imageMogr2/format/jpg/quality/80!/strip", "JPEG", (768, 512)),
    ("imageMogr2/format/webp/rquality/60", "WEBP", (768, 512)),
    ("imageMogr2/format/avif/lquality/40", "AVIF", (768, 512)),
    ("imageMogr2/thumbnail/!50p/format/gif", "GIF", (384, 256)),
    ("imageMogr2/thumbnail/200x200>/pad/1/color/I0ZGRjAwMA==", "PNG", (200, 200)),
    ("imageMogr2/thumbnail/!200x200r/gravity/center/crop/200x200", "PNG", (200, 200)),
    ("imageMogr2/thumbnail/40000@", "PNG", (244, 163)),
    ("imageMogr2/cut/300x200x10x20", "PNG", (300, 200)),
    ("imageMogr2/iradius/100", "PNG", (200, 200)),
    ("imageMogr2/rradius/30", "PNG", (768, 512)),
    ("imageMogr2/rotate/90", "PNG", (512, 768)),
    ("imageMogr2/flip/horizontal/auto-orient", "PNG", (768, 512)),
    ("imageMogr2/interlace/1/format/jpg", "JPEG", (768, 512)),
    ("imageMogr2/format/jpg/size-limit/20k", "JPEG", (768, 512)),
    ("imageMogr2/blur/8x5", "PNG", (768, 512)),
    ("imageMogr2/sharpen/70", "PNG", (768, 512)),
    ("imageMogr2/bright/30", "PNG", (768, 512)),
    ("imageMogr2/contrast/-30", "PNG", (768, 512)),
    ("imageMogr2/grayscale/1", "PNG", (768, 512)),
]
VIEWS = [
    ("imageView2/0/w/400/h/400/format/webp", "WEBP", (400, 267)),
    ("imageView2/1/w/400/h/400/q/85", "PNG", (400, 400)),
    ("imageView2/2/w/400/h/400/format/jpg", "JPEG", (400, 267)),
    ("imageView2/3/w/400/h/400", "PNG", (600, 400)),
    ("imageView2/4/w/100/h/200", "PNG", (300, 200)),
    ("imageView2/5/w/300/h/100", "PNG", (300, 100)),
]


def _made(
    cos: CosS3Client, bucket: str, folder: Path, rule: str
) -> tuple[str | None, tuple[int, int], bytes]:
    target = folder / "out"
    cos.ci_get_object(Bucket=bucket, Key="a.png", DestImagePath=str(target), Rule=rule)
    data = target.read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.format, image.size, data


@pytest.mark.compat(
    "`imageMogr2`: format, quality, thumbnail, crop, cut, rotate, flip, pad, strip, interlace, size-limit, blur,"
    " sharpen and colour",
    client=SDK,
)
def test_image_mogr2(cos: CosS3Client, bucket: str, photo: bytes, tmp_path: Path) -> None:
    cos.put_object(Bucket=bucket, Key="a.png", Body=photo)
    for rule, kind, size in OPERATIONS:
        found = _made(cos, bucket, tmp_path, rule)
        assert found[:2] == (kind, size), rule
        if "size-limit" in rule:
            assert len(found[2]) <= 20 * 1024


@pytest.mark.compat("`imageView2`", client=SDK)
def test_image_view2(cos: CosS3Client, bucket: str, photo: bytes, tmp_path: Path) -> None:
    cos.put_object(Bucket=bucket, Key="a.png", Body=photo)
    for rule, kind, size in VIEWS:
        assert _made(cos, bucket, tmp_path, rule)[:2] == (kind, size), rule


@pytest.mark.compat("Styles, origin protection, `?hotlink`", client=SDK)
def test_styles(proxied: CosS3Client, bucket: str, photo: bytes, tmp_path: Path) -> None:
    proxied.put_object(Bucket=bucket, Key="a.png", Body=photo)
    style = {"StyleName": "small", "StyleBody": "imageMogr2/thumbnail/100x/format/webp"}
    proxied.ci_put_image_style(Bucket=bucket, Request=style)
    _, found = proxied.ci_get_image_style(Bucket=bucket, Request={"StyleName": "small"})
    assert "imageMogr2/thumbnail/100x/format/webp" in str(found)
    assert _made(proxied, bucket, tmp_path, "style/small")[:2] == ("WEBP", (100, 67))
    proxied.ci_delete_image_style(Bucket=bucket, Request={"StyleName": "small"})
    with pytest.raises(CosServiceError) as caught:
        proxied.ci_get_object(
            Bucket=bucket, Key="a.png", DestImagePath=str(tmp_path / "none"), Rule="style/small"
        )
    assert caught.value.get_status_code() == 400


@pytest.mark.compat("Hotlink protection (`?referer`)", client=SDK)
def test_referer(cos: CosS3Client, bucket: str) -> None:
    configuration = {
        "Status": "Enabled",
        "RefererType": "White-List",
        "EmptyReferConfiguration": "Deny",
        "DomainList": {"Domain": ["*.example.com"]},
    }
    cos.put_bucket_referer(Bucket=bucket, RefererConfiguration=configuration)
    assert cos.get_bucket_referer(Bucket=bucket)["RefererType"] == "White-List"
    cos.delete_bucket_referer(Bucket=bucket)
    assert cos.get_bucket_referer(Bucket=bucket).get("RefererType") is None


@pytest.mark.compat("Lifecycle: expiry of objects and uploads", client=SDK)
def test_lifecycle(cos: CosS3Client, bucket: str) -> None:
    rule = {"ID": "old", "Filter": {"Prefix": "tmp/"}, "Status": "Enabled", "Expiration": {"Days": "7"}}
    cos.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rule": [rule]})
    (found,) = cos.get_bucket_lifecycle(Bucket=bucket)["Rule"]
    assert (found["ID"], found["Expiration"]["Days"]) == ("old", "7")
    cos.delete_bucket_lifecycle(Bucket=bucket)
    with pytest.raises(CosServiceError) as caught:
        cos.get_bucket_lifecycle(Bucket=bucket)
    assert caught.value.get_error_code() == "NoSuchLifecycleConfiguration"


@pytest.mark.compat("Asynchronous jobs, queues, templates", client=SDK)
def test_jobs(proxied: CosS3Client, bucket: str, photo: bytes) -> None:
    proxied.put_object(Bucket=bucket, Key="a.png", Body=photo)
    proxied.ci_open_pic_bucket(Bucket=bucket)
    queues = proxied.ci_get_media_pic_queue(Bucket=bucket)["QueueList"]
    queue = cast(dict[str, str], queues[0] if isinstance(queues, list) else queues)["QueueId"]
    job = {
        "Tag": "PicProcess",
        "QueueId": queue,
        "Input": {"Object": "a.png"},
        "Operation": {
            "PicProcess": {"IsPicInfo": "true", "ProcessRule": "imageMogr2/thumbnail/100x/format/webp"},
            "Output": {"Region": "ap-shanghai", "Bucket": bucket, "Object": "small.webp"},
        },
    }
    (made,) = proxied.ci_create_media_pic_jobs(Bucket=bucket, Jobs=job, Lst={})["JobsDetail"]
    deadline = time.monotonic() + 60
    while True:
        (found,) = proxied.ci_get_media_pic_jobs(Bucket=bucket, JobIDs=made["JobId"])["JobsDetail"]
        if found["State"] not in ("Submitted", "Running"):
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert found["State"] == "Success", found
    data = proxied.get_object(Bucket=bucket, Key="small.webp")["Body"].get_raw_stream().read()
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("WEBP", (100, 67))
    listed = proxied.ci_list_media_pic_jobs(Bucket=bucket, QueueId=queue, Tag="PicProcess")["JobsDetail"]
    assert [item["JobId"] for item in listed] == [made["JobId"]]
