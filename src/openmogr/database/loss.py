"""Which errors of SQLAlchemy and its drivers mean that the database is not there, and not that a statement is wrong."""

from __future__ import annotations

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from openmogr.errors import CosError

__all__ = ["is_loss"]

_OURS = (IntegrityError, DataError, ProgrammingError, NotSupportedError)


def is_loss(error: BaseException) -> bool:
    """Whether a retry may do. Connections and statements that take too long come as they are, unwrapped."""
    if isinstance(error, CosError):
        return False
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or not isinstance(error, _OURS)
    return isinstance(error, (PoolTimeout, DisconnectionError, OSError, TimeoutError))
