"""A whole server over stores of each provider: what clients see is what they see of the data folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import openmogr.demo
from openmogr.storage.stores.opening import open_store
from openmogr.testing import Answer, ServerProcess

BUCKET = "photos-1250000000"
PHOTO = (Path(openmogr.demo.__file__).parent / openmogr.demo.KEY).read_bytes()
PART = 1 << 20


@pytest.fixture(scope="module", params=["google", "azurite", "ours", "versitygw"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    obstore = pytest.importorskip("obstore")
    store = request.getfixturevalue(request.param)
    match request.param:
        case "google":
            store.create_bucket("whole-server")
            place = {"url": "gs://whole-server/images", "endpoint": store.endpoint}
        case "azurite":
            store.create_container("whole-server")
            place = {"url": "az://whole-server/images", "endpoint": store.endpoint}
        case "ours":
            assert store.request("PUT", "/whole-server-1250000000", b"").status == 200
            endpoint = f"http://127.0.0.1:{store.port}"
            place = {"url": "cos://whole-server-1250000000/images", "endpoint": endpoint}
        case _:
            store.client.create_bucket(Bucket="whole-server")
            place = {"url": "s3://whole-server/images", "endpoint": store.endpoint, "region": "us-east-1"}
    # Results lie beside, in a store too.
    shared = {("shared" if name == "url" else f"shared_{name}"): text for name, text in place.items()}
    shared["shared"] = shared["shared"].replace("/images", "/results")
    settings: dict[str, dict[str, object]] = {
        "storage": dict(place),
        "results": dict(shared),
        "image": {"workers": 1},
    }
    with ServerProcess(tmp_path_factory.mktemp("whole") / "data", settings) as running:
        assert running.request("PUT", f"/{BUCKET}", b"").status == 200
        yield running
        told = open_store(place["url"], endpoint=place["endpoint"], region=place.get("region", ""))
        found = {item["path"].split("/")[0] for page in obstore.list(told) for item in page}
        assert found == {"images", "results"}
        assert "Traceback" not in running.log, running.log


def ask(
    server: ServerProcess,
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    signed: bool = True,
) -> Answer:
    return server.request(method, f"/{BUCKET}{target}", body, headers, signed=signed)


def test_an_object_with_all_that_belongs_to_it(server: ServerProcess) -> None:
    told = {
        "Content-Type": "image/png",
        "Cache-Control": "max-age=7",
        "x-cos-meta-by": "us",
        "x-cos-acl": "private",
    }
    told["x-cos-tagging"] = "kind=photo"
    assert ask(server, "PUT", "/a%20b/%E5%9B%BE.png", PHOTO, told).status == 200
    answer = ask(server, "GET", "/a%20b/%E5%9B%BE.png")
    assert (answer.status, answer.body) == (200, PHOTO)
    assert answer.header("ETag") == f'"{hashlib.md5(PHOTO).hexdigest()}"'
    assert answer.header("x-cos-meta-by") == "us"
    assert answer.header("Cache-Control") == "max-age=7"
    part = ask(server, "GET", "/a%20b/%E5%9B%BE.png", headers={"Range": "bytes=100-199"})
    assert (part.status, part.body) == (206, PHOTO[100:200])
    assert (
        ask(
            server, "GET", "/a%20b/%E5%9B%BE.png", headers={"If-None-Match": answer.header("ETag") or ""}
        ).status
        == 304
    )
    assert ask(server, "GET", "/a%20b/%E5%9B%BE.png", headers={"If-Match": '"0"'}).status == 412
    assert b"<Value>photo</Value>" in ask(server, "GET", "/a%20b/%E5%9B%BE.png?tagging").body
    assert ask(server, "GET", "/a%20b/%E5%9B%BE.png", signed=False).status == 403
    assert ask(server, "PUT", "/a%20b/%E5%9B%BE.png?acl", b"", {"x-cos-acl": "public-read"}).status == 200
    assert ask(server, "GET", "/a%20b/%E5%9B%BE.png", signed=False).status == 200
    assert (
        ask(server, "PUT", "/a%20b/%E5%9B%BE.png", b"new", {"x-cos-forbid-overwrite": "true"}).status == 409
    )
    assert ask(server, "GET", "/a%20b/%E5%9B%BE.png").body == PHOTO


def test_pictures_are_worked_on(server: ServerProcess) -> None:
    rule = '{"is_pic_info": 1, "rules": [{"fileid": "small.webp", "rule": "imageMogr2/thumbnail/60x/format/webp"}]}'
    assert ask(server, "PUT", "/photo.png", PHOTO, {"Pic-Operations": rule}).status == 200
    made = ask(server, "GET", "/small.webp")
    assert (made.status, made.body[8:12]) == (200, b"WEBP")
    asked = ask(server, "GET", "/photo.png?imageMogr2/thumbnail/60x/format/webp")
    assert asked.body == made.body
    assert ask(server, "GET", "/photo.png?imageInfo").status == 200


def test_copies_uploads_in_parts_and_listings(server: ServerProcess) -> None:
    assert ask(server, "PUT", "/from.png", PHOTO, {"x-cos-meta-by": "us"}).status == 200
    source = {"x-cos-copy-source": f"127.0.0.1/{BUCKET}/from.png"}
    assert ask(server, "PUT", "/copies/to.png", b"", source).status == 200
    copy = ask(server, "GET", "/copies/to.png")
    assert (copy.body, copy.header("x-cos-meta-by")) == (PHOTO, "us")
    begun = ask(server, "POST", "/copies/large.bin?uploads", b"", {"Content-Type": "text/plain"})
    upload = re.findall("<UploadId>(.*?)</UploadId>", begun.body.decode())[0]
    # More than is sent to the store in one request.
    parts = [bytes([number]) * (PART + number) for number in range(10)]
    etags = []
    for number, data in enumerate(parts, 1):
        sent = ask(server, "PUT", f"/copies/large.bin?partNumber={number}&uploadId={upload}", data)
        assert sent.status == 200, sent.body
        etags.append(sent.header("ETag"))
    named = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in enumerate(etags, 1)
    )
    document = f"<CompleteMultipartUpload>{named}</CompleteMultipartUpload>".encode()
    done = ask(server, "POST", f"/copies/large.bin?uploadId={upload}", document)
    assert done.status == 200, done.body
    answer = ask(server, "GET", "/copies/large.bin")
    assert answer.body == b"".join(parts)
    assert (answer.header("ETag") or "").endswith('-10"')
    assert ask(server, "PUT", "/more/a&b.txt", b"1").status == 200
    listed = ask(server, "GET", "?prefix=copies/").body.decode()
    assert re.findall("<Key>(.*?)</Key>", listed) == ["copies/large.bin", "copies/to.png"]
    folders = ask(server, "GET", "?delimiter=/").body.decode()
    assert {"copies/", "more/"} <= set(re.findall("<Prefix>([^<]+)</Prefix>", folders))
    assert ask(server, "DELETE", "/copies/to.png").status == 204
    assert ask(server, "GET", "/copies/to.png").status == 404
