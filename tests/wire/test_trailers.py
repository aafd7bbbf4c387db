"""Trailers of a chunked body are none of the request's headers."""

from __future__ import annotations

import contextlib

import pytest

from openmogr.testing import ServerProcess

from .conftest import HOST, Connect


@pytest.mark.parametrize(
    ("trailer", "query", "unwanted"),
    [
        ("x-cos-acl: public-read", "?acl", b"AllUsers"),
        ("Content-Type: text/html", "", b"text/html"),
        ("x-cos-meta-planted: yes", "", b"planted"),
        ("x-cos-storage-class: ARCHIVE", "", b"ARCHIVE"),
    ],
)
def test_trailers_change_nothing(
    server: ServerProcess, connect: Connect, trailer: str, query: str, unwanted: bytes
) -> None:
    client = connect(server)
    client.send(client.head("PUT", "/trailed", "Transfer-Encoding: chunked", "Connection: close"))
    client.send(b"3\r\nabc\r\n0\r\n" + trailer.encode() + b"\r\n\r\n")
    assert client.rest().startswith(b"HTTP/1.1 200 ")
    answer = server.request("GET", f"/trailed{query}", host=HOST)
    assert answer.status == 200
    assert unwanted not in answer.body
    assert all(unwanted not in f"{name}: {value}".encode() for name, value in answer.headers)


def test_a_signature_in_a_trailer_is_none(server: ServerProcess, connect: Connect) -> None:
    """The head is complete when it is verified; nothing that comes later may sign the request."""
    client = connect(server)
    signature = client.head("PUT", "/unsigned").split(b"\r\n")[2]
    client.send(
        f"PUT /unsigned HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n0\r\n".encode()
        + signature
        + b"\r\n\r\n"
    )
    assert client.rest().startswith(b"HTTP/1.1 403 ")


def test_the_next_request_is_not_touched(server: ServerProcess, connect: Connect) -> None:
    client = connect(server)
    client.send(client.head("PUT", "/one", "Transfer-Encoding: chunked"))
    client.send(b"3\r\nabc\r\n0\r\nExpect: 100-continue\r\nx-cos-meta-a: 1\r\n\r\n")
    client.send(client.head("PUT", "/two", "Content-Length: 1", "Connection: close") + b"x")
    answer = client.rest()
    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert b"100 Continue" not in answer
    assert server.request("HEAD", "/two", host=HOST).header("x-cos-meta-a") is None


@pytest.mark.parametrize("flood", [b"x" * 400_000, b"a: b\r\n" * 70_000], ids=["one", "many"])
def test_trailers_without_end_are_refused(server: ServerProcess, connect: Connect, flood: bytes) -> None:
    client = connect(server)
    client.send(client.head("PUT", "/endless", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n")
    with contextlib.suppress(ConnectionError):
        client.send(flood)
    answer = client.rest()
    assert b"<Code>InvalidRequest</Code><Message>The chunked body of the request is malformed." in answer
    assert server.request("HEAD", "/endless", host=HOST).status == 404


@pytest.mark.parametrize(
    "coding", ["gzip, chunked", "deflate, chunked", "gzip\r\nTransfer-Encoding: chunked"]
)
def test_bodies_in_other_codings_are_refused(server: ServerProcess, connect: Connect, coding: str) -> None:
    """They would be stored as they are coded."""
    client = connect(server)
    client.send(client.head("PUT", "/coded", f"Transfer-Encoding: {coding}") + b"3\r\nabc\r\n0\r\n\r\n")
    assert b"<Message>Of the transfer codings only chunked is understood.</Message>" in client.rest()
    assert server.request("HEAD", "/coded", host=HOST).status == 404
