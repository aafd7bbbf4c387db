"""Uploads signed for S3: what their headers say of the body is held against it, and nothing wrong is stored."""

from __future__ import annotations

import hashlib
import socket
import zlib
from base64 import b64encode
from collections.abc import Mapping

import pytest
from anycrc import Model

from openmogr.testing import Answer, ServerProcess

from .s3_requests import framed, send, sign, trailed

STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CONTENT = b"hello world" * 1000
CHECKSUMS = {
    "crc32": zlib.crc32(CONTENT).to_bytes(4, "big"),
    "crc32c": int(Model("CRC32-ISCSI").calc(CONTENT)).to_bytes(4, "big"),
    "crc64nvme": int(Model("CRC64-NVME").calc(CONTENT)).to_bytes(8, "big"),
    "sha1": hashlib.sha1(CONTENT).digest(),
    "sha256": hashlib.sha256(CONTENT).digest(),
}


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def is_stored(server: ServerProcess, host: str, key: str = "/a") -> bool:
    return server.request("HEAD", key, host=host).status == 200


def checksum_of(server: ServerProcess, host: str, name: str) -> str | None:
    answer = send(server, "HEAD", "/a", headers={"x-amz-checksum-mode": "ENABLED"}, host=host)
    return answer.header(f"x-amz-checksum-{name}")


def test_known_values() -> None:
    """Of the check text of the catalogue of CRCs."""
    assert Model("CRC64-NVME").calc(b"123456789") == 0xAE8B14860A799888
    assert Model("CRC32-ISCSI").calc(b"123456789") == 0xE3069283


@pytest.mark.parametrize("content_sha256", [None, "UNSIGNED-PAYLOAD"])
def test_whole_bodies(server: ServerProcess, bucket: str, content_sha256: str | None) -> None:
    answer = send(server, "PUT", "/a", CONTENT, host=bucket, content_sha256=content_sha256)
    assert (answer.status, answer.header("ETag")) == (200, f'"{hashlib.md5(CONTENT).hexdigest()}"')
    assert server.request("GET", "/a", host=bucket).body == CONTENT


def test_another_body_than_was_signed(server: ServerProcess, bucket: str) -> None:
    other = hashlib.sha256(b"other").hexdigest()
    answer = send(server, "PUT", "/a", CONTENT, host=bucket, content_sha256=other)
    assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")
    assert not is_stored(server, bucket)


@pytest.mark.parametrize("name", CHECKSUMS)
def test_checksums_in_headers(server: ServerProcess, bucket: str, name: str) -> None:
    header, right = f"x-amz-checksum-{name}", b64(CHECKSUMS[name])
    wrong = b64(CHECKSUMS[name][::-1])
    refused = send(server, "PUT", "/a", CONTENT, {header: wrong}, host=bucket)
    assert (refused.status, refused.code) == (400, "BadDigest")
    assert name.upper().encode() in refused.body
    assert not is_stored(server, bucket)
    answer = send(server, "PUT", "/a", CONTENT, {header: right}, host=bucket)
    assert (answer.status, answer.header(header)) == (200, right)
    assert checksum_of(server, bucket, name) == right
    # Only where it is asked for, and not of a part.
    assert send(server, "GET", "/a", host=bucket).header(header) is None
    mode = {"x-amz-checksum-mode": "ENABLED"}
    assert send(server, "GET", "/a", headers=mode, host=bucket).header(header) == right
    part = send(server, "GET", "/a", headers={**mode, "range": "bytes=0-9"}, host=bucket)
    assert (part.status, part.header(header)) == (206, None)
    assert server.request("HEAD", "/a", headers=mode, host=bucket).header(header) is None


