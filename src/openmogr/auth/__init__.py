"""COS signatures v5: who sent a request."""

from openmogr.auth.credentials import Credential, Credentials, load_credentials
from openmogr.auth.settings import AuthSettings
from openmogr.auth.signer import sign_request
from openmogr.auth.verifier import Coverage, SignedRequest, Verifier

__all__ = [
    "AuthSettings",
    "Coverage",
    "Credential",
    "Credentials",
    "SignedRequest",
    "Verifier",
    "load_credentials",
    "sign_request",
]
