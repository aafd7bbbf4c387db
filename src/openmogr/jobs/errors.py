"""What is wrong with a request about jobs."""

from __future__ import annotations

from openmogr.errors import CosError, SlowDown

__all__ = ["NoSuchQueue", "NoSuchTemplate", "TooManyJobs"]


class NoSuchTemplate(CosError):
    """A template that the bucket has not."""

    status, code, default_message = 404, "NoSuchTemplate", "The specified template does not exist."


class NoSuchQueue(CosError):
    """A queue that is not the bucket's."""

    status, code, default_message = 404, "NoSuchQueue", "The specified queue does not exist."


class TooManyJobs(SlowDown):
    """As many jobs wait as may."""

    default_message = "Too many jobs are waiting. Please try again later."
