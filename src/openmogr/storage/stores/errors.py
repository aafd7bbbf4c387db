"""What a store's client raises, as answers: in words for whoever asked, and with the details for the log."""

from __future__ import annotations

import re
from collections.abc import Sequence

from openmogr.errors import AccessDenied, CosError, NoSuchKey, NotImplementedHere
from openmogr.storage.errors import StoreUnavailable

__all__ = ["as_answer", "scrubbed"]

_QUERY = re.compile(r"\?[^\s\"')]*")
_USER = re.compile(r"://[^\s/@]*@")
_LONGEST = 600


def scrubbed(text: str, secrets: Sequence[str]) -> str:
    """A text for the log: in one line, without queries of URLs (which may hold signatures), and without secrets."""
    told = _USER.sub("://…@", _QUERY.sub("?…", " ".join(text.split())))
    for secret in secrets:
        told = told.replace(secret, "***")
    return told[:_LONGEST]


def as_answer(error: Exception, secrets: Sequence[str], *, anonymous: bool) -> CosError:
    """The answer to a request that a store did not answer well.

    Args:
        error: what ``obstore`` raised, or a ``TimeoutError``.
        secrets: what the log may not hold.
        anonymous: the store is read without keys, so that a refusal is about the object.
    """
    from obstore import exceptions

    if isinstance(error, CosError):
        return error
    detail = f"{type(error).__name__}: {scrubbed(str(error), secrets)}"
    match error:
        case exceptions.NotFoundError() | FileNotFoundError():
            return NoSuchKey()
        case TimeoutError():
            return StoreUnavailable("The store of this bucket does not answer in time. Please try again.")
        case exceptions.PreconditionError():
            return StoreUnavailable(
                "The object was changed while it was read. Please try again.", detail=detail
            )
        case exceptions.PermissionDeniedError() | exceptions.UnauthenticatedError() if anonymous:
            return AccessDenied("The store of this bucket does not give this to everybody.", detail=detail)
        case exceptions.PermissionDeniedError() | exceptions.UnauthenticatedError() | PermissionError():
            return StoreUnavailable(
                "The store of this bucket refuses the keys of this server.", detail=detail
            )
        case exceptions.InvalidPathError():
            return NotImplementedHere(
                "The store holds keys with empty parts, . or .. or control characters, which cannot be listed here.",
                detail=detail,
            )
    return StoreUnavailable("The store of this bucket cannot be reached. Please try again.", detail=detail)
