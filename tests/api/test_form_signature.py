"""Form uploads that are signed as a whole by a field ``Signature``, as mini programs and older pages send them."""

from __future__ import annotations

import pytest

from openmogr.auth import Credential, sign_request
from openmogr.testing import ServerProcess

from .test_form import encode, post


def test_a_field_signature_signs_the_form(server: ServerProcess, bucket: str) -> None:
    signature = sign_request(server.credential, "POST", "/", {"host": bucket})
    fields = {"key": "a.txt", "success_action_status": "200", "Signature": signature, "Content-Type": ""}
    assert post(server, bucket, encode(fields, ("x.txt", b"1"))).status == 200
    assert server.request("GET", "/a.txt", host=bucket).body == b"1"


def test_with_a_temporary_key(server: ServerProcess, bucket: str) -> None:
    signature = sign_request(Credential("AKIDTEMP", "tempkey"), "POST", "/", {"host": bucket})
    fields = {"key": "a.txt", "Signature": signature}
    assert post(server, bucket, encode(fields, ("x.txt", b"1"))).status == 403
    fields["x-cos-security-token"] = "tok"
    assert post(server, bucket, encode(fields, ("x.txt", b"1"))).status == 204


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("PUT", "/", "SignatureDoesNotMatch"), ("POST", "/a.txt", "SignatureDoesNotMatch")],
)
def test_a_signature_of_another_request(
    server: ServerProcess, bucket: str, method: str, path: str, code: str
) -> None:
    signature = sign_request(server.credential, method, path, {"host": bucket})
    answer = post(server, bucket, encode({"key": "a.txt", "Signature": signature}, ("x.txt", b"1")))
    assert (answer.status, answer.code) == (403, code)
    assert server.request("HEAD", "/a.txt", host=bucket).status == 404


@pytest.mark.parametrize("signature", ["nonsense", "图", "q-sign-algorithm=sha1&q-ak=" + "a" * 40])
def test_what_is_no_signature(server: ServerProcess, bucket: str, signature: str) -> None:
    answer = post(server, bucket, encode({"key": "a.txt", "Signature": signature}, ("x.txt", b"1")))
    assert 400 <= answer.status < 500
    assert server.request("HEAD", "/a.txt", host=bucket).status == 404
