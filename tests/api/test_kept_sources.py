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
    for operation in ("imageMogr2/quality/95!", "imageMogr2", "imageMogr2/ignore-error/1/cut/1x1x9x9"):
        answer = server.request("GET", f"/kept?{operation}", host=public)
        assert (answer.body, answer.header("Content-Type")) == (kept, "image/x-stored; v=1")
    answer = server.request("GET", "/kept?imageMogr2/quality/95!", host=public)
    assert answer.header("x-openmogr-kept-source")
    changed = server.request("GET", "/kept?imageMogr2/format/png", host=public)
    assert changed.header("Content-Type") == "image/png"
