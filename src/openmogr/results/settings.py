"""Settings of remembered results."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["ResultSettings"]


class ResultSettings(BaseModel):
    """Results of image work that are remembered, so that each is made once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str = Field(
        default="",
        description="Folder of remembered results, made if missing; empty: results in the data folder.",
    )
    max_bytes: int = Field(
        default=2 * 1024**3,
        ge=0,
        description="Most bytes of remembered results, those used longest ago go first; 0: none is remembered.",
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

    def place(self, data: Path) -> Path:
        """The folder, where ``data`` is the data folder."""
        return Path(self.folder) if self.folder else data / "results"
