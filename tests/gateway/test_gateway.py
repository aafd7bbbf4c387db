"""Objects of stores elsewhere through the API of COS: read, listed, processed, and never written."""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64encode
from email.utils import parsedate_to_datetime
from io import BytesIO
from urllib.parse import quote

import pytest
from PIL import Image

from openmogr.testing import Answer, ServerProcess
from tests.gateway.conftest import BUCKET, AzureContainer, FolderStore, GCSBucket, OurBucket, S3Bucket, Store

HOST = f"{BUCKET}.cos.ap-shanghai.myqcloud.com"
OWN = "own-1250000000.cos.ap-shanghai.myqcloud.com"
ODD = ["a b+c&d.png", "100%25 %41.png", "图/图 片.png", "deep/er/~#[x].png", "q?x=1.png"]


@pytest.fixture(scope="module", autouse=True)
def objects(store: Store, server: ServerProcess, photo: bytes) -> None:
    for key in ["a.png", "b/1.png", "b/2/3.png", "b0.png", "c/1.png", *ODD]:
        store.put(key, photo)
    store.put("words.txt", bytes(range(256)) * 20, "text/plain")
    server.request("PUT", "/", b"", host=OWN)


def get(server: ServerProcess, target: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.request("GET", target, host=HOST, headers=named)


def keys(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return re.findall(r"<(?:Key|Prefix)>([^<]+)</", answer.body.decode())


def size_of(answer: Answer) -> tuple[int, int]:
    assert answer.status == 200, answer.body
    return Image.open(BytesIO(answer.body)).size


def test_an_object_is_read(server: ServerProcess, photo: bytes) -> None:
    answer = get(server, "/a.png")
    assert (answer.status, answer.body) == (200, photo)
    assert answer.header("Content-Type") == "image/png"
    assert answer.header("x-cos-hash-crc64ecma") is None
    etag = answer.header("ETag") or ""
    assert re.fullmatch(r'"[^"]+"', etag)
    head = server.request("HEAD", "/a.png", host=HOST)
    assert (head.status, head.body) == (200, b"")
    assert head.header("Content-Length") == str(len(photo))
    assert head.header("ETag") == etag
    modified = answer.header("Last-Modified") or ""
    assert abs(parsedate_to_datetime(modified).timestamp() - time.time()) < 600
    assert get(server, "/a.png", If_None_Match=etag).status == 304
    assert get(server, "/a.png", If_Modified_Since=modified).status == 304
    assert get(server, "/a.png", If_Match='"other"').status == 412
    assert server.request("GET", "/a.png", host=HOST, signed=False).status == 403


def test_parts_are_read(server: ServerProcess) -> None:
    body = bytes(range(256)) * 20
    for asked, start, stop in [("0-0", 0, 1), ("5-999", 5, 1000), ("5000-", 5000, 5120), ("-7", 5113, 5120)]:
        answer = get(server, "/words.txt", Range=f"bytes={asked}")
        assert (answer.status, answer.body) == (206, body[start:stop])
        assert answer.header("Content-Range") == f"bytes {start}-{stop - 1}/5120"
    assert get(server, "/words.txt", Range="bytes=6000-").status == 416


@pytest.mark.parametrize("key", ODD)
def test_odd_keys(server: ServerProcess, photo: bytes, key: str) -> None:
    assert get(server, "/" + quote(key)).body == photo
    assert size_of(get(server, f"/{quote(key)}?imageMogr2/thumbnail/50x")) == (50, 33)


@pytest.mark.parametrize(
    "key", ["none.png", "b", "b/", "a.png/", "b//1.png", "..", "b/../../x", "%00", "a%0Ab"]
)
def test_missing_keys(server: ServerProcess, key: str) -> None:
    for query in ("", "?imageMogr2/thumbnail/10x"):
        answer = get(server, f"/{key}{query}")
        assert answer.status in (400, 404), answer.body
        if key == "none.png":
            assert (answer.status, answer.code) == (404, "NoSuchKey")


@pytest.mark.parametrize("store", ["azure"], indirect=True)
@pytest.mark.parametrize("key", ["b\\1.png", "b/1.png.", "b./1.png", "b/1.png%5C"])
def test_keys_that_azure_takes_for_others(server: ServerProcess, key: str) -> None:
    """A policy about ``b/`` would not be asked of ``b\\``."""
    assert get(server, f"/{quote(key, safe='/%')}").code == "NoSuchKey"


def test_listings(server: ServerProcess) -> None:
    everything = sorted(["a.png", "b/1.png", "b/2/3.png", "b0.png", "c/1.png", "words.txt", *ODD])
    shown = [key.replace("&", "&amp;") for key in everything]
    assert keys(get(server, "/")) == shown
    answer = get(server, "/?delimiter=%2F")
    assert keys(answer) == [
        *["b/", "c/", "deep/", "图/"],
        *[key for key in shown if "/" not in key],
    ]
    assert keys(get(server, "/?prefix=b&delimiter=%2F")) == ["b", "b/", "b0.png"]
    assert keys(get(server, "/?prefix=b/&delimiter=%2F"))[1:] == ["b/2/", "b/1.png"]
    found, marker = [], ""
    while True:
        answer = get(server, f"/?max-keys=3&marker={quote(marker)}")
        page = keys(answer)
        found += page
        assert len(page) <= 3
        if b"<IsTruncated>false" in answer.body:
            break
        marker = page[-1].replace("&amp;", "&")
    assert found == shown
    second = get(server, "/?list-type=2&max-keys=2&delimiter=%2F&start-after=a.png")
    assert keys(second) == ["b/", "b0.png"]
    token = re.search(r"<NextContinuationToken>([^<]+)<", second.body.decode())
    assert token is not None
    third = get(server, f"/?list-type=2&max-keys=2&delimiter=%2F&continuation-token={quote(token[1])}")
    assert keys(third) == ["c/", "deep/"]
    etag = re.search(r"<Key>a.png</Key>.*?<ETag>&quot;([^&]+)", get(server, "/").body.decode())
    assert etag is not None
    assert f'"{etag[1]}"' == get(server, "/a.png").header("ETag")


def test_pictures_are_processed_and_remembered(server: ServerProcess) -> None:
    target = "/a.png?imageMogr2/thumbnail/100x/format/jpg"
    first = get(server, target)
    assert size_of(first) == (100, 67)
    assert first.header("x-openmogr-cache") == "miss"
    again = get(server, target)
    assert again.header("x-openmogr-cache") == "hit"
    assert again.body == first.body
    assert again.header("ETag") == first.header("ETag")
    assert get(server, target, If_None_Match=first.header("ETag") or "").status == 304
    assert get(server, target, Range="bytes=0-9").body == first.body[:10]
    assert b'"width":"768"' in get(server, "/a.png?imageInfo").body
    # The same content under another name is another's.
    assert get(server, "/b/1.png?imageMogr2/thumbnail/100x/format/jpg").header("x-openmogr-cache") == "miss"


def test_what_is_answered_with_its_source_is_read_from_the_store(server: ServerProcess) -> None:
    answer = get(server, "/words.txt?imageMogr2/thumbnail/10x/ignore-error/1")
    assert (answer.status, answer.body) == (200, bytes(range(256)) * 20)
    assert get(server, "/words.txt?imageMogr2/thumbnail/10x").code == "InvalidImageFormat"


def test_a_replaced_object_has_another_result(server: ServerProcess, store: Store) -> None:
    target = "/changing.png?imageMogr2/thumbnail/10x"
    etags = set()
    for colour in ("red", "lime", "blue"):
        with BytesIO() as file:
            # The same size, so that nothing but the content is new.
            Image.new("RGB", (64, 64), colour).save(file, "BMP")
            store.put("changing.png", file.getvalue())
        for _ in range(2):
            answer = get(server, target)
            shown = Image.open(BytesIO(answer.body)).convert("RGB").getpixel((5, 5))
            expected = Image.new("RGB", (1, 1), colour).getpixel((0, 0))
            assert shown == expected
        etags.add(answer.header("ETag"))
        assert get(server, "/changing.png").body[:2] == b"BM"
    assert len(etags) == 3


def test_styles_switches_and_watermarks(server: ServerProcess) -> None:
    style = (
        b"<AddStyle><StyleName>small</StyleName><StyleBody>imageMogr2/thumbnail/40x</StyleBody></AddStyle>"
    )
    assert server.request("PUT", "/?style", style, host=HOST).status == 200
    assert size_of(get(server, "/a.png?style/small")) == (40, 27)
    assert size_of(get(server, "/a.png!small")) == (40, 27)
    cors = (
        b"<CORSConfiguration><CORSRule><AllowedOrigin>https://a.example</AllowedOrigin>"
        b"<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
    )
    assert server.request("PUT", "/?cors", cors, host=HOST).status == 200
    assert get(server, "/a.png", Origin="https://a.example").header("Access-Control-Allow-Origin")
    image = urlsafe_b64encode(f"http://{HOST}/c/1.png".encode()).decode()
    marked = get(server, f"/a.png?watermark/1/image/{image}")
    assert size_of(marked) == (768, 512)
    none = urlsafe_b64encode(f"http://{HOST}/none.png".encode()).decode()
    assert get(server, f"/a.png?watermark/1/image/{none}").status == 400


def writes() -> list[tuple[str, str, bytes, dict[str, str]]]:
    form = (
        b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nnew\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--x--\r\n'
    )
    rules = '{"is_pic_info":1,"rules":[{"fileid":"small.png","rule":"imageMogr2/thumbnail/9x"}]}'
    source = {"x-cos-copy-source": f"{OWN}/there.png"}
    life = (
        b"<LifecycleConfiguration><Rule><ID>1</ID><Status>Enabled</Status><Filter/>"
        b"<Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>"
    )
    return [
        ("PUT", "/new.png", b"x", {}),
        ("PUT", "/a.png", b"x", {}),
        ("PUT", "/new.png", b"x", {"Pic-Operations": rules}),
        ("PUT", "/new.png", b"", source),
        ("POST", "/", form, {"Content-Type": "multipart/form-data; boundary=x"}),
        ("POST", "/new.png?append&position=0", b"x", {}),
        ("POST", "/new.png?uploads", b"", {}),
        ("PUT", "/new.png?uploadId=1&partNumber=1", b"x", {}),
        ("PUT", "/new.png?uploadId=1&partNumber=1", b"", source),
        ("POST", "/new.png?uploadId=1", b"<CompleteMultipartUpload/>", {}),
        ("DELETE", "/new.png?uploadId=1", b"", {}),
        ("DELETE", "/a.png", b"", {}),
        ("POST", "/?delete", b"<Delete><Object><Key>a.png</Key></Object></Delete>", {}),
        ("POST", "/a.png?image_process", b"", {"Pic-Operations": rules}),
        ("PUT", "/a.png?acl", b"", {"x-cos-acl": "public-read"}),
        ("PUT", "/a.png?tagging", b"<Tagging><TagSet/></Tagging>", {}),
        ("DELETE", "/a.png?tagging", b"", {}),
        ("POST", "/a.png?restore", b"<RestoreRequest><Days>1</Days></RestoreRequest>", {}),
        ("PUT", "/?acl", b"", {"x-cos-acl": "public-read-write"}),
        ("PUT", "/?lifecycle", life, {}),
        ("DELETE", "/", b"", {}),
    ]


@pytest.mark.parametrize(("method", "target", "body", "headers"), writes())
def test_writes_are_refused(
    server: ServerProcess, store: Store, method: str, target: str, body: bytes, headers: dict[str, str]
) -> None:
    before = store.keys()
    # The body is not waited for: it never comes whole.
    announced = {"Content-Length": str(len(body) + 1000), "Expect": "100-continue", "Connection": "close"}
    for signed in (True, False):
        answer = server.request(method, target, None, {**headers, **announced}, host=HOST, signed=signed)
        assert (answer.status, answer.code) in [(405, "MethodNotAllowed"), (403, "AccessDenied")], answer.body
        assert answer.status == 405 or not signed
        assert b"read-only" in answer.body or not signed
    assert store.keys() == before


def test_results_are_not_written_into_it_from_elsewhere(
    server: ServerProcess, store: Store, photo: bytes
) -> None:
    before = store.keys()
    rule = f'{{"bucket":"{BUCKET}","fileid":"small.png","rule":"imageMogr2/thumbnail/9x"}}'
    operations = {"Pic-Operations": f'{{"rules":[{rule}]}}'}
    answer = server.request("PUT", "/there.png", photo, operations, host=OWN)
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")
    assert server.request("GET", "/there.png", host=OWN).status == 404
    output = (
        f"<Output><Region>ap-shanghai</Region><Bucket>{BUCKET}</Bucket><Object>small.png</Object></Output>"
    )
    job = (
        "<Request><Tag>PicProcess</Tag><Input><Object>a.png</Object></Input><Operation><PicProcess>"
        f"<ProcessRule>imageMogr2/thumbnail/9x</ProcessRule></PicProcess>{output}</Operation></Request>"
    )
    ci = "own-1250000000.ci.ap-shanghai.myqcloud.com"
    answer = server.request("POST", "/pic_jobs", job.encode(), {"Content-Type": "application/xml"}, host=ci)
    assert (answer.status, answer.code) == (405, "MethodNotAllowed"), answer.body
    assert store.keys() == before


def test_objects_are_copied_out_of_it(server: ServerProcess, photo: bytes) -> None:
    answer = server.request("PUT", "/copy.png", b"", {"x-cos-copy-source": f"{HOST}/a.png"}, host=OWN)
    assert answer.status == 200, answer.body
    rules = '{"rules":[{"fileid":"/small.png","rule":"imageMogr2/thumbnail/9x"}]}'
    headers = {"x-cos-copy-source": f"{HOST}/b/1.png", "Pic-Operations": rules}
    answer = server.request("PUT", "/made.png", b"", headers, host=OWN)
    assert answer.status == 200, answer.body
    for key in ("copy.png", "made.png"):
        copied = server.request("GET", f"/{key}", host=OWN)
        assert (copied.body, copied.header("Content-Type")) == (photo, "image/png")
    assert size_of(server.request("GET", "/small.png", host=OWN)) == (9, 6)


def test_jobs_and_pages_of_websites_read_from_it(server: ServerProcess, photo: bytes) -> None:
    job = (
        "<Request><Tag>PicProcess</Tag><Input><Object>a.png</Object></Input><Operation><PicProcess>"
        "<ProcessRule>imageMogr2/thumbnail/30x</ProcessRule></PicProcess><Output><Region>ap-shanghai</Region>"
        "<Bucket>own-1250000000</Bucket><Object>job.png</Object></Output></Operation></Request>"
    )
    ci = f"{BUCKET}.ci.ap-shanghai.myqcloud.com"
    answer = server.request("POST", "/pic_jobs", job.encode(), {"Content-Type": "application/xml"}, host=ci)
    assert answer.status == 200, answer.body
    deadline = time.monotonic() + 30
    while server.request("HEAD", "/job.png", host=OWN).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert size_of(server.request("GET", "/job.png", host=OWN)) == (30, 20)
    site = (
        b"<WebsiteConfiguration><IndexDocument><Suffix>1.png</Suffix></IndexDocument></WebsiteConfiguration>"
    )
    assert server.request("PUT", "/?website", site, host=HOST).status == 200
    page = server.request("GET", "/c/", host=f"{BUCKET}.cos-website.ap-shanghai.myqcloud.com")
    assert (page.status, page.body) == (200, photo)


def test_what_the_store_tells_is_told(server: ServerProcess, store: Store, photo: bytes) -> None:
    if isinstance(store, FolderStore):
        pytest.skip("folders keep nothing besides the bytes")
    assert isinstance(store, S3Bucket | AzureContainer | GCSBucket | OurBucket)
    store.put_told("told", photo)
    answer = get(server, "/told?imageMogr2/thumbnail/20x")
    assert answer.header("Cache-Control") == "max-age=7"
    assert answer.header("x-cos-meta-origin") == "camera"


@pytest.mark.parametrize("store", ["s3"], indirect=True)
def test_marks_of_folders_and_what_lies_beside(server: ServerProcess, store: Store, photo: bytes) -> None:
    assert isinstance(store, S3Bucket)
    store.put("folder/", b"", "application/x-directory")
    store.put("empty.txt", b"", "text/plain")
    assert keys(get(server, "/?prefix=folder")) == ["folder"]
    assert "folder/" in keys(get(server, "/?delimiter=/"))
    assert "empty.txt" in keys(get(server, "/"))
    assert (get(server, "/empty.txt").status, get(server, "/folder/").status) == (200, 404)
    # All that is outside the folder of the settings stays there.
    outside = S3Bucket.__new__(S3Bucket)
    outside.__dict__ |= {**vars(store), "_folder": "team"}
    outside.put("pictures-of-others.png", photo)
    assert get(server, "/../pictures-of-others.png").status in (400, 404)
    assert "others" not in " ".join(keys(get(server, "/")))
    assert get(server, "/-of-others.png").status == 404
