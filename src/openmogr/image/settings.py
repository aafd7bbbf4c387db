"""Settings of image processing; the limits are those of ``docs/spec/api/compression.md#3``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from openmogr.machine import available_processors, image_budget

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
    max_enlargement: int = Field(
        default=250_000_000, gt=0, description="Most pixels that a picture may be enlarged to, in pixels."
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
        default=16_382, gt=0, le=16_382, description="Longest side of a TPG, in pixels."
    )
    max_stages: int = Field(default=10, gt=0, description="Most stages of a pipeline, in stages.")
    encoder_threads: int = Field(
        default=1,
        gt=0,
        description="Threads of one encoder of those that take several; workers times this are busy, in threads.",
    )
    png_effort: int = Field(
        default=1,
        ge=0,
        le=2,
        description="How hard PNG results are made small: 0 samples as they are, 1 as a request bears, 2 harder.",
    )
    keep_smaller: bool = Field(
        default=True,
        description="Answer the source where it shows the same as a longer result of its format (yes or no).",
    )
    strict: bool = Field(
        default=False,
        description="Refuse unknown operation parameters instead of skipping name and value (yes or no).",
    )
    fonts: tuple[str, ...] = Field(
        default=("/usr/share/fonts", "/usr/local/share/fonts"),
        description="Folders in which fonts for text watermarks are looked for, with all folders below.",
    )
    workers: int = Field(
        default_factory=available_processors,
        gt=0,
        description="Pictures processed at the same time, in processes.",
        json_schema_extra={"default_in_words": "the processors that the process may use"},
    )
    queue: int = Field(
        default=256,
        ge=0,
        description="Requests that wait for a worker before SlowDown is answered, in requests.",
    )
    patience: float = Field(
        default=10.0,
        gt=0,
        description="Longest wait for a worker and for memory before SlowDown is answered, in seconds.",
    )
    deadline: float = Field(
        default=120.0, gt=0, description="Longest time of one picture in a worker, in seconds."
    )
    memory: int = Field(
        default_factory=image_budget,
        gt=0,
        description="Memory that all pictures in work may need together, in bytes.",
        json_schema_extra={"default_in_words": "60 % of what the process may use", "example": 4_000_000_000},
    )
    spool_bytes: int = Field(
        default=2 * 1024**3,
        ge=0,
        description="Bytes of long results that lie in files on their way to clients. Past it a client that reads for "
        "more than 10 s is cut off, the one that began first, or the next result waits; 0: any number. Copies of"
        " sources that do not lie in one file here have as much besides.",
    )
    max_work: int = Field(
        default=2_000_000_000,
        gt=0,
        description="Most pixels that the steps of one pipeline may read and write, over all steps, in pixels.",
    )
    max_target_pixels: int = Field(
        default=16_000_000,
        gt=0,
        description="Most pixels of a result whose quality is searched for by a score, in pixels.",
    )
    auto_seconds: float = Field(
        default=5.0,
        gt=0,
        description="For format/auto to try formats, after which the smallest so far is answered, in seconds.",
    )
    max_effort: int = Field(
        default=9, ge=0, le=9, description="Highest effort that a request may ask for (0 to 9)."
    )
    anonymous_max_target_pixels: int = Field(
        default=4_000_000,
        gt=0,
        description="max_target_pixels for requests without a signature, in pixels.",
    )
    anonymous_max_effort: int = Field(
        default=7, ge=0, le=9, description="max_effort for requests without a signature (0 to 9)."
    )
    anonymous_max_pixels: int = Field(
        default=64_000_000,
        gt=0,
        description="max_pixels for requests without a signature; results and animations too, in pixels.",
    )
    anonymous_max_enlargement: int = Field(
        default=16_000_000,
        gt=0,
        description="Most pixels that a request without a signature may enlarge a picture to, in pixels.",
    )
    anonymous_max_work: int = Field(
        default=400_000_000, gt=0, description="max_work for requests without a signature, in pixels."
    )
    worker_jobs: int = Field(
        default=2000, gt=0, description="Jobs after which a worker process is replaced, in jobs."
    )
    worker_growth: int = Field(
        default=64 * 1024 * 1024,
        gt=0,
        description="Memory that an idle worker may hold beyond its start before it is replaced, in bytes.",
    )
    worker_nice: int = Field(
        default=10,
        ge=0,
        le=19,
        description="How far workers step back for other processes (nice), as for the one that answers; `openmogr"
        " compress` takes 0.",
    )

    def for_anonymous(self) -> ImageSettings:
        """The limits for requests without a signature, none of them above those of the others."""
        return self.model_copy(
            update={
                "max_pixels": min(self.max_pixels, self.anonymous_max_pixels),
                "max_animation_pixels": min(self.max_animation_pixels, self.anonymous_max_pixels),
                "max_enlargement": min(self.max_enlargement, self.anonymous_max_enlargement),
                "max_work": min(self.max_work, self.anonymous_max_work),
                "max_target_pixels": min(self.max_target_pixels, self.anonymous_max_target_pixels),
                "max_effort": min(self.max_effort, self.anonymous_max_effort),
            }
        )
