"""What a database cannot do."""

from __future__ import annotations

from openmogr.errors import CosError

__all__ = ["DatabaseUnavailable", "DatabaseUnusable"]


class DatabaseUnavailable(CosError):
    """The database is lost, locked, full or slow; a retry may do."""

    status, code = 503, "ServiceUnavailable"
    default_message = "The database of this server cannot be reached. Please try again."


class DatabaseUnusable(Exception):
    """The database cannot be opened; the text says why, in words for the operator, without a password."""
