"""Settings of asynchronous jobs."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["JobSettings"]


class JobSettings(BaseModel):
    """Asynchronous jobs (``/jobs``, ``/pic_jobs``), and whom their ends are told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(
        default="",
        description="Database of jobs of a version before [database], from which they are taken over once; empty:"
        " jobs.sqlite3 in the data folder.",
    )
    concurrency: int = Field(default=2, gt=0, description="Jobs done at the same time, in jobs.")
    lease: float = Field(
        default=30.0,
        ge=1,
        le=3600,
        description="For how long a node that says nothing keeps its jobs; then another node does them, in seconds.",
    )
    max_waiting: int = Field(
        default=100_000, gt=0, description="Most jobs of all buckets that wait to be done, in jobs."
    )
    keep: float = Field(
        default=7 * 86_400.0,
        gt=0,
        description="For how long a job that has ended can be asked for, in seconds.",
    )
    callback_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts that callbacks may go to: api.example.com, *.example.org, …; none: callbacks are refused.",
    )
    callback_networks: tuple[str, ...] = Field(
        default=(),
        description="Private networks in which those hosts may be all the same: 10.0.0.0/8, …; an address that is not"
        " public is refused otherwise.",
    )
    callback_timeout: float = Field(
        default=5.0, gt=0, description="For a callback to be taken, each of three times, in seconds."
    )

    @field_validator("callback_networks")
    @classmethod
    def _networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            ip_network(text, strict=False)
        return texts

    def place(self, data: Path) -> Path:
        """The database of a version before, where ``data`` is the data folder."""
        return Path(self.file) if self.file else data / "jobs.sqlite3"
