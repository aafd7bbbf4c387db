"""Temporary key pairs that say themselves what they may do."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from openmogr.auth import Credential, Credentials, Grant, Verifier
from openmogr.auth.errors import ExpiredToken, InvalidAccessKeyId
from openmogr.auth.tokens import issue, recognise

OWNER = Credential("AKIDOWNER", "secret")
GRANT = Grant(True, ("GetObject", "List*"), ("photos-1250000000/in/",))


def test_what_was_issued_is_recognised() -> None:
    pair = issue(OWNER, GRANT, 2_000_000_000)
    assert pair.token is not None
    assert recognise(OWNER, pair.secret_id, pair.token) == pair
    assert issue(OWNER, GRANT, 2_000_000_000).secret_key != pair.secret_key
    assert "secret" not in urlsafe_b64decode(pair.token.split(".")[1] + "==").decode()


def test_nothing_else_is() -> None:
    pair = issue(OWNER, GRANT, 2_000_000_000)
    assert pair.token is not None
    prefix, body, signature = pair.token.split(".")
    document = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    more = urlsafe_b64encode(json.dumps({**document, "read_only": False}).encode()).decode().rstrip("=")
    for token in (
        "",
        "tok",
        f"{prefix}.{more}.{signature}",
        f"{prefix}.{body}.{signature[:-2]}",
        f"{prefix}.{body}",
        f"{prefix}.{body}.",
        f"{prefix}.{body}.{signature}é",
        f"{prefix}.!.{signature}",
        f"{prefix}." + "A" * 9000,
    ):
        assert recognise(OWNER, pair.secret_id, token) is None
    assert recognise(OWNER, "AKIDOTHER", pair.token) is None
    assert recognise(Credential("AKIDOWNER", "other"), pair.secret_id, pair.token) is None


def test_the_verifier_knows_them() -> None:
    pair = issue(OWNER, GRANT, 1000)
    verifier = Verifier(Credentials(OWNER), clock=lambda: 999)
    assert verifier.credential(pair.secret_id, lambda: pair.token).grant == GRANT
    for token in (None, "", "other"):
        with pytest.raises(InvalidAccessKeyId):
            verifier.credential(pair.secret_id, lambda text=token: text)  # type: ignore[misc]
    with pytest.raises(ExpiredToken):
        Verifier(Credentials(OWNER), clock=lambda: 1001).credential(pair.secret_id, lambda: pair.token)


def test_what_a_grant_allows() -> None:
    assert GRANT.allows_action("GetObject")
    assert GRANT.allows_action("ListParts")
    assert not GRANT.allows_action("GetObjectACL")
    assert GRANT.allows_place("photos-1250000000", "in/a")
    assert not GRANT.allows_place("photos-1250000000", "i")
    assert not GRANT.allows_place("photos-12500000001", "in/a")
    assert GRANT.allows_bucket("photos-1250000000")
    assert not GRANT.allows_bucket("photos-125000000")
    whole = Grant(resources=(Grant.parse_resource("photos-1250000000"),))
    assert whole.allows_place("photos-1250000000", "")
    assert not whole.allows_place("photos-12500000001", "")


@pytest.mark.parametrize("text", ["", "getObject", "Get*Object", "name/cos:", "*Object", "Get Object"])
def test_actions_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not an action"):
        Grant.parse_action(text)


def test_actions_and_resources_as_written() -> None:
    assert Grant.parse_action("name/cos:PutObject") == "PutObject"
    assert Grant.parse_action("*") == "*"
    assert Grant.parse_resource("a-1250000000/in/*") == "a-1250000000/in/"
    for text in ("", "/a", "*", "A/b", "a-1250000000*", "a-1250000000/*/b"):
        with pytest.raises(ValueError, match="is not a bucket"):
            Grant.parse_resource(text)
