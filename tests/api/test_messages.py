"""What errors say, and to whom."""

from __future__ import annotations

from urllib.parse import quote
from xml.etree.ElementTree import fromstring

import pytest

from openmogr.testing import ServerProcess
from openmogr.wire import error_document

from .test_form import encode, post


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("plain", "plain"),
        ("one of !<S>p, <w>x<h>> or <width>x", "one of !Sp, WxH%3E or WIDTHx"),
        ("'a<b' & \"c>d\"", "'a%3Cb' %26 \"c%3Ed\""),
        ("<<a>>", "%3CA%3E"),
    ],
)
def test_messages_hold_no_markup(message: str, shown: str) -> None:
    """The Java SDK cuts them there."""
    document = error_document("Code", message, "host/a&b", "id", "trace")
    root = fromstring(document)
    assert root.findtext("Message") == shown
    assert root.findtext("Resource") == "host/a&b"


@pytest.mark.parametrize(
    "query",
    [
        "imageMogr2/thumbnail/<a>&x",
        "imageMogr2/thumbnail/a%26b",
        "imageMogr2/crop/<x>>",
        "imageMogr2/rotate/<b>%26",
    ],
)
def test_messages_that_repeat_the_request(
    server: ServerProcess, module_bucket: str, photo: bytes, query: str
) -> None:
    server.request("PUT", "/a.png", photo, host=module_bucket)
    answer = server.request("GET", f"/a.png?{quote(query, safe='/%&')}", host=module_bucket)
    assert answer.status == 400
    message = answer.body.partition(b"<Message>")[2].partition(b"</Message>")[0]
    assert message
    assert not set(b"<>&") & set(message)


@pytest.mark.parametrize(
    ("authorization", "query"),
    [
        ("AWS4-ECDSA-P256-SHA256 Credential=x", ""),
        ("AWS AKIDEXAMPLE:c2ln", ""),
        ("", "AWSAccessKeyId=AKIDEXAMPLE&Signature=c2ln&Expires=4000000000"),
        ("", "awsaccesskeyid=AKIDEXAMPLE"),
    ],
)
def test_older_and_other_signatures_of_aws_are_answered_with_words(
    server: ServerProcess, module_public: str, authorization: str, query: str
) -> None:
    """With a 4xx, since SDKs repeat what is answered with a 5xx."""
    for method, target in (
        ("GET", "/a"),
        ("PUT", "/a"),
        ("GET", "/"),
        ("DELETE", "/a"),
        ("POST", "/a?uploads"),
    ):
        joint = "&" if "?" in target else "?"
        body = b"1" if method == "PUT" else None
        headers = {"Authorization": authorization}
        answer = server.request(method, f"{target}{joint}{query}", body, headers, host=module_public)
        assert (answer.status, answer.code) == (400, "InvalidRequest")
        assert b"AWS4-HMAC-SHA256" in answer.body
    assert b"<Contents>" not in server.request("GET", "/", host=module_public).body


def test_forms_signed_by_version_2_of_aws(server: ServerProcess, module_bucket: str) -> None:
    fields = {"key": "a", "AWSAccessKeyId": "x", "policy": "e30=", "signature": "c2ln"}
    answer = post(server, module_bucket, encode(fields, ("f", b"1")))
    assert (answer.status, answer.code) == (400, "InvalidRequest")


def test_other_schemes_are_denied(server: ServerProcess, module_bucket: str) -> None:
    answer = server.request("GET", "/", headers={"Authorization": "Bearer abc"}, host=module_bucket)
    assert (answer.status, answer.code) == (403, "AccessDenied")