@pytest.mark.parametrize("name", CHECKSUMS)
def test_checksums_in_trailers(server: ServerProcess, bucket: str, name: str) -> None:
    header = f"x-amz-checksum-{name}"
    for value, status in ((b64(CHECKSUMS[name][::-1]), 400), (b64(CHECKSUMS[name]), 200)):
        body = trailed([CONTENT[:5000], CONTENT[5000:]], f"{header}:{value}".encode())
        answer = send_trailed(server, bucket, body, {"x-amz-trailer": header})
        assert answer.status == status, answer.body
        assert answer.code == ("" if status == 200 else "BadDigest")
        assert is_stored(server, bucket) is (status == 200)
    assert answer.header(header) == checksum_of(server, bucket, name) == b64(CHECKSUMS[name])
    got = server.request("GET", "/a", host=bucket)
    assert got.body == CONTENT
    assert got.header("Content-Encoding") is None


def send_trailed(
    server: ServerProcess, bucket: str, body: bytes, headers: Mapping[str, str], length: int | None = None
) -> Answer:
    given = {
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(CONTENT) if length is None else length),
        **headers,
    }
    return send(server, "PUT", "/a", body, given, host=bucket, content_sha256=UNSIGNED_TRAILER)


RIGHT = f"x-amz-checksum-crc32:{b64(CHECKSUMS['crc32'])}".encode()
CRC32 = {"x-amz-trailer": "x-amz-checksum-crc32"}


@pytest.mark.parametrize(
    ("body", "headers", "length", "code"),
    [
        (trailed([CONTENT], RIGHT), {}, None, "MalformedTrailerError"),
        (
            trailed([CONTENT], RIGHT),
            {"x-amz-trailer": "x-amz-checksum-crc32c"},
            None,
            "MalformedTrailerError",
        ),
        (trailed([CONTENT], RIGHT), {"x-amz-trailer": "x-other"}, None, "InvalidRequest"),
        (trailed([CONTENT], RIGHT), {"x-amz-trailer": "x-amz-checksum-md5"}, None, "InvalidRequest"),
        (trailed([CONTENT], RIGHT), {**CRC32, "x-amz-checksum-sha1": "a"}, None, "InvalidRequest"),
        (trailed([CONTENT], b"x-amz-checksum-crc32:AAAA"), CRC32, None, "InvalidRequest"),
        (trailed([CONTENT], RIGHT), CRC32, 5, "IncompleteBody"),
        (trailed([CONTENT], RIGHT), CRC32, len(CONTENT) + 1, "IncompleteBody"),
        (trailed([CONTENT], RIGHT)[:-10], CRC32, None, "IncompleteBody"),
        (b"0\r\n\r\n", CRC32, 0, "MalformedTrailerError"),
        (CONTENT, CRC32, None, "InvalidRequest"),
    ],
)
def test_wrong_trailers(
    server: ServerProcess, bucket: str, body: bytes, headers: Mapping[str, str], length: int, code: str
) -> None:
    answer = send_trailed(server, bucket, body, headers, length)
    assert (answer.status, answer.code) == (400, code), answer.body
    assert not is_stored(server, bucket)


def stream(
    server: ServerProcess,
    bucket: str,
    headers: Mapping[str, str] | None = None,
    *,
    trailer: bytes = b"",
    spoil: tuple[bytes, bytes] = (b"", b""),
    target: str = "/a",
) -> Answer:
    """An upload in signed chunks, of whose body something is changed."""
    kind = STREAMING + ("-TRAILER" if trailer else "")
    given = {
        "content-encoding": "aws-chunked,gzip",
        "x-amz-decoded-content-length": str(len(CONTENT)),
        **(headers or {}),
    }
    signed = sign(server.credential, "PUT", f"http://{bucket}{target}", given, kind)
    body = framed(signed, server.credential.secret_key, [CONTENT[:9000], CONTENT[9000:]], trailer)
    assert spoil[0] in body
    body = body.replace(*spoil, 1) if spoil[0] else body
    return server.request("PUT", target, body, signed, host=bucket)


def test_signed_chunks(server: ServerProcess, bucket: str) -> None:
    assert stream(server, bucket).status == 200
    got = server.request("GET", "/a", host=bucket)
    assert (got.body, got.header("Content-Encoding")) == (CONTENT, "gzip")
    answer = stream(server, bucket, {"x-amz-trailer": "x-amz-checksum-crc32"}, trailer=RIGHT)
    assert answer.status == 200
    assert checksum_of(server, bucket, "crc32") == b64(CHECKSUMS["crc32"])


