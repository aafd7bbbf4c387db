"""What goes over the socket, byte for byte (``docs/spec/api/clients.md``)."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from openmogr.auth import sign_request
from openmogr.testing import ServerProcess


class Wire:
    """A socket that speaks HTTP by hand."""

    def __init__(self, server: ServerProcess) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        self.buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            chunk = self.socket.recv(65536)
            if not chunk:
                raise EOFError(self.buffer)
            self.buffer += chunk
        head, _, self.buffer = self.buffer.partition(mark)
        return head

    def answer(self, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Status, headers with the case of their names, and body."""
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = dict(line.split(": ", 1) for line in lines[1:])
        length = 0 if method == "HEAD" or status in (100, 204, 304) else int(headers["Content-Length"])
        while len(self.buffer) < length:
            chunk = self.socket.recv(65536)
            if not chunk:
                raise EOFError
            self.buffer += chunk
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return status, headers, body

    def at_end(self) -> bool:
        """Whether the server has closed the connection."""
        return not self.buffer and self.socket.recv(1) == b""


@pytest.fixture
def wire(server: ServerProcess) -> Iterator[Wire]:
    connection = Wire(server)
    with contextlib.closing(connection.socket):
        yield connection


def head(server: ServerProcess, method: str, target: str, host: str, *lines: str) -> bytes:
    """A signed request head."""
    path = target if target.startswith("/") else "/" + target.split("/", 3)[3]
    auth = sign_request(server.credential, method, path, {"host": host})
    text = [f"{method} {target} HTTP/1.1", f"Host: {host}", f"Authorization: {auth}", *lines, "", ""]
    return "\r\n".join(text).encode("utf-8")


def put(server: ServerProcess, host: str, key: str, body: bytes, *lines: str) -> bytes:
    """A signed upload."""
    return head(server, "PUT", key, host, f"Content-Length: {len(body)}", *lines) + body


def test_header_names_in_their_usual_case(server: ServerProcess, wire: Wire, bucket: str) -> None:
    """Line 11."""
    wire.send(put(server, bucket, "/a.txt", b"text", "x-cos-meta-A-b: c"))
    assert "ETag" in wire.answer()[1]
    wire.send(head(server, "GET", "/a.txt", bucket))
    _, headers, body = wire.answer()
    assert body == b"text"
    assert set(headers) == {
        "Date",
        "Server",
        "Content-Type",
        "ETag",
        "Last-Modified",
        "Accept-Ranges",
        "x-cos-hash-crc64ecma",
        "x-cos-meta-a-b",
        "x-cos-request-id",
        "x-content-type-options",
        "Content-Length",
    }


def test_absolute_form(server: ServerProcess, wire: Wire, bucket: str) -> None:
    """Line 3."""
    wire.send(put(server, bucket, f"http://{bucket}/a", b"1"))
    assert wire.answer()[0] == 200
    wire.send(head(server, "GET", f"http://{bucket}/a", bucket))
    assert wire.answer()[2] == b"1"
    # The address in the target and the bucket in the header, as a client sends that connects by address.
    wire.send(head(server, "GET", f"http://127.0.0.1:{server.port}/a", bucket))
    assert wire.answer()[2] == b"1"


def test_keys_are_never_normalised(server: ServerProcess, wire: Wire, bucket: str) -> None:
    """Line 4."""
    keys = ["/a//b", "//a", "/x/../y", "/./z", "/..%2F..%2Fetc", "/%2e%2e/q", "/a%20b", "/a+b", "/a%2Fb"]
    for key in keys:
        wire.send(put(server, bucket, key, key.encode()))
        assert wire.answer()[0] == 200
    for key in keys:
        wire.send(head(server, "GET", key, bucket))
        assert wire.answer()[2] == key.encode(), key
    wire.send(head(server, "GET", "/a/b", bucket))
    assert wire.answer()[2] == b"/a%2Fb"


def test_raw_utf8_in_the_target(server: ServerProcess, wire: Wire, bucket: str) -> None:
    """As curl sends what is typed."""
    wire.send(put(server, bucket, "/图.txt", b"1"))
    assert wire.answer()[0] == 200
    wire.send(head(server, "GET", "/%E5%9B%BE.txt", bucket))
    assert wire.answer()[2] == b"1"


