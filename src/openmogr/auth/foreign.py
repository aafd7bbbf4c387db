"""Signatures of other services: told apart from wrong ones, so that their users read what to do instead."""

from __future__ import annotations

from collections.abc import Iterable

from openmogr.errors import NotSupported

__all__ = ["refuse_other_services"]

# Of queries and form fields, in lower case: AWS signature versions 4 and 2.
_AWS_NAMES = frozenset({"x-amz-signature", "x-amz-credential", "x-amz-algorithm", "awsaccesskeyid"})


def refuse_other_services(header: str | None, names: Iterable[str]) -> None:
    """Look at the ``Authorization`` header and at the names of parameters or form fields.

    Raises:
        NotSupported: it is signed as for AWS.
    """
    scheme = (header or "").strip().lower()
    if scheme.startswith(("aws4-", "aws ")) or any(name.lower() in _AWS_NAMES for name in names):
        raise NotSupported(
            "Signatures of AWS (AWS4-HMAC-SHA256 and older) are not supported by this server. "
            "Sign with COS v5, q-sign-algorithm=sha1, as the SDKs of COS do."
        )
