"""Refusals of a signature (``docs/spec/api/signature.md#7``). None says anything about the secret."""

from __future__ import annotations

from openmogr.errors import CosError

__all__ = [
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidPolicyDocument",
    "MissingSecurityHeader",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "SignatureVersionNotSupported",
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


class AuthorizationHeaderMalformed(CosError):
    """An ``Authorization`` header of S3 that is not one, or is for another region or service."""

    status, code = 400, "AuthorizationHeaderMalformed"
    default_message = "The authorization header that you provided is not valid."


class AuthorizationQueryParametersError(CosError):
    """The same of a presigned URL of S3."""

    status, code = 400, "AuthorizationQueryParametersError"
    default_message = "The authorization query parameters that you provided are not valid."


class MissingSecurityHeader(CosError):
    """A header without which a signature of S3 cannot be checked."""

    status, code = 400, "MissingSecurityHeader"
    default_message = "Your request was missing a required header."


class SignatureVersionNotSupported(CosError):
    """A signature of AWS version 2, or an asymmetric one; the code is that of S3."""

    status, code = 400, "InvalidRequest"
    default_message = (
        "Signatures of AWS version 2 are not supported by this server. Sign with version 4 "
        "(AWS4-HMAC-SHA256), or with COS v5, q-sign-algorithm=sha1."
    )
