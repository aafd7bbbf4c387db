"""The comparison of two servers sends what it says, and sees what differs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from openmogr.auth import Credential
from tests.conftest import ROOT
from tools.compare.exchange import Seen, take_apart
from tools.compare.servers import compare, differences, everything

ANSWER = (
    b"HTTP/1.1 403 Forbidden\r\nDate: Sun, 29 Nov 2026 11:00:00 GMT\r\nContent-Type: application/xml\r\n"
    b"x-cos-request-id: abc\r\n\r\n<Error><Code>AccessDenied</Code><RequestId>abc</RequestId></Error>"
)


def test_what_is_of_the_moment_is_left_out() -> None:
    later = ANSWER.replace(b"11:00", b"12:34").replace(b"abc", b"def")
    assert differences(take_apart(ANSWER), take_apart(later)) == []


@pytest.mark.parametrize(
    "other",
    [
        ANSWER.replace(b"403", b"404"),
        ANSWER.replace(b"Denied", b"denied"),
        ANSWER.replace(b"application/xml", b"text/xml"),
        ANSWER.replace(b"Content-Type", b"content-type"),
        ANSWER.replace(b"x-cos-request-id: abc\r\n", b""),
    ],
    ids=["status", "body", "value", "name", "missing"],
)
def test_anything_else_is_seen(other: bytes) -> None:
    assert len(differences(take_apart(ANSWER), take_apart(other))) >= 1


def test_the_order_of_headers_counts() -> None:
    seen = take_apart(ANSWER)
    assert differences(seen, replace(seen, headers=seen.headers[::-1])) == ["the headers have another order"]


def test_chunks_are_put_together() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    one, two = b"4\r\nWiki\r\n0\r\n\r\n", b"1\r\nW\r\n3\r\niki\r\n0\r\n\r\n"
    assert take_apart(head + one) == take_apart(head + two)
    assert take_apart(head + one) == Seen("HTTP/1.1 200 OK", (("Transfer-Encoding", "chunked"),), b"Wiki")


def test_there_are_requests_of_every_sort() -> None:
    requests = list(everything(Credential("a", "b"), 1_800_000_000))
    assert len(requests) >= 600
    methods = {request.method for request in requests}
    assert methods >= {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"}


def test_a_server_answers_as_another_of_the_same_code() -> None:
    count, found = compare(ROOT, ROOT, only="refused")
    assert count > 200
    assert found == {}
