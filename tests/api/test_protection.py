"""Origin protection, and pages that may show images (``docs/spec/api/overview.md#8``)."""

from __future__ import annotations

import pytest

from openmogr.testing import ServerProcess

OP = "imageMogr2/thumbnail/50x"


def pic(bucket: str) -> str:
    return bucket.replace(".cos.", ".pic.")


@pytest.fixture
def protected(server: ServerProcess, public: str, photo: bytes) -> str:
    """A protected public bucket with a photo, a text and a style."""
    style = f"<AddStyle><StyleName>s</StyleName><StyleBody>{OP}</StyleBody></AddStyle>".encode()
    assert server.request("PUT", "/a.png", photo, {"Content-Type": "image/png"}, host=public).status == 200
    assert server.request("PUT", "/a.txt", b"text", host=public).status == 200
    assert server.request("PUT", "/?style", style, host=pic(public)).status == 200
    assert server.request("PUT", "/?origin-protect", b"", host=pic(public)).status == 200
    return public


@pytest.mark.parametrize(
    "target",
    [
        "/a.png",
        f"/a.png?{OP}",
        "/a.png?ci-process=originImage",
        "/a.png?imageInfo",
        "/a.png?style/s|imageMogr2/cut/1x1x9999x0/ignore-error/1",
        "/a.png?style/s|imageMogr2/ignore-error/1|imageMogr2/format/none",
        "/a.png?imageMogr2/cut/40x40x0x0|style/s",
        "/a.png?style/s|imageInfo",
    ],
)
def test_originals_are_protected(server: ServerProcess, protected: str, target: str) -> None:
    for method in ("GET", "HEAD"):
        answer = server.request(method, target, host=protected, signed=False)
        assert (answer.status, answer.header("X-ErrNo")) == (403, "-154")
        assert server.request(method, target, host=protected).status == 200


def test_originals_are_protected_from_copies_and_rules_too(server: ServerProcess, protected: str) -> None:
    """Where everybody may write, what was copied would be read as something else."""
    name = protected.partition(".")[0]
    everybody = {"x-cos-acl": "public-read-write"}
    open_host = protected.replace(name, f"open{name}")
    assert server.request("PUT", "/", b"", everybody, host=open_host).status == 200
    assert server.request("PUT", "/?acl", b"", everybody, host=protected).status == 200
    headers = {"x-cos-copy-source": f"{protected}/a.png", "Content-Type": "x/y"}
    headers["x-cos-metadata-directive"] = "Replaced"
    rules = {"Pic-Operations": '{"rules":[{"fileid":"b","rule":"imageMogr2/strip"}]}'}
    for signed, status in ((False, 403), (True, 200)):
        for host in (open_host, protected):
            assert server.request("PUT", "/b", b"", headers, host=host, signed=signed).status == status
        made = server.request("POST", "/a.png?image_process", b"", rules, host=protected, signed=signed)
        assert made.status == status


@pytest.mark.parametrize(
    "target", ["/a.png?style/s", "/a.png!s", "/a.txt", "/a.png?imageMogr2/style/s|", "/a.png?style/s|style/s"]
)
def test_styles_and_other_files_are_not(server: ServerProcess, protected: str, target: str) -> None:
    assert server.request("GET", target, host=protected, signed=False).status == 200


def test_protection_ends(server: ServerProcess, protected: str) -> None:
    host = pic(protected)
    assert b">on<" in server.request("GET", "/?origin-protect", host=host).body
    assert server.request("DELETE", "/?origin-protect", host=host).status == 200
    assert b">off<" in server.request("GET", "/?origin-protect", host=host).body
    assert server.request("GET", "/a.png", host=protected, signed=False).status == 200


def status(server: ServerProcess, host: str, referer: str | None) -> int:
    headers = {} if referer is None else {"Referer": referer}
    answer = server.request("GET", "/a", headers=headers, host=host, signed=False)
    if answer.status == 403:
        assert answer.header("X-ErrNo") == "-108"
        # The owner is asked for no page.
        assert server.request("GET", "/a", headers=headers, host=host).status == 200
    return answer.status


