"""What a job is (``docs/spec/api/persistent-processing.md#8``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Job",
    "JobFilter",
    "JobPage",
    "JobRequest",
    "Outcome",
    "Queue",
    "QueueState",
    "State",
    "Template",
]


class State(StrEnum):
    """How far a job is."""

    SUBMITTED = "Submitted"
    RUNNING = "Running"
    SUCCESS = "Success"
    FAILED = "Failed"
    PAUSE = "Pause"
    CANCEL = "Cancel"


class QueueState(StrEnum):
    """Whether a queue's jobs are done."""

    ACTIVE = "Active"
    PAUSED = "Paused"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a job is to do.

    Attributes:
        object: key of the source.
        rule: the operation; empty where only what is known of the image is wanted.
        is_pic_info: whether that is wanted.
        template_id: of the template that the operation came from; empty without one.
        template_name: its name.
        region: of the output, as it was given.
        bucket: of the output.
        output: key of the output.
        user_data: returned as it was given.
        level: 0 to 2; higher ones are done first.
        callback: URL that is told the end; empty: none.
        callback_format: ``XML`` or ``JSON``.
    """

    object: str
    rule: str = ""
    is_pic_info: bool = False
    template_id: str = ""
    template_name: str = ""
    region: str = ""
    bucket: str = ""
    output: str = ""
    user_data: str = ""
    level: int = 0
    callback: str = ""
    callback_format: str = "XML"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended.

    Attributes:
        code: ``Success`` or an error's code.
        message: words; empty for success.
        result: a document for whoever asks, as the worker made it; empty without one.
    """

    code: str
    message: str = ""
    result: str = ""

    @property
    def state(self) -> State:
        """The state that it puts a job into."""
        return State.SUCCESS if self.code == "Success" else State.FAILED


@dataclass(frozen=True, slots=True)
class Job:
    """A job. Times are seconds since 1970, None where not reached."""

    id: str
    bucket: str
    queue_id: str
    state: State
    request: JobRequest
    created: int
    started: int | None = None
    ended: int | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs of a bucket a listing shows.

    Attributes:
        queue_id: empty for any.
        states: empty for any.
        since: seconds; created then or later.
        until: seconds; created then or before.
        newest_first: the order, by creation.
        size: most of a page.
        token: where the page before ended; empty for the first page.
    """

    queue_id: str = ""
    states: Sequence[State] = ()
    since: int | None = None
    until: int | None = None
    newest_first: bool = True
    size: int = 10
    token: str = ""


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of a listing; ``next_token`` is empty on the last one."""

    jobs: Sequence[Job]
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of a bucket; every bucket has one."""

    id: str
    bucket: str
    name: str
    state: QueueState
    created: int
    updated: int
    callback: str = ""
    callback_format: str = "XML"


@dataclass(frozen=True, slots=True)
class Template:
    """A named operation for jobs of a bucket."""

    id: str
    bucket: str
    name: str
    rule: str
    is_pic_info: bool
    created: int
    updated: int
