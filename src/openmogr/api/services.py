"""What the handlers work with, built once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from openmogr.api.coalesce import Coalescer
from openmogr.api.hosts import HostTable
from openmogr.api.settings import ServerSettings
from openmogr.auth import Verifier
from openmogr.engine import ImagePool
from openmogr.image import ImageSettings, Result
from openmogr.storage import Storage

__all__ = ["Services"]


@dataclass(frozen=True)
class Services:
    """The parts of the service.

    Attributes:
        max_object_bytes: longest body of one upload; refused by its ``Content-Length`` before it is received.
        processing: identical processing requests that are under way.
    """

    storage: Storage
    pool: ImagePool
    verifier: Verifier
    hosts: HostTable
    settings: ServerSettings
    image: ImageSettings
    max_object_bytes: int
    processing: Coalescer[Result]