WHITE = (
    b"<Hotlink><Status>on</Status><Type>white</Type><Url>https://www.example.com</Url><Url>*.example.org</Url>"
    b"<Url>example.net:8080/shop</Url></Hotlink>"
)


def test_hotlink(server: ServerProcess, public: str) -> None:
    server.request("PUT", "/a", b"1", host=public)
    assert server.request("PUT", "/?hotlink", WHITE, host=pic(public)).status == 200
    for referer, expected in (
        ("https://www.example.com/page?x", 200),
        ("http://WWW.example.com:81", 200),
        ("https://a.example.org/", 200),
        ("http://example.net:8080/shop/1", 200),
        ("http://example.net:8080/other", 403),
        ("http://example.net/shop", 403),
        ("https://www.example.com.evil.test/", 403),
        ("https://evil.test/www.example.com", 403),
        ("https://example.org/", 403),
        (None, 403),
    ):
        assert status(server, public, referer) == expected, referer
    assert (
        server.request("PUT", "/?hotlink", WHITE.replace(b"white", b"black"), host=pic(public)).status == 200
    )
    assert status(server, public, "https://www.example.com/") == 403
    assert status(server, public, "https://elsewhere.test/") == 200
    assert status(server, public, None) == 200
    off = b"<Hotlink><Status>off</Status></Hotlink>"
    assert server.request("PUT", "/?hotlink", off, host=pic(public)).status == 200
    assert status(server, public, "https://www.example.com/") == 200
    assert b"<Status>off<" in server.request("GET", "/?hotlink", host=pic(public)).body


@pytest.mark.parametrize(
    "document",
    [
        b"<Hotlink><Status>maybe</Status></Hotlink>",
        b"<Hotlink><Status>on</Status><Type>grey</Type><Url>a.test</Url></Hotlink>",
        b"<Hotlink><Status>on</Status><Type>white</Type></Hotlink>",
        b"<Hotlink><Status>on</Status><Type>white</Type><Url>a b</Url></Hotlink>",
        b"<Other/>",
    ],
)
def test_hotlink_refuses(server: ServerProcess, public: str, document: bytes) -> None:
    answer = server.request("PUT", "/?hotlink", document, host=pic(public))
    assert (answer.status, b"MalformedXML" in answer.body) == (400, True)
    assert b"<Status>off<" in server.request("GET", "/?hotlink", host=pic(public)).body


@pytest.mark.parametrize(("empty", "expected"), [("Allow", 200), ("Deny", 403), (None, 403)])
def test_referer(server: ServerProcess, public: str, empty: str | None, expected: int) -> None:
    server.request("PUT", "/a", b"1", host=public)
    told = f"<EmptyReferConfiguration>{empty}</EmptyReferConfiguration>" if empty else ""
    document = (
        "<RefererConfiguration><Status>Enabled</Status><RefererType>White-List</RefererType><DomainList>"
        f"<Domain>*.example.com</Domain></DomainList>{told}</RefererConfiguration>"
    )
    assert server.request("PUT", "/?referer", document.encode(), host=public).status == 200
    assert status(server, public, "http://a.example.com/") == 200
    assert status(server, public, "http://b.test/") == 403
    assert status(server, public, None) == expected
    assert b"White-List" in server.request("GET", "/?referer", host=public).body
    assert server.request("PUT", "/?referer", document.replace("Enabled", "Disabled").encode(), host=public)
    assert status(server, public, "http://b.test/") == 200
    assert server.request("DELETE", "/?referer", host=public).status == 204
    assert b"<Status>Disabled<" in server.request("GET", "/?referer", host=public).body
    shown = server.request("GET", "/?referer", host=public).body
    assert server.request("PUT", "/?referer", shown, host=public).status == 200
