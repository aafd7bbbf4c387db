"""Settings of remembered results."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["ResultSettings"]

_SCHEMES = ("s3", "cos", "gs", "az", "file")


class ResultSettings(BaseModel):
    """Results of image work that are remembered, so that each is made once."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    folder: str = Field(
        default="",
        description="Folder of remembered results, made if missing; empty: results in the data folder.",
    )
    max_bytes: int = Field(
        default=2 * 1024**3,
        ge=0,
        description="Most bytes of remembered results, those used longest ago go first; 0: none is remembered.",
    )
    shared: str = Field(
        default="",
        description="Where several nodes have results in common, behind those of each: s3://bucket/folder,"
        " cos://bucket-appid/folder, gs://, az:// or file:///folder (extra stores), which nobody else may write to;"
        " empty: each node has its own alone.",
    )
    shared_endpoint: str = Field(
        default="", description="URL of that store, where it is not at its provider's place."
    )
    shared_region: str = Field(default="", description="Region of that store's bucket.")
    shared_timeout: float = Field(
        default=2.0,
        ge=0.1,
        le=60,
        description="For that store to give a result, in seconds; then it is made, and the store left alone for 5 s.",
    )
    shared_max_bytes: int = Field(
        default=20 * 1024**3,
        ge=0,
        description="Most bytes of results in common; those used longest ago go first, every ten minutes.",
    )
    shared_keep: float = Field(
        default=30 * 86_400.0,
        gt=0,
        description="After how long a result in common goes that no node asked for, in seconds.",
    )
    cache_control: str = Field(
        default="",
        description="Cache-Control of processed answers whose object was stored without one; empty: none.",
    )

    @field_validator("cache_control")
    @classmethod
    def _one_line(cls, text: str) -> str:
        if not text.isascii() or not (text.isprintable()):
            raise ValueError("must be the text of a header: one line of ASCII")
        return text

    @field_validator("shared")
    @classmethod
    def _without_secrets(cls, text: str) -> str:
        # Said without the text, which would put a key into the log.
        parts = urlsplit(text)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("a URL holds neither keys nor a query; keys come from the environment")
        if text and parts.scheme not in _SCHEMES:
            raise ValueError(f"it begins with none of {', '.join(f'{scheme}://' for scheme in _SCHEMES)}")
        return text

    @property
    def shared_prefix(self) -> str:
        """What names of objects begin with in the store of ``shared``; the folder of ``file://`` is the root itself."""
        parts = urlsplit(self.shared)
        folder = "" if parts.scheme == "file" else unquote(parts.path).strip("/")
        return f"{folder}/" if folder else ""

    def place(self, data: Path) -> Path:
        """The folder, where ``data`` is the data folder."""
        return Path(self.folder) if self.folder else data / "results"
