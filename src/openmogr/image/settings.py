"""Settings of image processing; the limits are those of ``docs/spec/api/compression.md#3``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from openmogr.processors import available_processors

__all__ = ["ImageSettings"]


class ImageSettings(BaseModel):
    """Limits, concurrency and defaults. Every value is checked when the server starts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_input_bytes: int = Field(
        default=32 * 1024 * 1024, gt=0, description="Largest source that is processed, in bytes."
    )
    max_output_bytes: int = Field(default=32 * 1024 * 1024, gt=0, description="Largest result, in bytes.")
    max_side: int = Field(
        default=50_000, gt=0, description="Longest side of a source or a result, in pixels."
    )
    max_pixels: int = Field(
        default=250_000_000, gt=0, description="Most pixels of a source or a result, in pixels."
    )
    max_parameter: int = Field(
        default=10_000,
        gt=0,
        description="Width and height parameters above this are taken as this, in pixels.",
    )
    max_frames: int = Field(default=300, gt=0, description="Most frames of an animation, in frames.")
    max_animation_pixels: int = Field(
        default=250_000_000, gt=0, description="Most pixels over all frames of an animation, in pixels."
    )
    max_webp_side: int = Field(
        default=16_383, gt=0, le=16_383, description="Longest side of a WebP, in pixels."
    )
    max_tpg_side: int = Field(
        default=16_383, gt=0, le=16_383, description="Longest side of a TPG, in pixels."
    )
    max_stages: int = Field(default=10, gt=0, description="Most stages of a pipeline, in stages.")
    encoder_threads: int = Field(
        default=1,
        gt=0,
        description="Threads of one encoder of those that take several; workers times this are busy, in threads.",
    )
    strict: bool = Field(
        default=False,
        description="Refuse unknown operation parameters instead of skipping name and value (yes or no).",
    )
    workers: int = Field(
        default_factory=available_processors,
        gt=0,
        description="Pictures processed at the same time, in threads.",
        json_schema_extra={"default_in_words": "the processors that the process may use"},
    )
    queue: int = Field(
        default=64,
        ge=0,
        description="Requests that wait for a worker before SlowDown is answered, in requests.",
    )
