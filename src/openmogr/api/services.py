"""What the handlers work with, built once by the composition root."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from openmogr.api.configurations import Configurations
from openmogr.api.hosts import HostTable
from openmogr.api.jobs.desk import JobDesk
from openmogr.api.observing import Observer
from openmogr.api.results import Results
from openmogr.api.settings import ServerSettings
from openmogr.api.troubles import Troubles
from openmogr.auth import Verifier
from openmogr.database import Database
from openmogr.engine import ImagePool
from openmogr.image import ImageSettings
from openmogr.observe import Tracing
from openmogr.storage import Storage

__all__ = ["Phase", "Services"]


@dataclass
class Phase:
    """Where the server is in its life."""

    value: Literal["starting", "ready", "stopping"] = "starting"


@dataclass(frozen=True)
class Services:
    """The parts of the service.

    Attributes:
        configurations: documents of buckets, at hand.
        max_object_bytes: longest body of one upload; refused by its ``Content-Length`` before it is received.
        results: of image work, each made once.
        result_cache_control: for processed answers whose object has none.
        tracing: where ``OTEL_*`` variables ask for it.
        bodies: how many pictures may be taken in at a time that are not to be stored.
        database: of what is no object.
        troubles: the newest errors that were answered.
    """

    storage: Storage
    configurations: Configurations
    pool: ImagePool
    verifier: Verifier
    hosts: HostTable
    settings: ServerSettings
    image: ImageSettings
    max_object_bytes: int
    results: Results
    result_cache_control: str
    observer: Observer
    tracing: Tracing | None
    phase: Phase
    jobs: JobDesk
    database: Database
    bodies: asyncio.Semaphore
    troubles: Troubles = field(default_factory=Troubles)
