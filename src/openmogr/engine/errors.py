"""What goes wrong between the server and its image workers and is told to neither of their clients."""

from __future__ import annotations

__all__ = ["SourceDamaged"]


class SourceDamaged(Exception):
    """A worker read other bytes than were stored; nothing was made of them."""
