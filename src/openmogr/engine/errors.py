"""What goes wrong between the server and its image workers and is told to neither of their clients."""

from __future__ import annotations

__all__ = ["SourceDamaged"]


class SourceDamaged(Exception):
    """A worker read other bytes than were stored; nothing was made of them.

    Attributes:
        number: of the source, counted from 0, which is the one that is worked on.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"source {number} was read otherwise than it was stored")
        self.number = number
