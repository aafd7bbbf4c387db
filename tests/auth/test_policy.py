"""The policy of form uploads (``docs/spec/api/signature.md#6``)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping

import pytest

from openmogr.auth import Credential, Credentials, Verifier
from openmogr.auth.errors import InvalidPolicyDocument, SignatureDoesNotMatch
from openmogr.auth.policy import SizeRange, verify_form
from openmogr.auth.signature import sign_policy
from openmogr.errors import AccessDenied

ID, KEY = "AKIDEXAMPLE00000000000000000000000000", "SecretKeyExample0123456789abcdef"
TIME = "1700000000;1700003600"
BUCKET = "examplebucket-1250000000"
VERIFIER = Verifier(Credentials(Credential(ID, KEY)), clock=lambda: 1_700_000_100)
MANDATORY = [{"q-sign-algorithm": "sha1"}, {"q-ak": ID}, {"q-sign-time": TIME}]


def form(policy: object, **fields: str) -> Mapping[str, str]:
    text = (policy if isinstance(policy, str) else json.dumps(policy)).encode()
    return {
        "policy": b64encode(text).decode(),
        "q-sign-algorithm": "sha1",
        "q-ak": ID,
        "q-key-time": TIME,
        "q-signature": sign_policy(KEY, TIME, text),
        "key": "folder/a.jpg",
        **fields,
    }


def policy(*conditions: object, expiration: str = "2099-01-01T00:00:00.000Z") -> object:
    return {"expiration": expiration, "conditions": [*MANDATORY, *conditions]}


def test_signature_of_the_documented_example() -> None:
    text = (
        '{"expiration":"2023-11-14T23:13:20.000Z","conditions":[{"acl":"default"},{"bucket":"examplebucket-1250000000"},'
        '["starts-with","$key","folder/"],{"q-sign-algorithm":"sha1"},{"q-ak":"AKIDEXAMPLE00000000000000000000000000"},'
        '{"q-sign-time":"1700000000;1700003600"}]}'
    )
    assert sign_policy(KEY, TIME, text.encode()) == "c155b2ee86e4ec2151b5e2ef7cfc7cc570cb1cf3"


def test_conditions_that_hold() -> None:
    fields = form(
        policy({"bucket": BUCKET}, ["starts-with", "$key", "folder/"], ["eq", "$acl", "default"]),
        acl="default",
    )
    assert verify_form(fields, BUCKET, VERIFIER) == SizeRange()
    sized = form(policy(["content-length-range", 1, 10]))
    assert verify_form(sized, BUCKET, VERIFIER) == SizeRange(1, 10)


def test_anonymous_form() -> None:
    assert verify_form({"key": "a"}, BUCKET, VERIFIER) is None


@pytest.mark.parametrize(
    "document",
    [
        policy({"bucket": "other-1250000000"}),
        policy(["starts-with", "$key", "other/"]),
        policy({"acl": "default"}),
        policy(expiration="2020-01-01T00:00:00Z"),
        {"expiration": "2099-01-01T00:00:00Z", "conditions": MANDATORY[:2]},
    ],
    ids=["bucket", "prefix", "field missing", "expired", "mandatory condition missing"],
)
def test_conditions_that_fail(document: object) -> None:
    with pytest.raises(AccessDenied, match="Invalid according to Policy"):
        verify_form(form(document), BUCKET, VERIFIER)


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[]",
        {"expiration": "2099-01-01T00:00:00Z"},
        {"expiration": "tomorrow", "conditions": []},
        policy(["like", "$key", "x"]),
        policy(["content-length-range", 10, 1]),
        policy(7),
    ],
)
def test_malformed_policies(document: object) -> None:
    with pytest.raises(InvalidPolicyDocument):
        verify_form(form(document), BUCKET, VERIFIER)


def test_changed_policy_does_not_match() -> None:
    fields = dict(form(policy()))
    fields["policy"] = b64encode(json.dumps(policy({"acl": "default"})).encode()).decode()
    with pytest.raises(SignatureDoesNotMatch):
        verify_form(fields, BUCKET, VERIFIER)


@pytest.mark.parametrize(
    ("name", "value", "strictly"),
    [
        ("pic-operations", "{}", False),
        ("acl", "public-read", True),
        ("x-cos-acl", "public-read", True),
        ("x-cos-grant-read", 'id="1"', True),
    ],
)
def test_fields_that_need_a_condition(name: str, value: str, strictly: bool) -> None:
    strict = Verifier(Credentials(Credential(ID, KEY)), clock=lambda: 1_700_000_100, strict=True)
    bare, covered = form(policy(), **{name: value}), form(policy({name: value}), **{name: value})
    for verifier in (VERIFIER, strict):
        assert verify_form(covered, BUCKET, verifier) == SizeRange()
        if strictly and verifier is VERIFIER:
            assert verify_form(bare, BUCKET, verifier) == SizeRange()
        else:
            with pytest.raises(AccessDenied, match=f"no condition for {name}"):
                verify_form(bare, BUCKET, verifier)