@pytest.mark.parametrize(
    ("spoil", "trailer", "status", "code"),
    [
        ((b"hello", b"hallo"), b"", 403, "SignatureDoesNotMatch"),
        ((b"chunk-signature=", b"chunk-sign="), b"", 400, "InvalidRequest"),
        ((b"\r\n0;", b"\r\n1;"), b"", 400, "IncompleteBody"),
        ((RIGHT, RIGHT.replace(b"crc32:", b"crc32:A")), RIGHT, 403, "SignatureDoesNotMatch"),
        ((b"x-amz-trailer-signature", b"x-amz-trailer-sign"), RIGHT, 400, "MalformedTrailerError"),
    ],
)
def test_tampered_chunks(
    server: ServerProcess, bucket: str, spoil: tuple[bytes, bytes], trailer: bytes, status: int, code: str
) -> None:
    headers = {"x-amz-trailer": "x-amz-checksum-crc32"} if trailer else {}
    answer = stream(server, bucket, headers, trailer=trailer, spoil=spoil)
    assert (answer.status, answer.code) == (status, code)
    assert not is_stored(server, bucket)


def test_a_stream_that_is_cut(server: ServerProcess, bucket: str) -> None:
    given = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(CONTENT))}
    signed = sign(server.credential, "PUT", f"http://{bucket}/a", given, STREAMING)
    body = framed(signed, server.credential.secret_key, [CONTENT])
    head = [f"{name}: {value}" for name, value in signed.items() if name.lower() != "host"]
    text = "\r\n".join(["PUT /a HTTP/1.1", f"Host: {bucket}", f"Content-Length: {len(body)}", *head, "", ""])
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(text.encode() + body[:-50])
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(20)
        while connection.recv(65536):
            pass
    assert not is_stored(server, bucket)


def test_chunked_transfer_of_signed_chunks(server: ServerProcess, bucket: str) -> None:
    """The framing of S3 within that of HTTP."""
    given = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(CONTENT))}
    signed = sign(server.credential, "PUT", f"http://{bucket}/a", given, STREAMING)
    body = framed(signed, server.credential.secret_key, [CONTENT[:100], CONTENT[100:]])
    head = [f"{name}: {value}" for name, value in signed.items() if name.lower() != "host"]
    lines = [
        "PUT /a HTTP/1.1",
        f"Host: {bucket}",
        "Transfer-Encoding: chunked",
        "Connection: close",
        *head,
        "",
        "",
    ]
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall("\r\n".join(lines).encode())
        for start in range(0, len(body), 1000):
            piece = body[start : start + 1000]
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.sendall(b"0\r\n\r\n")
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert server.request("GET", "/a", host=bucket).body == CONTENT


