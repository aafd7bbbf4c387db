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
# The client tells it in no other way where a listing fails.
_STATUS = re.compile(r"status code: (\d{3})")


def scrubbed(text: str, secrets: Sequence[str]) -> str:
    """A text for the log: in one line, without queries of URLs (which may hold signatures), and without secrets."""
    # What follows says the same once more, in the words of a program.
    told = " ".join(text.partition("Debug source:")[0].split())
    told = _USER.sub("://…@", _QUERY.sub("?…", told))
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
    text = str(error)
    detail = f"{type(error).__name__}: {scrubbed(text, secrets)}"
    found = _STATUS.search(text)
    status = int(found[1]) if found and isinstance(error, exceptions.GenericError) else 0
    refused = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError)
    if isinstance(error, TimeoutError):
        return StoreUnavailable("The store of this bucket does not answer in time. Please try again.")
    if isinstance(error, (exceptions.NotFoundError, FileNotFoundError)) or status == 404:
        return NoSuchKey()
    if isinstance(error, exceptions.PreconditionError):
        return StoreUnavailable("The object was changed while it was read. Please try again.", detail=detail)
    if isinstance(error, refused) or status in (401, 403):
        if anonymous:
            return AccessDenied("The store of this bucket does not give this to everybody.", detail=detail)
        return StoreUnavailable("The store of this bucket refuses the keys of this server.", detail=detail)
    if isinstance(error, exceptions.InvalidPathError):
        return NotImplementedHere(
            "The store holds keys with empty parts, . or .. or control characters, which cannot be listed here.",
            detail=detail,
        )
    if status:
        return StoreUnavailable(
            "The store of this bucket answers with an error. Please try again.", detail=detail
        )
    return StoreUnavailable("The store of this bucket cannot be reached. Please try again.", detail=detail)