def test_expect_continue(server: ServerProcess, wire: Wire, bucket: str) -> None:
    """Line 18."""
    wire.send(head(server, "PUT", "/a", bucket, "Content-Length: 3", "Expect: 100-continue"))
    assert wire.answer()[0] == 100
    wire.send(b"abc")
    assert wire.answer()[0] == 200


def test_expect_continue_of_an_empty_body(server: ServerProcess, wire: Wire, bucket: str) -> None:
    """botocore takes a final answer in place of the 100 for that of the connection's next request too."""
    wire.send(head(server, "PUT", "/a", bucket, "Content-Length: 0", "Expect: 100-continue"))
    assert wire.answer()[0] == 100
    assert wire.answer()[0] == 200
    wire.send(head(server, "PUT", "/a?retention", bucket, "Content-Length: 0", "Expect: 100-continue"))
    status, headers, _ = wire.answer()
    assert (status, headers["Connection"]) == (400, "close")


def test_expect_continue_refused_before_the_body(server: ServerProcess, wire: Wire) -> None:
    wire.send(
        head(
            server,
            "PUT",
            "/a",
            "none-1250000000.cos.x.myqcloud.com",
            "Content-Length: 3",
            "Expect: 100-continue",
        )
    )
    status, headers, body = wire.answer()
    assert (status, headers["Connection"]) == (404, "close")
    assert b"<Code>NoSuchBucket</Code>" in body
    assert wire.at_end()


def test_chunked_upload(server: ServerProcess, wire: Wire, bucket: str) -> None:
    wire.send(head(server, "PUT", "/a", bucket, "Transfer-Encoding: chunked"))
    for chunk in (b"3\r\nabc\r\n", b"2;x=y\r\nde\r\n", b"0\r\n\r\n"):
        wire.send(chunk)
        time.sleep(0.01)
    assert wire.answer()[0] == 200
    wire.send(head(server, "GET", "/a", bucket))
    assert wire.answer()[2] == b"abcde"


def test_broken_chunks_store_nothing(server: ServerProcess, wire: Wire, bucket: str) -> None:
    wire.send(head(server, "PUT", "/a", bucket, "Transfer-Encoding: chunked") + b"3\r\nabc\r\n")
    wire.send(b"zz\r\n")
    status, _, body = wire.answer()
    assert status == 400
    assert b"<Code>InvalidRequest</Code>" in body
    assert wire.at_end()
    assert server.request("HEAD", "/a", host=bucket).status == 404


@pytest.mark.parametrize("body", [b"", b"abc"], ids=["nothing sent", "half sent"])
def test_interrupted_upload_stores_nothing(
    server: ServerProcess, wire: Wire, bucket: str, body: bytes
) -> None:
    """Line 20."""
    wire.send(head(server, "PUT", "/a", bucket, "Content-Length: 6") + body)
    wire.socket.shutdown(socket.SHUT_RDWR)
    time.sleep(0.1)
    assert server.request("HEAD", "/a", host=bucket).status == 404


def test_stalled_upload_times_out(server: ServerProcess, wire: Wire, bucket: str) -> None:
    wire.send(head(server, "PUT", "/a", bucket, "Content-Length: 6") + b"abc")
    status, headers, body = wire.answer()
    assert (status, headers["Connection"]) == (400, "close")
    assert b"<Code>RequestTimeout</Code>" in body
    assert server.request("HEAD", "/a", host=bucket).status == 404


def test_stalled_head_is_closed(wire: Wire) -> None:
    wire.send(b"GET / HTTP/1.1\r\nHost: ")
    assert wire.at_end()


def test_keep_alive_after_an_error_with_unread_body(server: ServerProcess, wire: Wire, bucket: str) -> None:
    data = b"x" * 3_000_000
    unsigned = f"PUT /a HTTP/1.1\r\nHost: {bucket}\r\nContent-Length: {len(data)}\r\n\r\n"
    wire.send(unsigned.encode() + data)
    assert wire.answer()[0] == 403
    wire.send(put(server, bucket, "/a", b"1"))
    assert wire.answer()[0] == 200


def test_pipelined_requests_are_answered_in_order(server: ServerProcess, wire: Wire, bucket: str) -> None:
    for key in ("/1", "/2", "/3"):
        wire.send(put(server, bucket, key, key.encode() * 20_000))
        wire.answer()
    wire.send(b"".join(head(server, "GET", key, bucket) for key in ("/1", "/2", "/3")))
    for key in ("/1", "/2", "/3"):
        assert wire.answer()[2] == key.encode() * 20_000


