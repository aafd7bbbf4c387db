"""What can happen to work in a process, apart from what its task says itself."""

from __future__ import annotations

import signal

__all__ = ["ReplyLost", "WorkerDied", "WorkerError", "WorkerTimeout"]


class WorkerError(Exception):
    """The work has no result, and it is not the task that says why."""


class WorkerTimeout(WorkerError):
    """The work took longer than it was given, and was stopped."""


class WorkerDied(WorkerError):
    """The process ended during the work.

    Attributes:
        status: exit status as ``subprocess`` counts it: negative for a signal; None where it is not known.
    """

    def __init__(self, status: int | None) -> None:
        self.status = status
        super().__init__(f"the worker ended with {_told(status)}")


def _told(status: int | None) -> str:
    if status is None:
        return "an unknown status"
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


class ReplyLost(WorkerError):
    """The worker had no room to write its answer.

    Attributes:
        resident: bytes of the worker, which goes on.
    """

    def __init__(self, reason: str, resident: int) -> None:
        super().__init__(f"the reply could not be written: {reason}")
        self.resident = resident
