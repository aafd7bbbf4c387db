"""Jobs that a server does later, kept in the database (``openmogr.jobs.store``). Nothing here knows HTTP."""

from openmogr.jobs.errors import NoSuchQueue, NoSuchTemplate, TooManyJobs
from openmogr.jobs.model import (
    Job,
    JobFilter,
    JobPage,
    JobRequest,
    Outcome,
    Queue,
    QueueState,
    State,
    Template,
)
from openmogr.jobs.runner import JobRunner, Told, Worker
from openmogr.jobs.settings import JobSettings

__all__ = [
    "Job",
    "JobFilter",
    "JobPage",
    "JobRequest",
    "JobRunner",
    "JobSettings",
    "NoSuchQueue",
    "NoSuchTemplate",
    "Outcome",
    "Queue",
    "QueueState",
    "State",
    "Template",
    "Told",
    "TooManyJobs",
    "Worker",
]