@pytest.mark.parametrize(
    ("headers", "content_sha256", "status", "code"),
    [
        ({"content-encoding": "aws-chunked"}, "UNSIGNED-PAYLOAD", 400, "InvalidRequest"),
        ({}, STREAMING, 411, "MissingContentLength"),
        ({"x-amz-decoded-content-length": "-1"}, STREAMING, 411, "MissingContentLength"),
        ({"x-amz-decoded-content-length": str(10**17)}, STREAMING, 400, "EntityTooLarge"),
        ({"x-amz-checksum-crc32": "nonsense!"}, "UNSIGNED-PAYLOAD", 400, "InvalidRequest"),
        (
            {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": "x"},
            "UNSIGNED-PAYLOAD",
            400,
            "InvalidRequest",
        ),
        (
            {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-sdk-checksum-algorithm": "SHA1"},
            "UNSIGNED-PAYLOAD",
            400,
            "InvalidRequest",
        ),
        ({"x-amz-sdk-checksum-algorithm": "MD5"}, "UNSIGNED-PAYLOAD", 400, "InvalidRequest"),
        ({"x-amz-trailer": "x-amz-checksum-crc32"}, "UNSIGNED-PAYLOAD", 400, "InvalidRequest"),
        ({"content-md5": b64(hashlib.md5(b"other").digest())}, "UNSIGNED-PAYLOAD", 400, "BadDigest"),
        ({"x-amz-server-side-encryption": "AES256"}, "UNSIGNED-PAYLOAD", 501, "NotImplemented"),
        ({"x-amz-website-redirect-location": "/b"}, "UNSIGNED-PAYLOAD", 501, "NotImplemented"),
        ({"x-amz-object-lock-mode": "GOVERNANCE"}, "UNSIGNED-PAYLOAD", 501, "NotImplemented"),
        ({"x-amz-write-offset-bytes": "5"}, "UNSIGNED-PAYLOAD", 501, "NotImplemented"),
        ({"x-amz-storage-class": "GLACIER"}, "UNSIGNED-PAYLOAD", 400, "InvalidStorageClass"),
        ({"x-amz-acl": "public-read", "x-cos-acl": "private"}, "UNSIGNED-PAYLOAD", 400, "InvalidArgument"),
        ({"x-amz-acl": "aws-exec-read"}, "UNSIGNED-PAYLOAD", 400, "InvalidArgument"),
        ({"x-amz-expected-bucket-owner": "123456789012"}, "UNSIGNED-PAYLOAD", 403, "AccessDenied"),
        ({"if-match": "*"}, "UNSIGNED-PAYLOAD", 501, "NotImplemented"),
        ({"if-none-match": '"abc"'}, "UNSIGNED-PAYLOAD", 501, "NotImplemented"),
    ],
)
def test_what_is_not_understood_is_refused(
    server: ServerProcess,
    bucket: str,
    headers: Mapping[str, str],
    content_sha256: str,
    status: int,
    code: str,
) -> None:
    answer = send(server, "PUT", "/a", CONTENT, headers, host=bucket, content_sha256=content_sha256)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert b"x-cos-" not in answer.body
    assert not is_stored(server, bucket)


def test_a_checksum_that_is_only_to_be_made(server: ServerProcess, bucket: str) -> None:
    answer = send(server, "PUT", "/a", CONTENT, {"x-amz-checksum-algorithm": "CRC64NVME"}, host=bucket)
    assert answer.header("x-amz-checksum-crc64nvme") == b64(CHECKSUMS["crc64nvme"])
    assert checksum_of(server, bucket, "crc64nvme") == b64(CHECKSUMS["crc64nvme"])


def test_writes_with_conditions(server: ServerProcess, bucket: str) -> None:
    def put(body: bytes, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return send(server, "PUT", "/a", body, given, host=bucket)

    assert (put(b"0", if_match='"abc"').status, is_stored(server, bucket)) == (404, False)
    first = put(b"1", if_none_match="*")
    assert first.status == 200
    again = put(b"2", if_none_match="*")
    assert (again.status, again.code) == (412, "PreconditionFailed")
    assert server.request("GET", "/a", host=bucket).body == b"1"
    assert put(b"3", if_match='"abc"').status == 412
    assert put(b"3", if_match=first.header("ETag") or "").status == 200
    assert server.request("GET", "/a", host=bucket).body == b"3"


def test_anonymous_chunks(server: ServerProcess) -> None:
    """An upload into a bucket that everybody may write to, by a client without keys."""
    host = "anonymouswrite-1250000000.cos.ap-shanghai.myqcloud.com"
    assert server.request("PUT", "/", b"", {"x-cos-acl": "public-read-write"}, host=host).status == 200
    headers = {
        "x-amz-content-sha256": UNSIGNED_TRAILER,
        "x-amz-decoded-content-length": str(len(CONTENT)),
        "content-encoding": "aws-chunked",
        **CRC32,
    }
    body = trailed([CONTENT], RIGHT)
    assert server.request("PUT", "/a", body, headers, host=host, signed=False).status == 200
    assert server.request("GET", "/a", host=host, signed=False).body == CONTENT
    headers["x-amz-content-sha256"] = STREAMING
    del headers["x-amz-trailer"]
    answer = server.request("PUT", "/b", body, headers, host=host, signed=False)
    assert (answer.status, answer.code) == (403, "AccessDenied")
