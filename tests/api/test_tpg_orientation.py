"""TPG results are upright, and every answer gives the size of the bytes that are stored."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree

import pytest
from PIL import Image

from openmogr.testing import ServerProcess

pillow_tpg = pytest.importorskip("pillow_tpg", reason="the TPG codec is not built")
pillow_tpg.register_tpg_opener()


@pytest.mark.parametrize(
    ("rule", "size", "orientation"),
    [("imageMogr2/format/tpg", (40, 60), 1), ("imageMogr2/auto-orient/0/format/tpg", (60, 40), 6)],
)
def test_sizes_agree(
    server: ServerProcess, public: str, rule: str, size: tuple[int, int], orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.linear_gradient("L").resize((60, 40)).save(out, "JPEG", exif=exif)
    operations = {"is_pic_info": 1, "rules": [{"fileid": "/a.tpg", "rule": rule}]}
    answer = server.request(
        "PUT", "/a.jpg", out.getvalue(), {"Pic-Operations": json.dumps(operations)}, host=public
    )
    assert answer.status == 200
    told = ElementTree.fromstring(answer.body)
    assert told.findtext("OriginalInfo/ImageInfo/Orientation") == "6"
    given = told.find("ProcessResults/Object")
    assert given is not None
    assert (given.findtext("Width"), given.findtext("Height")) == tuple(map(str, size))
    for path in ("/a.tpg?imageInfo", f"/a.jpg?{rule}|imageInfo"):
        info = json.loads(server.request("GET", path, host=public, signed=False).body)
        assert (info["width"], info["height"]) == tuple(map(str, size))
    for path in ("/a.tpg", f"/a.jpg?{rule}"):
        body = server.request("GET", path, host=public, signed=False).body
        with Image.open(io.BytesIO(body)) as picture:
            assert picture.size == size
            assert picture.getexif()[0x0112] == orientation
