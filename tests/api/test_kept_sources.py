"""Answers that are the stored object carry the type it was stored with."""

from __future__ import annotations

import io

from PIL import Image

from openmogr.testing import ServerProcess


def test_a_kept_source_has_its_stored_type(server: ServerProcess, public: str) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (3, 3), "red").save(picture, "JPEG", quality=5, optimize=True)
    kept = picture.getvalue()
    headers = {"Content-Type": "image/x-stored; v=1"}
    assert server.request("PUT", "/kept", kept, headers, host=public).status == 200
    for operation in (
        "imageMogr2/quality/95!",
        "imageMogr2/ignore-error/1/crop/0x0",
        "imageMogr2/strip|imageMogr2",
    ):
        answer = server.request("GET", f"/kept?{operation}", host=public)
        if answer.body == kept:
            assert dict(answer.headers)["content-type"] == "image/x-stored; v=1"
    answer = server.request("GET", "/kept?imageMogr2/quality/95!", host=public)
    assert dict(answer.headers)["x-openmogr-kept-source"]
    assert (answer.body, dict(answer.headers)["content-type"]) == (kept, "image/x-stored; v=1")
    changed = server.request("GET", "/kept?imageMogr2/format/png", host=public)
    assert dict(changed.headers)["content-type"] == "image/png"
