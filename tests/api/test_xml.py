"""XML in and out."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openmogr.api.errors import MalformedXML
from openmogr.api.xml import Node, child_text, iso_millis, iso_seconds, parse, render, url_encode
from openmogr.wire import error_document

PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


def test_elements() -> None:
    node: Node = (
        "A",
        [("B", 'x"<&>'), ("C", ""), ("D", None), ("E", 7), ("F", []), ('G x="1"', [("H", "h")])],
    )
    assert render(node).partition(b"\n")[2] == (
        b'<A><B>x&quot;&lt;&amp;&gt;</B><C/><E>7</E><F/><G x="1"><H>h</H></G></A>'
    )


@given(PRINTABLE)
def test_any_text_survives(text: str) -> None:
    element = parse(render(("R", [("K", text)])), "R")
    assert child_text(element, "K") == text


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<R>",
        b"text",
        b"<Q/>",
        b'<!DOCTYPE R [<!ENTITY a "b">]><R>&a;</R>',
        b'<!DOCTYPE R SYSTEM "file:///etc/passwd"><R/>',
        b"<?xml version='1.0' encoding='nonsense'?><R/>",
        b"\xff\xfe<R/>",
    ],
)
def test_bad_documents(document: bytes) -> None:
    with pytest.raises(MalformedXML):
        parse(document, "R")


def test_namespaces_are_dropped() -> None:
    element = parse(b'<R xmlns="http://www.qcloud.com/x"><K>1</K></R>', "R")
    assert child_text(element, "K") == "1"


@given(st.text())
def test_error_documents_are_well_formed_whatever_was_asked_for(resource: str) -> None:
    root = fromstring(error_document("NoSuchKey", "message", resource, "id", "trace"))
    assert all(
        (root.findtext(name) or "") for name in ("Code", "Message", "Resource", "RequestId", "TraceId")
    )


def test_times_and_keys() -> None:
    moment = datetime(2026, 1, 10, 3, 37, 30, 45_678, tzinfo=UTC)
    assert iso_millis(moment) == "2026-01-10T03:37:30.045Z"
    assert iso_seconds(moment) == "2026-01-10T03:37:30Z"
    assert url_encode("a b+c/图%") == "a%20b%2Bc/%E5%9B%BE%25"
