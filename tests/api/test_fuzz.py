"""The HTTP surface under requests that nobody would write: every answer is one, and none is the server's fault."""

from __future__ import annotations

import os
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from openmogr.auth import sign_request
from openmogr.testing import ServerProcess

# A minute where it is CI that runs it.
SECONDS = 60 if os.environ.get("CI") else 10
HOST = "fuzz-1250000000.cos.ap-shanghai.myqcloud.com"

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "get", "BREW")
PATHS = (
    "/",
    "/a.png",
    "/b",
    "/%00",
    "/%ff",
    "/../a",
    "//",
    "/a%2Fb",
    "/" + "k" * 900,
    "/-/health",
    "/-/metrics",
    "/-/x",
    "*",
)
NAMES = (
    "acl", "tagging", "cors", "uploads", "uploadId", "delete", "versions", "versionId", "image_process", "style",
    "prefix", "marker", "max-keys", "delimiter", "encoding-type", "list-type", "response-content-type", "policy",
    "ci-process", "q-sign-algorithm", "q-ak", "q-signature", "x-cos-security-token", "X-Amz-Signature", "partNumber",
    "x-amz-acl", "x-amz-checksum-mode", "attributes", "publicAccessBlock", "notification", "retention", "x-id",
)  # fmt: skip
OPERATIONS = (
    "imageMogr2",
    "imageView2",
    "imageInfo",
    "imageAve",
    "exif",
    "watermark",
    "imageSlim",
    "imagemogr2",
    "QRcode",
)
WORDS = (
    "thumbnail", "crop", "cut", "rotate", "format", "quality", "strip", "blur", "gravity", "pad", "size-limit", "scrop",
    "interlace", "auto-orient", "ignore-error", "w", "h", "1", "0", "-1", "99999999999", "!50p", "300x", "x300",
    "10x10", "!10x10r", "webp", "jpg", "tpg", "avif", "gif", "k", "%", "|", "!", "//", "é", "%E4%BD", "1e309",
    "nan", "center", "1/image", "2/text", "3/type", "dGVzdA", "aHR0cDovL3g", "font", "fontsize", "fill",
    "batch", "degree",
)  # fmt: skip
HEADERS = (
    ("Range", "bytes=0-1"), ("Range", "bytes=9-0"), ("Range", "x"), ("If-None-Match", "*"), ("If-Match", '"x"'),
    ("If-Modified-Since", "Mon, 99 Foo 99999 99:99:99 GMT"), ("If-Unmodified-Since", "0"), ("x-cos-acl", "public-read"),
    ("x-cos-acl", "nonsense"), ("x-cos-copy-source", "x"), ("x-cos-copy-source", "fuzz-1250000000.cos.x.y/a.png"),
    ("Pic-Operations", "{"), ("Pic-Operations", '{"rules":[{"fileid":"c","rule":"imageMogr2/thumbnail/5x"}]}'),
    ("Pic-Operations", '{"is_pic_info":1,"rules":[{"fileid":"\\ud800","rule":1}]}'), ("Content-MD5", "x"),
    ("Authorization", ""), ("Authorization", "q-sign-algorithm=sha1&q-ak=x"), ("Authorization", "AWS4-HMAC-SHA256 x"),
    ("Content-Type", "multipart/form-data; boundary=x"), ("Origin", "http://x"), ("x-cos-meta-a", "ü"),
    ("x-cos-tagging", "a=b&a=c"), ("Expect", "100-continue"), ("Date", "yesterday"), ("x-cos-traffic-limit", "1"),
    ("x-amz-date", "x"), ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
    ("x-amz-content-sha256", "0" * 64),
    ("x-amz-decoded-content-length", "1"), ("x-amz-decoded-content-length", "x"), ("x-amz-checksum-crc32", "AAAAAA=="),
    ("x-amz-trailer", "x-amz-checksum-crc32c"), ("x-amz-copy-source", "/fuzz-1250000000/a.png"),
    ("amz-sdk-request", "1"),
    ("x-amz-sdk-checksum-algorithm", "CRC64NVME"), ("x-amz-checksum-algorithm", "SHA9"), ("x-amz-meta-é", "ü"),
    ("x-amz-object-attributes", "Checksum"), ("x-amz-checksum-mode", "ENABLED"), ("Content-Encoding", "aws-chunked"),
)  # fmt: skip
BODIES = (
    b"",
    b"x",
    b"<Delete><Object><Key>b</Key></Object></Delete>",
    b"<a><b>",
    b"--x\r\n\r\n",
    b"1\r\nx\r\n0\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n",
    b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
)


@pytest.fixture
def server(tmp_path: Path, photo: bytes) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path / "data", {"server": {"body_timeout": 2.0}}) as process:
        process.request("PUT", "/", b"", {"x-cos-acl": "public-read-write"}, host=HOST)
        process.request("PUT", "/a.png", photo, host=HOST)
        yield process
        assert "Traceback" not in process.log, process.log[-4000:]


def _query(rng: random.Random) -> str:
    items = []
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        if rng.random() < 0.5:
            stages = [
                "/".join([rng.choice(OPERATIONS), *rng.choices(WORDS, k=rng.randrange(6))])
                for _ in range(rng.choice((1, 1, 1, 2, 12)))
            ]
            items.append("|".join(stages))
        else:
            items.append(rng.choice(NAMES) + rng.choice(("", "=", "=" + rng.choice(WORDS))))
    return "&".join(items)


def _exchange(server: ServerProcess, rng: random.Random) -> tuple[str, int]:
    method, path, query = rng.choice(METHODS), rng.choice(PATHS), _query(rng)
    target = path + ("?" + query if query else "")
    headers = rng.sample(HEADERS, rng.choice((0, 0, 1, 2, 3)))
    body = rng.choice(BODIES)
    if rng.random() < 0.5 and not any(name == "Authorization" for name, _ in headers):
        headers.append(("Authorization", sign_request(server.credential, method, target, {"host": HOST})))
    head = [
        f"{method} {target} HTTP/1.1",
        f"Host: {HOST}",
        "Connection: close",
        f"Content-Length: {len(body)}",
    ]
    head += [f"{name}: {value}" for name, value in headers]
    told = "\r\n".join(head)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(told.encode() + b"\r\n\r\n" + body)
        answer = b""
        while b"\r\n" not in answer and (chunk := connection.recv(4096)):
            answer += chunk
        while answer.startswith(b"HTTP/1.1 100") and (chunk := connection.recv(4096)):
            answer = (answer + chunk).partition(b"\r\n\r\n")[2] or answer
            if not answer.startswith(b"HTTP/1.1 100"):
                break
    assert answer.startswith(b"HTTP/1.1 "), (told, answer)
    return told, int(answer[9:12])


def test_no_request_is_answered_with_a_fault_of_the_server(server: ServerProcess) -> None:
    rng = random.Random(20261129)
    statuses: Counter[int] = Counter()
    started = time.monotonic()
    while time.monotonic() - started < SECONDS:
        told, status = _exchange(server, rng)
        statuses[status] += 1
        assert status < 500 or status in (501, 503), (status, told)
    assert {200, 400, 403, 404} <= set(statuses), statuses
    assert server.request("GET", "/a.png", host=HOST).status in (200, 404)
