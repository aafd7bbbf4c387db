"""Refusals of a signature (``docs/spec/api/signature.md#7``). None says anything about the secret."""

from __future__ import annotations

from openmogr.errors import CosError

__all__ = [
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidPolicyDocument",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
]


class InvalidAccessKeyId(CosError):
    """Nobody has that SecretId."""

    status, code = 403, "InvalidAccessKeyId"
    default_message = "The Access Key Id you provided does not exist in our records."


class SignatureDoesNotMatch(CosError):
    """The signature is not that of this request under the secret of its SecretId."""

    status, code = 403, "SignatureDoesNotMatch"
    default_message = "The Signature you specified is invalid."


class RequestTimeTooSkewed(CosError):
    """The client's clock differs too much from ours."""

    status, code = 403, "RequestTimeTooSkewed"
    default_message = "The difference between the request time and the server time is too large."


class ExpiredToken(CosError):
    """The temporary key's time is over."""

    status, code, default_message = 400, "ExpiredToken", "The provided token has expired."


class InvalidPolicyDocument(CosError):
    """The policy of a form upload is not what ``docs/spec/api/signature.md#6`` asks for."""

    status, code, default_message = 400, "InvalidPolicyDocument", "The policy document is invalid."
