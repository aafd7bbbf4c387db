"""The policy of a form upload (``docs/spec/api/signature.md#6``), and that of S3."""

from __future__ import annotations

import binascii
import hmac
import json
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from openmogr.auth.authorization import parse_fields
from openmogr.auth.errors import InvalidPolicyDocument, SignatureDoesNotMatch
from openmogr.auth.grants import Grant
from openmogr.auth.signature import sign_policy
from openmogr.auth.sigv4 import sign_text
from openmogr.auth.sigv4_fields import MAX_EXPIRES, from_form, is_aws, parse_amz_date
from openmogr.auth.verifier import Verifier
from openmogr.errors import AccessDenied

__all__ = ["SizeRange", "verify_form"]

# Fields of a form of S3 of which its policy need not speak.
_NEED_NO_CONDITION = frozenset({"policy", "x-amz-signature", "bucket"})


@dataclass(frozen=True, slots=True)
class SizeRange:
    """How many bytes the policy lets the file have, both ends inclusive; None: no bound.

    Attributes:
        grant: what the key pair may do that signed the policy; None: everything.
    """

    min_bytes: int = 0
    max_bytes: int | None = None
    grant: Grant | None = None


def verify_form(fields: Mapping[str, str], bucket: str, verifier: Verifier) -> SizeRange | None:
    """Check signature and conditions of a form whose field names are in lower case.

    Returns:
        The allowed size of the file, or None for an anonymous form.

    Raises:
        AccessDenied: a condition does not hold, a field that needs a condition has none, or the policy has expired.
        SignatureVersionNotSupported: it is signed by a version of AWS that is not known here.
        InvalidPolicyDocument: the policy is not Base64 of a JSON document of the right shape.
    """
    if is_aws("", fields):
        return _verify_v4(fields, bucket, verifier)
    if not fields.get("policy") and not fields.get("q-signature"):
        return None
    text = _policy_text(fields)
    authorization = parse_fields({**fields, "q-sign-time": fields.get("q-key-time", "")})
    credential = verifier.credential(authorization.secret_id, lambda: fields.get("x-cos-security-token"))
    verifier.check_times(authorization.key_time)
    expected = sign_policy(credential.secret_key, authorization.key_time, text)
    if not hmac.compare_digest(expected.encode(), authorization.signature.lower().encode()):
        raise SignatureDoesNotMatch()
    needed = [name for name in fields if name == "pic-operations" or (verifier.strict and _opens(name))]
    given = {**fields, "bucket": bucket, "q-sign-time": authorization.key_time}
    sizes = _check(text, given, {"q-sign-algorithm", "q-ak", "q-sign-time", *needed})
    return replace(sizes, grant=credential.grant)


def _verify_v4(fields: Mapping[str, str], bucket: str, verifier: Verifier) -> SizeRange:
    """The same for a form of S3, whose policy has to have a condition for every field."""
    text = _policy_text(fields)
    signature = from_form(fields)
    verifier.v4.check_region(signature)
    credential = verifier.credential(signature.secret_id, lambda: fields.get("x-amz-security-token"))
    expected = sign_text(signature.scope.key(credential.secret_key), fields["policy"])
    if not hmac.compare_digest(expected.encode(), signature.signature.encode()):
        raise SignatureDoesNotMatch()
    moment = parse_amz_date(signature.time)
    assert moment is not None
    age = verifier.v4.clock() - moment.timestamp()
    if age < -verifier.v4.clock_skew or age > MAX_EXPIRES:
        raise AccessDenied("Invalid according to Policy: x-amz-date is in the future or over 7 days old.")
    needed = {name for name in fields if name not in _NEED_NO_CONDITION and not name.startswith("x-ignore-")}
    return replace(_check(text, {**fields, "bucket": bucket}, needed), grant=credential.grant)


def _policy_text(fields: Mapping[str, str]) -> bytes:
    encoded = fields.get("policy")
    if not encoded:
        raise AccessDenied("The form is signed but has no policy.")
    try:
        return b64decode(encoded, validate=True)
    except binascii.Error:
        raise InvalidPolicyDocument("The policy is not valid Base64.") from None


def _opens(name: str) -> bool:
    return name in ("acl", "x-cos-acl") or name.startswith("x-cos-grant-")


def _check(text: bytes, fields: Mapping[str, str], needed: Iterable[str]) -> SizeRange:
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidPolicyDocument("The policy is not valid JSON.") from None
    if not isinstance(policy, dict) or not isinstance(policy.get("conditions"), list):
        raise InvalidPolicyDocument("The policy needs an expiration and a list of conditions.")
    if _expiration(policy.get("expiration")) < datetime.now(UTC):
        raise AccessDenied("Invalid according to Policy: Policy expired.")
    sizes = SizeRange()
    named: set[str] = set()
    for condition in policy["conditions"]:
        if isinstance(condition, list) and condition[:1] == ["content-length-range"]:
            sizes = _size_range(condition)
            continue
        operator, name, value = _condition(condition)
        named.add(name)
        field = fields.get(name)
        if field is None or not (field == value if operator == "eq" else field.startswith(value)):
            raise AccessDenied(
                f"Invalid according to Policy: Policy Condition failed: {json.dumps(condition)}"
            )
    missing = set(needed) - named
    if missing:
        raise AccessDenied(
            f"Invalid according to Policy: it has no condition for {', '.join(sorted(missing))}."
        )
    return sizes


def _expiration(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise InvalidPolicyDocument("The expiration of the policy is not an ISO 8601 time.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _condition(condition: object) -> tuple[str, str, str]:
    match condition:
        case {**pairs} if len(pairs) == 1:
            ((name, value),) = pairs.items()
            if isinstance(name, str) and isinstance(value, (str, int)):
                return "eq", name.lower(), str(value)
        case [("eq" | "starts-with") as operator, str(name), str(value)] if name.startswith("$"):
            return operator, name[1:].lower(), value
    raise InvalidPolicyDocument(
        f"The policy has a condition that is not understood: {json.dumps(condition)[:200]}"
    )


def _size_range(condition: list[object]) -> SizeRange:
    match condition:
        case [_, int(low), int(high)] if 0 <= low <= high:
            return SizeRange(low, high)
    raise InvalidPolicyDocument("content-length-range takes two ascending integers.")
