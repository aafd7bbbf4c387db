"""Texts that look like operations are done or refused in words, never answered with the full original."""

from __future__ import annotations

import io
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from PIL import Image

from openmogr.testing import ServerProcess


@pytest.fixture
def stored(server: ServerProcess, public: str, photo: bytes) -> str:
    """The host of a public bucket with the photo as ``/a.png``."""
    assert server.request("PUT", "/a.png", photo, host=public).status == 200
    return public


@pytest.mark.parametrize(
    "query",
    [
        "imagemogr2/thumbnail/60x",
        "IMAGEMOGR2%2Fthumbnail%2F60x=",
        "imageview2/2/w/60",
        "/imageMogr2/thumbnail/60x",
        "|imageMogr2/thumbnail/60x",
        "imageMogr2/Thumbnail/60x",
        "imageView2/2/W/60",
    ],
)
def test_names_in_another_case_are_the_operation(server: ServerProcess, stored: str, query: str) -> None:
    answer = server.request("GET", f"/a.png?{query}", host=stored, signed=False)
    assert answer.status == 200
    with Image.open(io.BytesIO(answer.body)) as picture:
        assert picture.width == 60


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("imageMogr/thumbnail/60x", "imageMogr"),
        ("imageView/2/w/60", "imageView"),
        ("roundPic/radius/9", "roundPic"),
        (quote("QRcode/cover/1", safe="") + "=", "QRcode"),
        ("imageMogr2/thumbnail/60x&roundPic/radius/9", "roundPic"),
        ("x-oss-process=image/resize,w_60", "x-oss-process"),
        ("imageMogr2=thumbnail/60x", "imageMogr2=thumbnail"),
        ("imageView2:2/w/60", "imageView2:2"),
        ("imageMogr2%252Fthumbnail%252F60x", "imageMogr2%2Fthumbnail"),
    ],
)
def test_unknown_operations_are_named(server: ServerProcess, stored: str, query: str, named: str) -> None:
    for signed in (False, True):
        answer = server.request("GET", f"/a.png?{query}", host=stored, signed=signed)
        assert answer.status == 400
        assert ElementTree.fromstring(answer.body).findtext("Code") == "InvalidArgument"
        assert f"unknown operation '{named}" in (
            ElementTree.fromstring(answer.body).findtext("Message") or ""
        )
        assert answer.header("X-ErrNo") == "-106"
    assert server.request("HEAD", f"/a.png?{query}", host=stored, signed=False).status == 400


@pytest.mark.parametrize(
    "query", ["next=/a/b", "url=http://example.com/a", "v=1", "t", "2024/11/29", "/a/b", "a%2Fb=1", "exif=1"]
)
def test_ordinary_parameters_give_the_object(
    server: ServerProcess, stored: str, photo: bytes, query: str
) -> None:
    answer = server.request("GET", f"/a.png?{query}", host=stored, signed=False)
    assert (answer.status, answer.body) == (200, photo)
