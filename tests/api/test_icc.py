"""``icc/keep`` over HTTP: downloads, what is remembered, and rules beside others."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from openmogr.image.source.nclx import nclx_profile
from openmogr.testing import ServerProcess

PROFILE = nclx_profile(12, 13) or b""


@pytest.fixture(scope="module")
def wide() -> bytes:
    """A JPEG in Display P3."""
    out = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(out, "JPEG", quality=92, icc_profile=PROFILE)
    return out.getvalue()


def profile_of(data: bytes) -> bytes | None:
    with Image.open(io.BytesIO(data)) as image:
        found: bytes | None = image.info.get("icc_profile")
        return found


def test_downloads_are_remembered_apart(server: ServerProcess, public: str, wide: bytes) -> None:
    kind = {"Content-Type": "image/jpeg"}
    assert server.request("PUT", "/wide.jpg", wide, kind, host=public).status == 200
    for state in ("miss", "hit"):
        for end, profile in (("", None), ("/icc/keep", PROFILE)):
            target = f"/wide.jpg?imageMogr2/thumbnail/99x/format/webp{end}"
            answer = server.request("GET", target, host=public)
            assert (answer.status, answer.header("x-openmogr-cache")) == (200, state)
            assert profile_of(answer.body) == profile


def test_format_auto_keeps_it(server: ServerProcess, public: str, wide: bytes) -> None:
    kind = {"Content-Type": "image/jpeg"}
    assert server.request("PUT", "/auto.jpg", wide, kind, host=public).status == 200
    target = "/auto.jpg?imageMogr2/thumbnail/99x/icc/keep/format/auto"
    answer = server.request("GET", target, headers={"Accept": "image/avif,image/webp"}, host=public)
    assert answer.status == 200
    assert profile_of(answer.body) == PROFILE


def test_rules_beside_each_other(server: ServerProcess, public: str, wide: bytes) -> None:
    texts = {"kept.png": "icc/keep/format/png", "usual.png": "format/png", "kept.gif": "icc/keep/format/gif"}
    rules = [{"fileid": f"/{name}", "rule": f"imageMogr2/{text}"} for name, text in texts.items()]
    headers = {"Content-Type": "image/jpeg", "Pic-Operations": json.dumps({"is_pic_info": 1, "rules": rules})}
    assert server.request("PUT", "/rules.jpg", wide, headers, host=public).status == 200
    made = {name: server.request("GET", f"/{name}", host=public).body for name in texts}
    assert {name: profile_of(data) for name, data in made.items()} == {
        "kept.png": PROFILE,
        "usual.png": None,
        "kept.gif": None,
    }


def test_other_words_are_refused(server: ServerProcess, public: str, wide: bytes) -> None:
    kind = {"Content-Type": "image/jpeg"}
    assert server.request("PUT", "/word.jpg", wide, kind, host=public).status == 200
    answer = server.request("GET", "/word.jpg?imageMogr2/icc/all/format/png", host=public)
    assert answer.status == 400
    assert b"keep or srgb" in answer.body
