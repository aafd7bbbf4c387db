"""The console in headless Chromium, as people use it; screenshots are left in ``build/console``.

To run it: a ``chromium`` in the path (Debian: ``apt install chromium``) and ``make clients``.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
from PIL import Image

from openmogr.testing import ServerProcess

from .conftest import BUCKET, BULK, CLIENTS, MARKUP, TAG, Seen, Visits, Walk

MAX_SCRIPT = 100_000
VISITS = [
    "compare",
    "operations",
    "buckets",
    "operate",
    "recent",
    "bulk",
    "preferences",
    "keyboard",
    "accessibility",
    "policy",
    "faults",
    "insecure",
    "hashes",
]
TEXTS = ["", "abc", "图片", "a" * 55, "a" * 56, "a" * 64, "ü" * 200]
PAIRS = [["key", "text"], ["k" * 64, "text"], ["k" * 65, ""], ["密钥", "图片" * 40]]


@pytest.fixture(scope="module")
def visits(walk: Walk, server: ServerProcess, pictures: Mapping[str, Path]) -> Visits:
    return walk(server, VISITS, pictures, vectors={"texts": TEXTS, "pairs": PAIRS})


def seen(visits: Visits, name: str, *expected: str) -> Seen:
    """What a visit saw, in which nothing went wrong but what was provoked."""
    visit = visits[name]
    assert "error" not in visit, visit["error"]
    trouble = [
        line for line in cast(list[str], visit["trouble"]) if not any(words in line for words in expected)
    ]
    assert trouble == []
    return cast(Seen, visit["seen"])


def test_compare(visits: Visits) -> None:
    """Every format with size, saving and score; slider, difference and zoom; nothing is stored."""
    told = seen(visits, "compare")
    assert (told["path"], told["title"]) == ("/-/console", "Compare · OpenMogr")
    assert 20_000 < cast(int, told["scripts"]) <= MAX_SCRIPT
    cards = {text.split("\n")[0]: text for text in cast(list[str], told["cards"])}
    assert {"JPEG", "PNG", "WEBP", "AVIF", "TPG", "GIF", "BMP", "TIFF"} <= cards.keys()
    for name in ("WEBP", "AVIF", "TPG"):
        assert re.search(r"\d\.\d% less", cards[name]), cards[name]
        assert re.search(r"SSIMULACRA2 \d\d", cards[name]), cards[name]
    sizes = [_bytes(text) for text in cards.values() if "less" in text or "more" in text]
    assert sizes == sorted(sizes)
    assert "TPG" in cast(str, told["converted"])
    assert told["sizes"] == [[384, 256]] * 2
    assert told["split"] == "50.5%"
    assert cast(float, told["clicked"]) == pytest.approx(25, abs=1)
    assert cast(int, told["differs"]) > 10_000
    assert (told["zoomed"], told["wide"]) == (384 * 4, 1280)
    (limited,) = cast(list[str], told["limited"])
    assert _bytes(limited) <= 12 * 1024
    assert told["refused"] is True
    assert "gallery-1250000000/photo.png" in cast(str, told["example"])


def _bytes(text: str) -> float:
    found = re.search(r"([\d.,]+)\s(B|KiB|MiB)", text)
    assert found is not None, text
    return float(found[1].replace(",", "")) * {"B": 1, "KiB": 1024, "MiB": 1024**2}[found[2]]


def test_from_drop_to_an_open_url(visits: Visits) -> None:
    """The walk: drop, compare, store, copy, open."""
    told = seen(visits, "compare")
    assert told["opened"] == [200, "image/webp", 384]


def test_what_is_copied_runs(
    visits: Visits, server: ServerProcess, pictures: Mapping[str, Path], tmp_path: Path
) -> None:
    """URL, rule, curl, Python and JavaScript give the same bytes."""
    snippets = cast(Mapping[str, str], seen(visits, "compare")["snippets"])
    target = snippets["URL"].removeprefix(f"http://127.0.0.1:{server.port}")
    expected = server.request("GET", target, signed=False)
    assert (expected.status, expected.header("Content-Type")) == (200, "image/webp")
    rule = json.loads(snippets["Pic-Operations"])
    key = "walk/again.png"
    photo = pictures["photo.png"].read_bytes()
    headers = {"Pic-Operations": snippets["Pic-Operations"]}
    stored = server.request("PUT", f"/{BUCKET}/{key}", photo, headers)
    assert (stored.status, b"<Format>webp</Format>" in stored.body) == (200, True)
    assert rule["rules"][0]["rule"] == "imageMogr2/format/webp/quality/75"
    if shutil.which("curl"):
        folder = tmp_path / "curl"
        folder.mkdir()
        subprocess.run(["sh", "-c", snippets["curl"]], cwd=folder, check=True, capture_output=True)
        assert _only_file(folder) == expected.body
    keys = (server.credential.secret_id, server.credential.secret_key)
    for name, command in (("Python", [sys.executable, "-W", "ignore"]), ("JavaScript", ["node"])):
        folder = tmp_path / name
        folder.mkdir()
        text = snippets[name]
        for field, value in zip(("SecretId", "SecretKey"), keys, strict=True):
            text = re.sub(rf"({field}(?:=|: ))'\.\.\.'", rf"\1'{value}'", text)
        script = (
            CLIENTS.parent / f"console-{os.getpid()}.mjs"
            if name == "JavaScript"
            else folder.with_suffix(".py")
        )
        try:
            script.write_text(text, encoding="utf-8")
            subprocess.run([*command, script], cwd=folder, check=True, capture_output=True, timeout=60)
        finally:
            script.unlink(missing_ok=True)
        assert _only_file(folder) == expected.body, name


def _only_file(folder: Path) -> bytes:
    (file,) = folder.iterdir()
    return file.read_bytes()


def test_operations(visits: Visits) -> None:
    told = seen(visits, "operations", "400 (Bad Request)")
    text, facts = cast(list[str], told["first"])
    assert text == "imageMogr2/thumbnail/300x/format/webp/quality/75"
    assert facts.startswith("300 × 200")
    assert "image/webp" in facts
    assert told["turned"] == "imageMogr2/rotate/90|imageMogr2/thumbnail/300x/format/webp/quality/75"
    assert "|watermark/2/text/5Zu-ICYgInRleHQi/fontsize/36/" in cast(str, told["marked"])
    assert re.match(r"InvalidArgument: .*rotate", cast(str, told["wrong"]))
    assert "did you mean imageMogr2" in cast(str, told["unknown"])
    assert told["information"] == "384"


def test_buckets(visits: Visits, server: ServerProcess) -> None:
    told = seen(visits, "buckets", "400 (Bad Request)")
    assert "photo.png" in cast(list[str], told["anonymous"])
    assert set(cast(list[bool], told["thumbnails"])) == {True}
    assert told["presigned"] == 200
    assert set(cast(list[str], told["found"])) <= {"tp.tpg", "tpg/"}
    assert re.fullmatch(r"photo\.png → photo-small\.tpg \([\d.]+ (B|KiB)\)", cast(str, told["uploaded"]))
    assert server.request("GET", f"/{BUCKET}/photo-small.tpg", signed=False).body.startswith(b"TPG")
    assert "StyleName" in cast(str, told["refused"])
    styled = server.request("GET", f"/{BUCKET}/photo.png!small", signed=False)
    with Image.open(io.BytesIO(styled.body)) as image:
        assert (image.format, image.width) == ("WEBP", 300)
    assert len(cast(list[str], told["left"])) == cast(int, told["kept"]) - 1


def test_names_and_exif_are_text(visits: Visits, server: ServerProcess) -> None:
    told = seen(visits, "buckets", "400 (Bad Request)")
    assert MARKUP in cast(list[str], told["keys"])
    assert told["exif"] == [TAG]
    assert told["markup"] == [0, "undefined"]


def test_operate(visits: Visits) -> None:
    told = seen(visits, "operate")
    facts = cast(Mapping[str, str], told["facts"])
    assert (facts["Storage"], facts["Requests"]) == ("ok", "ready")
    assert int(facts["Requests answered"].replace(",", "")) > 10
    assert "%" in facts["Results remembered"]
    assert any("put_object" in name or "GET" in name for name in cast(list[str], told["errors"]))
    assert told["signed"] == 1
    assert "Success" in cast(list[str], told["jobs"])[0]
    assert told["late"] == 1
    ended, whole = cast(list[int], told["progress"])
    assert ended == whole >= 1
    assert {"WEBP", "TPG"} <= set(cast(list[str], told["saved"]))


def test_recent_errors(visits: Visits) -> None:
    """Single errors with their requests, for keys of the server alone, and without what their queries held."""
    told = seen(visits, "recent", "403 (Forbidden)", "404 (Not Found)")
    assert "Sign in with a key" in cast(str, told["hint"])
    assert re.search(r"40[34] \w+\s+GET /gallery-1250000000/nothing-here.png", cast(str, told["row"]))
    assert (told["page"], told["region"], told["chinese"]) == (False, 1, "最近的错误")


def test_jobs_for_all_pictures(visits: Visits, server: ServerProcess) -> None:
    told = seen(visits, "bulk", "403 (Forbidden)")
    assert "same key" in cast(str, told["same"])
    assert "3 pictures" in cast(str, told["about"])
    assert "in/a.png → out/in/a.webp" in cast(str, told["about"])
    assert cast(str, told["ended"]).startswith("2 of 3 done, 1 failed. All have ended.")
    (wrong,) = cast(list[str], told["wrong"])
    assert wrong.startswith("in/broken.png: ")
    assert told["bar"] == [3, 3]
    with Image.open(io.BytesIO(server.request("GET", f"/{BULK}/out/in/deep/b.webp").body)) as image:
        assert (image.format, image.width) == ("WEBP", 40)
    assert "The others were cancelled." in cast(str, told["cancelled"])
    done = int(cast(str, told["cancelled"]).split()[0])
    assert done < 30
    assert re.fullmatch(r"\d+ of the newest \d+ have ended", cast(str, told["jobs"]))


def test_language_colours_and_keys(visits: Visits) -> None:
    """What a browser wants, what its user chooses and finds again; keys end with the page."""
    told = seen(visits, "preferences")
    assert (told["heading"], told["language"]) == ("对比", "zh-CN")
    assert told["dark"] != told["light"]
    assert told["again"] == ["Compare", told["light"]]
    assert told["kept"] == [["openmogr.language", "openmogr.theme"], False]
    assert (told["state"], told["signed"], told["forgotten"]) == (False, 1, 1)


def test_keyboard(visits: Visits) -> None:
    told = seen(visits, "keyboard", "403 (Forbidden)")
    assert told["skip"] == ["A", "Skip to the content"]
    assert (told["skipped"], told["picture"], told["inside"]) == ("main", "picture", True)
    assert "InvalidAccessKeyId" in cast(str, told["refused"])
    assert told["back"] == ["BUTTON", "Sign in"]
    assert told["followed"] == "main"


def test_accessibility(visits: Visits) -> None:
    """axe-core finds nothing in any view, light and dark."""
    assert seen(visits, "accessibility")["found"] == []


def test_policy(visits: Visits) -> None:
    """No markup from texts, no script of a bucket, no frame, nothing from or to elsewhere."""
    told = seen(visits, "policy")
    assert (told["markup"], told["harmed"]) == ("TypeError", "undefined")
    assert told["stored"] in ("TypeError", "blocked")
    blocked = set(cast(list[str], told["blocked"]))
    assert {"frame-src", "img-src", "connect-src", "require-trusted-types-for"} <= blocked
    assert any(name.startswith("style-src") for name in blocked)


def test_what_cannot_be_shown(visits: Visits) -> None:
    told = seen(visits, "faults", "400 (Bad Request)", "404 (Not Found)")
    (words,) = cast(list[str], told["told"])
    assert words.startswith("InvalidImageFormat: "), words
    assert told["cards"] == 0
    assert told["missing"] == "There is no such bucket or object."
    assert told["below"] == ["a.tpg"]


def test_without_tls(visits: Visits) -> None:
    """Requests are signed by the page's own hashes; what cannot be copied is said."""
    told = seen(visits, "insecure", "Cross-Origin-Opener-Policy")
    assert told["hashes"] == [False, "undefined"]
    assert "does not allow copying" in cast(str, told["copied"])


def test_hashes(visits: Visits) -> None:
    told = seen(visits, "hashes")
    assert told["sums"] == [[hashlib.sha1(text.encode()).hexdigest()] * 2 for text in TEXTS]
    keyed = [hmac.new(key.encode(), text.encode(), hashlib.sha1).hexdigest() for key, text in PAIRS]
    assert told["keyed"] == [[digest] * 2 for digest in keyed]


def test_a_server_that_is_not_open_to_everybody(
    walk: Walk, pictures: Mapping[str, Path], tmp_path: Path
) -> None:
    """Signed in, dropped pictures are processed; metrics elsewhere are said to be; narrow screens scroll only down."""
    settings: dict[str, dict[str, object]] = {"server": {"operate_address": "127.0.0.1:0"}}
    with ServerProcess(tmp_path / "data", settings) as server:
        told = seen(walk(server, ["closed"], pictures), "closed", "404 (Not Found)")
    assert "Sign in to have pictures processed" in cast(str, told["hint"])
    assert told["shut"] is True
    assert cast(int, told["sizes"]) >= 8
    assert "operate_address" in cast(str, told["state"])
    assert told["wide"] == 390
