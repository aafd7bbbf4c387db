"""What keeps the server from being observed as it was asked to be."""

from __future__ import annotations

__all__ = ["TracingUnusable"]


class TracingUnusable(Exception):
    """Traces are asked for, and cannot be made."""
