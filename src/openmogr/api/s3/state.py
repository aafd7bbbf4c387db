"""What a request of S3 carries through its handlers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from openmogr.storage.interface import Checksum

__all__ = ["S3"]


@dataclass
class S3:
    """That a request is one of S3, and what only such requests have.

    Attributes:
        given: the values of ``x-amz-*``, headers and parameters, by the rest of their names; once it is prepared.
        checksum: of the body, once all of it has come in and where one was announced.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    checksum: Checksum | None = None

    @property
    def shows_checksum(self) -> bool:
        """Whether the answer to a GET or HEAD tells the checksum of the object."""
        return self.given.get("checksum-mode", "").upper() == "ENABLED"
