"""Signatures, COS v5 and AWS version 4: who sent a request."""

from openmogr.auth.credentials import Credential, Credentials, load_credentials
from openmogr.auth.grants import Grant
from openmogr.auth.settings import AuthSettings
from openmogr.auth.signed import Coverage, SignedRequest
from openmogr.auth.signer import sign_request
from openmogr.auth.sigv4 import PayloadSignature
from openmogr.auth.verifier import Verifier

__all__ = [
    "AuthSettings",
    "Coverage",
    "Credential",
    "Credentials",
    "Grant",
    "PayloadSignature",
    "SignedRequest",
    "Verifier",
    "load_credentials",
    "sign_request",
]
