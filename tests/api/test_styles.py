"""Styles: configuration, downloads by query and by separator, rules (``docs/spec/api/overview.md#6``)."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from xml.sax.saxutils import escape

import pytest
from PIL import Image

from openmogr.errors import InvalidArgument
from openmogr.image import expand_styles, names_a_style
from openmogr.testing import Answer, ServerProcess

SMALL = "imageMogr2/thumbnail/100x/format/jpg"


def pic(bucket: str) -> str:
    return bucket.replace(".cos.", ".pic.")


def add(server: ServerProcess, bucket: str, name: str, body: str = SMALL) -> Answer:
    document = f"<AddStyle><StyleName>{name}</StyleName><StyleBody>{escape(body)}</StyleBody></AddStyle>"
    return server.request("PUT", "/?style", document.encode(), host=pic(bucket))


def size(answer: Answer) -> tuple[str | None, tuple[int, int]]:
    assert answer.status == 200, answer.body
    with Image.open(io.BytesIO(answer.body)) as image:
        return image.format, image.size


@pytest.fixture
def styled(server: ServerProcess, bucket: str, photo: bytes) -> str:
    """A bucket with a photo and the style ``small``."""
    assert server.request("PUT", "/dir/a.png", photo, host=bucket).status == 200
    assert add(server, bucket, "small").status == 200
    return bucket


@pytest.mark.parametrize(
    "target",
    [
        "/dir/a.png?style/small",
        "/dir/a.png?imageMogr2/style/small",
        "/dir/a.png?style%2Fsmall",
        "/dir/a.png!small",
        "/dir/a.png%21small",
    ],
)
def test_download(server: ServerProcess, styled: str, target: str) -> None:
    assert size(server.request("GET", target, host=styled)) == ("JPEG", (100, 67))
    head = server.request("HEAD", target, host=styled)
    assert head.status == 200
    assert head.header("Content-Type") == "image/jpeg"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("style/small|imageMogr2/format/webp", ("WEBP", (100, 67))),
        ("imageMogr2/crop/50x50|style/small", ("JPEG", (100, 100))),
    ],
)
def test_stages_beside_a_style(
    server: ServerProcess, styled: str, text: str, expected: tuple[str, tuple[int, int]]
) -> None:
    assert size(server.request("GET", f"/dir/a.png?{text}", host=styled)) == expected


def test_replacing_a_style_changes_what_it_gives(server: ServerProcess, styled: str) -> None:
    before = server.request("GET", "/dir/a.png!small", host=styled)
    assert add(server, styled, "small", "imageMogr2/thumbnail/60x/format/jpg").status == 200
    after = server.request("GET", "/dir/a.png!small", host=styled)
    assert size(after) == ("JPEG", (60, 40))
    assert before.header("ETag") != after.header("ETag")


def test_the_key_itself_comes_first(server: ServerProcess, styled: str) -> None:
    server.request("PUT", "/dir/a.png!small", b"its own", host=styled)
    assert server.request("GET", "/dir/a.png!small", host=styled).body == b"its own"


@pytest.mark.parametrize("target", ["/dir/a.png!none", "/dir/b.png!small", "/!small", "/dir/a.png!small!x"])
def test_what_is_no_style_is_a_missing_key(server: ServerProcess, styled: str, target: str) -> None:
    answer = server.request("GET", target, host=styled)
    assert (answer.status, b"NoSuchKey" in answer.body) == (404, True)


def test_names_are_case_sensitive(server: ServerProcess, styled: str) -> None:
    answer = server.request("GET", "/dir/a.png?style/Small", host=styled)
    assert (answer.status, answer.header("X-ErrNo")) == (400, "-105")


def test_a_style_opens_nothing(server: ServerProcess, styled: str) -> None:
    for target in ("/dir/a.png!small", "/dir/a.png?style/small", "/none!small"):
        assert server.request("GET", target, host=styled, signed=False).status == 403


def test_separators(server: ServerProcess, styled: str) -> None:
    document = b"<StyleSeparator><Separator>-</Separator><Separator>/</Separator></StyleSeparator>"
    assert b"<Separator>!</Separator>" in server.request("GET", "/?style-separator", host=pic(styled)).body
    assert server.request("PUT", "/?style-separator", document, host=pic(styled)).status == 200
    for separator in "-/":
        answer = server.request("GET", f"/dir/a.png{separator}small", host=styled)
        assert size(answer) == ("JPEG", (100, 67))
    assert server.request("GET", "/dir/a.png!small", host=styled).status == 404
    for wrong in (b"<Separator>+</Separator>", b"", b"<Separator>-</Separator><Separator>-</Separator>"):
        body = b"<StyleSeparator>" + wrong + b"</StyleSeparator>"
        assert server.request("PUT", "/?style-separator", body, host=pic(styled)).status == 400


def test_a_rule_names_a_style(server: ServerProcess, styled: str, photo: bytes) -> None:
    operations = json.dumps({"rules": [{"fileid": "b-small.jpg", "rule": "style/small"}]})
    headers = {"Pic-Operations": operations}
    assert server.request("PUT", "/dir/b.png", photo, headers, host=styled).status == 200
    assert size(server.request("GET", "/dir/b-small.jpg", host=styled)) == ("JPEG", (100, 67))
    headers = {"Pic-Operations": operations.replace("style/small", "style/none")}
    refused = server.request("PUT", "/dir/c.png", photo, headers, host=styled)
    assert (refused.status, b"rule 1" in refused.body, b"none" in refused.body) == (400, True, True)
    assert server.request("HEAD", "/dir/c.png", host=styled).status == 404


def test_configuration(server: ServerProcess, styled: str) -> None:
    assert add(server, styled, "other", "imageView2/1/w/100/h/50|imageMogr2/strip").status == 200
    everything = server.request("GET", "/?style", host=pic(styled)).body
    assert everything.count(b"<StyleRule>") == 2
    assert b"<StyleName>small</StyleName><StyleBody>" + SMALL.encode() in everything
    for one in (
        server.request("GET", "/?style&style-name=other", host=pic(styled)),
        server.request(
            "GET", "/?style", b"<GetStyle><StyleName>other</StyleName></GetStyle>", host=pic(styled)
        ),
    ):
        assert one.body.count(b"<StyleRule>") == 1
        assert b"imageView2/1/w/100/h/50|imageMogr2/strip" in one.body
    document = b"<DeleteStyle><StyleName>other</StyleName></DeleteStyle>"
    assert server.request("DELETE", "/?style", document, host=pic(styled)).status == 200
    assert server.request("GET", "/?style&style-name=other", host=pic(styled)).status == 400
    assert server.request("DELETE", "/?style&style-name=other", host=pic(styled)).status == 400
    assert server.request("DELETE", "/?style", host=pic(styled)).status == 400
    assert server.request("DELETE", "/?style&style-name=small", host=pic(styled)).status == 200
    assert server.request("GET", "/?style", host=pic(styled)).body.endswith(b"<StyleList/>")
    assert server.request("GET", "/dir/a.png!small", host=styled).status == 404


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("a/b", SMALL, "StyleName"),
        ("", SMALL, "StyleName"),
        ("x" * 65, SMALL, "StyleName"),
        ("a", "imageMogr2/thumbnail/nothing", "nothing"),
        ("a", "style/small", "must not name a style"),
        ("a", "imageMogr2/rotate/90|imageMogr2/style/small", "must not name a style"),
        ("a", "", "StyleBody"),
        ("a", "watermark/3/type/2", ""),
    ],
)
def test_what_is_no_style_is_refused(
    server: ServerProcess, styled: str, name: str, body: str, said: str
) -> None:
    answer = add(server, styled, name, body)
    assert (answer.status, said in answer.body.decode()) in ((400, True), (501, True))
    assert server.request("GET", "/?style", host=pic(styled)).body.count(b"<StyleRule>") == 1


def test_only_the_owner_configures(server: ServerProcess, public: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert server.request(method, "/?style", b"<a/>", host=pic(public), signed=False).status == 403


def test_a_bucket_has_a_hundred_styles(server: ServerProcess, bucket: str) -> None:
    for number in range(100):
        assert add(server, bucket, f"s{number}").status == 200
    assert b"100 styles" in add(server, bucket, "more").body
    assert add(server, bucket, "s5", "imageMogr2/strip").status == 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("style/a", "X"),
        ("style//a/", "X"),
        ("imageMogr2/rotate/90|STYLE/a", "imageMogr2/rotate/90|X"),
        ("imageMogr2/style/a|style/b", "X|Y"),
        ("imageMogr2/thumbnail/10x", "imageMogr2/thumbnail/10x"),
        ("style/a?v=1", "X"),
    ],
)
def test_expansion(text: str, expected: str) -> None:
    styles: Mapping[str, str] = {"a": "X", "b": "Y"}
    assert expand_styles(text, styles) == expected


@pytest.mark.parametrize(
    "text", ["style/c", "style/", "imageMogr2/style", "style/a/b", "imageMogr2/style/a/format/png"]
)
def test_expansion_refuses(text: str) -> None:
    if names_a_style(text):
        with pytest.raises(InvalidArgument, match="style"):
            expand_styles(text, {"a": "X"})
    else:
        assert expand_styles(text, {"a": "X"}) == text
