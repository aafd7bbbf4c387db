"""Jobs that a server does later, kept in a database and resumed after a restart. Nothing here knows HTTP."""

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
from openmogr.jobs.store import JobStore

__all__ = [
    "Job",
    "JobFilter",
    "JobPage",
    "JobRequest",
    "JobRunner",
    "JobSettings",
    "JobStore",
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
