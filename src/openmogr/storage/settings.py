"""Settings of the storage: which back-end, and those of each."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from openmogr.storage.stores.settings import StoreBucket

__all__ = ["Backend", "StorageSettings", "Verify"]

_MIB = 1024 * 1024


class Backend(StrEnum):
    """What keeps buckets and objects."""

    EMBEDDED = "embedded"
    STORE = "store"


class Verify(StrEnum):
    """How far bytes are checked against their checksum when they are read."""

    OFF = "off"
    SAMPLED = "sampled"
    FULL = "full"


class StorageSettings(BaseModel):
    """What keeps the objects, where the embedded storage lies and how much it may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Backend = Field(
        default=Backend.EMBEDDED,
        description="What keeps the objects: embedded (files and SQLite in one folder), or store (S3 or another, at"
        " url)",
    )

    data: Path = Field(
        default=Path("data"),
        description="Folder of the index and the objects; made if missing. With a store: of what is on its way",
    )
    url: str = Field(
        default="",
        description="Store of the objects: s3://bucket/folder, cos://bucket-appid/folder, gs://, az:// or"
        " file:///folder; backend is store then. Keys come from the environment",
    )
    endpoint: str = Field(default="", description="URL of a store that is not at its provider's place")
    region: str = Field(default="", description="Region of the store's bucket")
    timeout: float = Field(
        default=30.0,
        ge=0.1,
        le=300,
        description="For the store to answer one request, its repetitions included, in seconds; then the answer is 503",
    )
    max_requests: int = Field(
        default=64, ge=1, le=4096, description="Requests to the store at the same time; others wait"
    )
    max_object_bytes: int = Field(
        default=5 * 1024 * _MIB, ge=1, description="Largest body of one upload or part, in bytes (COS: 5 GB)"
    )
    min_part_bytes: int = Field(
        default=_MIB,
        ge=0,
        description="Smallest part of a multipart upload other than the last, in bytes (COS: 1 MB)",
    )
    max_buckets: int = Field(default=200, ge=1, description="Most buckets that can be created (COS: 200)")
    verify: Verify = Field(
        default=Verify.SAMPLED,
        description="Check of objects against their CRC-64 when they are read: sampled (whole objects; of reads of"
        " parts those of objects up to 1 MiB, and longer ones now and then), full (a longer object before the first"
        " byte, at most once an hour) or off",
    )
    chunk_bytes: int = Field(
        default=_MIB,
        ge=4096,
        le=64 * _MIB,
        description="Bytes moved between memory and disk at a time, per transfer",
    )
    reserve_bytes: int = Field(
        default=16 * _MIB,
        ge=0,
        description="Space kept back so that objects can be deleted on a full disk, in bytes; at most an eighth"
        " of the disk",
    )
    io_threads: int = Field(
        default=8, ge=1, le=256, description="Threads that read, write and hash objects' bytes"
    )
    index_threads: int = Field(default=4, ge=1, le=64, description="Threads that read the index")
    max_commit_batch: int = Field(
        default=128, ge=1, description="Most writes that share one durable commit of the index"
    )

    @model_validator(mode="before")
    @classmethod
    def _url_says_which(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("url") and not given.get("backend"):
            return {**given, "backend": Backend.STORE}
        return given

    @field_validator("url")
    @classmethod
    def _is_place(cls, url: str) -> str:
        if url:
            # Says what is wrong, without the text, which may hold a key.
            StoreBucket.without_secrets(url)
            StoreBucket.known(url)
        return url

    @model_validator(mode="after")
    def _fits(self) -> StorageSettings:
        if (self.backend is Backend.STORE) != bool(self.url):
            raise ValueError("url and backend = store belong together")
        if self.url:
            _ = self.place
        elif self.endpoint or self.region:
            raise ValueError("endpoint and region belong to a url")
        return self

    @property
    def place(self) -> StoreBucket:
        """Where the store is."""
        return StoreBucket(url=self.url, endpoint=self.endpoint, region=self.region)
