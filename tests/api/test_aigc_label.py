"""The label of generated images over HTTP (``docs/spec/api/image-mogr2.md#14``)."""

from __future__ import annotations

import json

import pytest

from openmogr.testing import ServerProcess

OPERATION = "imageMogr2/AIGCMetadata/Label/MQ/ContentProducer/dGVzdA"
LABEL = {"AIGC": {"Label": "1", "ContentProducer": "test"}}


def told(server: ServerProcess, host: str, key: str) -> object:
    answer = server.request("GET", f"/{key}?ci-process=ImageAIGCMetadata", host=host)
    assert (answer.status, answer.header("Content-Type")) == (200, "application/json")
    return json.loads(answer.body)


def test_on_upload_and_over_stored_data(server: ServerProcess, public: str, photo: bytes) -> None:
    rules = [{"fileid": f"a.{form}", "rule": f"{OPERATION}/format/{form}"} for form in ("jpg", "png", "avif")]
    header = {"Pic-Operations": json.dumps({"is_pic_info": 1, "rules": rules})}
    assert server.request("PUT", "/photo.png", photo, header, host=public).status == 200
    assert told(server, public, "photo.png") == {}
    for form in ("jpg", "png", "avif"):
        assert told(server, public, f"a.{form}") == LABEL
    header = {"Pic-Operations": json.dumps({"rules": [{"fileid": "b.jpg", "rule": OPERATION}]})}
    assert server.request("POST", "/a.jpg?image_process", b"", header, host=public).status == 200
    assert told(server, public, "b.jpg") == LABEL


def test_on_download(server: ServerProcess, public: str, photo: bytes) -> None:
    assert server.request("PUT", "/photo.png", photo, host=public).status == 200
    answer = server.request("GET", f"/photo.png?{OPERATION}|imageAIGCMetadata", host=public, signed=False)
    assert json.loads(answer.body) == LABEL
    assert server.request("GET", f"/photo.png?{OPERATION}/format/gif", host=public).status == 400


@pytest.mark.parametrize("process", ["ImageAIGCMetadata", "imageaigcmetadata"])
def test_reading_without_a_picture(server: ServerProcess, public: str, process: str) -> None:
    assert server.request("PUT", "/text", b"no picture", host=public).status == 200
    answer = server.request("GET", f"/text?ci-process={process}", host=public)
    assert (answer.status, answer.header("X-ErrNo")) == (400, "-441")
    assert server.request("GET", f"/missing?ci-process={process}", host=public).status == 404
    assert server.request("HEAD", f"/text?ci-process={process}", host=public).status == 400