def test_connection_close_is_echoed(server: ServerProcess, wire: Wire, bucket: str) -> None:
    """Line 17."""
    wire.send(head(server, "GET", "/none", bucket, "Connection: close"))
    status, headers, _ = wire.answer()
    assert (status, headers["Connection"]) == (404, "close")
    assert wire.at_end()


def test_http_1_0(server: ServerProcess, wire: Wire, public: str) -> None:
    assert server.request("PUT", "/a", b"1", host=public).status == 200
    wire.send(f"GET /a HTTP/1.0\r\nHost: {public}\r\n\r\n".encode())
    assert wire.answer()[2] == b"1"
    assert wire.at_end()


def test_half_closed_client_still_gets_its_answer(wire: Wire) -> None:
    wire.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.answer()[0] == 403


def test_an_offered_upgrade_is_not_taken(server: ServerProcess, wire: Wire, public: str) -> None:
    """Java's HTTP client offers HTTP/2 on its first request."""
    assert server.request("PUT", "/a", b"1", host=public).status == 200
    offer = (
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"
    )
    for _ in range(2):
        wire.send(f"GET /a HTTP/1.1\r\nHost: {public}\r\n{offer}\r\n".encode())
        assert wire.answer()[2] == b"1"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"GARBAGE\r\n\r\n", 405, "MethodNotAllowed"),
        (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "MethodNotAllowed"),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "InvalidRequest"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX\x00: b\r\n\r\n", 400, "InvalidRequest"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, "InvalidRequest"),
        (
            b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "InvalidRequest",
        ),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400, "InvalidRequest"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 400, "InvalidRequest"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 200_000, 400, "InvalidRequest"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "InvalidRequest"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "InvalidRequest"),
        (b"GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400, "InvalidURI"),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405, "MethodNotAllowed"),
        (b"PATCH /b-1250000000/a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, "MethodNotAllowed"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, "MethodNotAllowed"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, None),
    ],
)
def test_malformed_requests_get_an_error_document(
    wire: Wire, data: bytes, status: int, code: str | None
) -> None:
    """Lines 13 to 15: a 4xx with the five members, and a request id."""
    with contextlib.suppress(ConnectionError):
        wire.send(data)
    got, headers, body = wire.answer()
    assert got == status or (code is None and 400 <= got < 500)
    assert headers["Content-Type"] == "application/xml"
    for name in ("Code", "Message", "Resource", "RequestId", "TraceId"):
        assert f"<{name}>".encode() in body
        assert f"<{name}></{name}>".encode() not in body
    assert headers["x-cos-request-id"].encode() in body
    assert code is None or f"<Code>{code}</Code>".encode() in body


def test_head_errors_have_no_body(server: ServerProcess, wire: Wire, bucket: str) -> None:
    """Lines 13 and 16."""
    wire.send(head(server, "HEAD", "/none", bucket))
    status, headers, _ = wire.answer("HEAD")
    assert (status, headers["Content-Length"]) == (404, "0")
    assert headers["x-cos-request-id"]
    wire.send(put(server, bucket, "/a", b"12345"))
    assert wire.answer()[0] == 200
    wire.send(head(server, "HEAD", "/a", bucket))
    assert wire.answer("HEAD")[1]["Content-Length"] == "5"


def test_body_cut_at_content_length(server: ServerProcess, wire: Wire, bucket: str) -> None:
    wire.send(put(server, bucket, "/a", b"abc") + b"surplus")
    assert wire.answer()[0] == 200
    assert server.request("GET", "/a", host=bucket).body == b"abc"


def test_many_small_writes_of_one_request(server: ServerProcess, wire: Wire, bucket: str) -> None:
    for byte in put(server, bucket, "/a", b"abc"):
        wire.send(bytes([byte]))
    assert wire.answer()[0] == 200


def test_a_client_that_leaves_in_the_middle_of_an_answer(
    server: ServerProcess, wire: Wire, bucket: str
) -> None:
    """It is no error of the server's: nothing is logged (the fixture looks for tracebacks)."""
    assert server.request("PUT", "/a", b"x" * 20_000_000, host=bucket).status == 200
    wire.send(head(server, "GET", "/a", bucket))
    assert wire.socket.recv(1000)
    wire.socket.close()
    assert server.request("HEAD", "/a", host=bucket).status == 200
