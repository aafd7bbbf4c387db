"""Static websites: their configuration, and how pages are found."""

from __future__ import annotations

import pytest

from openmogr.testing import Answer, ServerProcess

INDEX = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
ERROR = "<ErrorDocument><Key>err.html</Key>{}</ErrorDocument>"


def document(*parts: str) -> bytes:
    return f"<WebsiteConfiguration>{''.join(parts)}</WebsiteConfiguration>".encode()


def page(server: ServerProcess, host: str, target: str, method: str = "GET", **headers: str) -> Answer:
    website = host.replace(".cos.", ".cos-website.")
    return server.request(method, target, headers=headers, host=website, signed=False)


def configure(server: ServerProcess, host: str, *parts: str) -> None:
    answer = server.request("PUT", "/?website", document(*parts), host=host)
    assert answer.status == 200, answer.body


@pytest.fixture
def site(server: ServerProcess, public: str, photo: bytes) -> str:
    for key in ("index.html", "a/index.html", "err.html", "plain.html", "a/x y.txt"):
        server.request("PUT", f"/{key.replace(' ', '%20')}", key.encode(), host=public)
    server.request("PUT", "/secret.html", b"secret", {"x-cos-acl": "private"}, host=public)
    server.request("PUT", "/p.png", photo, host=public)
    configure(server, public, INDEX, ERROR.format(""))
    return public


def test_pages(server: ServerProcess, site: str) -> None:
    for target, body in (
        ("/", b"index.html"),
        ("/a/", b"a/index.html"),
        ("/plain.html", b"plain.html"),
        ("/a/x%20y.txt", b"a/x y.txt"),
        ("/?v=1", b"index.html"),
    ):
        answer = page(server, site, target)
        assert (answer.status, answer.body) == (200, body), target
        head = page(server, site, target, "HEAD")
        assert (head.status, head.header("Content-Length")) == (200, str(len(body)))
    assert page(server, site, "/").header("Content-Type") == "text/html"
    assert (
        page(server, site, "/p.png?imageMogr2/thumbnail/40x/format/webp").header("Content-Type")
        == "image/webp"
    )
    etag = page(server, site, "/").header("ETag") or ""
    assert page(server, site, "/", **{"If-None-Match": etag}).status == 304
    assert page(server, site, "/", Range="bytes=0-4").status == 206
    moved = page(server, site, "/a?b=c")
    assert (moved.status, moved.header("Location"), moved.body) == (302, "/a/?b=c", b"")
    server.request("PUT", "//example.org/index.html", b"1", host=site)
    moved = page(server, site, "//example.org")
    assert moved.header("Location") == "/%2Fexample.org/"
    assert page(server, site, "/%2Fexample.org/").body == b"1"


def test_errors(server: ServerProcess, site: str) -> None:
    for target, status in (
        ("/none", 404),
        ("/none/", 404),
        ("/secret.html", 403),
        ("/p.png?imageMogr2/rotate/x", 400),
    ):
        answer = page(server, site, target, Range="bytes=1-2")
        assert (answer.status, answer.body) == (status, b"err.html"), target
        assert answer.header("Content-Type") == "text/html"
    configure(server, site, INDEX, ERROR.format("<OriginalHttpStatus>Disabled</OriginalHttpStatus>"))
    assert page(server, site, "/none").status == 200
    configure(server, site, INDEX)
    assert (page(server, site, "/none").status, page(server, site, "/none").code) == (404, "NoSuchKey")
    configure(server, site, INDEX, ERROR.format("").replace("err.html", "secret.html"))
    assert (page(server, site, "/none").status, page(server, site, "/none").code) == (404, "NoSuchKey")


def test_extensions(server: ServerProcess, site: str) -> None:
    assert page(server, site, "/plain").status == 404
    configure(server, site, INDEX, "<AutoAddressing><Status>Enabled</Status></AutoAddressing>")
    assert page(server, site, "/plain").body == b"plain.html"
    assert page(server, site, "/secret").status == 404


def test_redirections(server: ServerProcess, site: str) -> None:
    to = "<RedirectAllRequestsTo><Protocol>https</Protocol>{}</RedirectAllRequestsTo>"
    configure(server, site, INDEX, to.format(""))
    host = site.replace(".cos.", ".cos-website.")
    moved = page(server, site, "/a/x%20y.txt?v=1")
    assert (moved.status, moved.header("Location")) == (301, f"https://{host}/a/x%20y.txt?v=1")
    assert page(server, site, "/", **{"X-Forwarded-Proto": "https"}).status == 200
    configure(server, site, to.format("<HostName>www.example.com</HostName>"))
    moved = page(server, site, "/", **{"X-Forwarded-Proto": "https"})
    assert (moved.status, moved.header("Location")) == (301, "https://www.example.com/")


def test_a_website_is_no_api(server: ServerProcess, site: str) -> None:
    host = site.replace(".cos.", ".cos-website.")
    for method, target in (
        ("PUT", "/new"),
        ("DELETE", "/index.html"),
        ("POST", "/?delete"),
        ("GET", "/?acl"),
    ):
        body = b"" if method in ("PUT", "POST") else None
        assert server.request(method, target, body, host=host).status in (400, 405), target
    assert page(server, site, "/").status == 200
    # And what is denied or private stays so.
    server.request("PUT", "/?acl", b"", {"x-cos-acl": "private"}, host=site)
    assert page(server, site, "/").status == 403


def test_configuration(server: ServerProcess, bucket: str) -> None:
    assert page(server, bucket, "/").code == "NoSuchWebsiteConfiguration"
    assert (
        server.request("GET", "/", host="none-1250000000.cos-website.r.myqcloud.com").code == "NoSuchBucket"
    )
    assert server.request("GET", "/?website", host=bucket).code == "NoSuchWebsiteConfiguration"
    configure(server, bucket, INDEX)
    assert server.request("GET", "/?website", host=bucket).body == document(INDEX)
    assert server.request("GET", "/?website", host=bucket, signed=False).status == 403
    for parts, code in (
        ([], "MalformedXML"),
        (["<IndexDocument><Suffix>a/b</Suffix></IndexDocument>"], "InvalidArgument"),
        ([INDEX, "<RoutingRules/>"], "NotSupported"),
        ([INDEX, "<ErrorDocument><Charity404>Enabled</Charity404></ErrorDocument>"], "NotSupported"),
        ([INDEX, ERROR.format("<OriginalHttpStatus>on</OriginalHttpStatus>")], "MalformedXML"),
        (
            [INDEX, "<RedirectAllRequestsTo><Protocol>ftp</Protocol></RedirectAllRequestsTo>"],
            "InvalidArgument",
        ),
        (
            [INDEX, "<RedirectAllRequestsTo><HostName>a/b\r</HostName></RedirectAllRequestsTo>"],
            "InvalidArgument",
        ),
    ):
        answer = server.request("PUT", "/?website", document(*parts), host=bucket)
        assert (answer.status, answer.code) == (400, code), parts
    assert server.request("GET", "/?website", host=bucket).body == document(INDEX)
    assert server.request("DELETE", "/?website", host=bucket).status == 204
    assert server.request("GET", "/?website", host=bucket).status == 404
