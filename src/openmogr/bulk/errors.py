"""What ends a run, and what befalls one object of it."""

from __future__ import annotations

__all__ = ["BatchLost", "BulkError", "ObjectFailed"]


class BulkError(Exception):
    """The run cannot begin or go on; the text says why, and holds no key."""


class BatchLost(Exception):
    """A batch had no end: its worker or node ended again and again. Nothing is known of its objects."""


class ObjectFailed(Exception):
    """One object could not be done.

    Attributes:
        reason: a word of :class:`openmogr.bulk.model.Reason`.
        transient: whether trying it once more may help.
    """

    def __init__(self, reason: str, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.transient = transient
