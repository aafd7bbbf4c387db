"""What a pipeline will need, reckoned from a header before there is a pixel.

Formats know their bytes per pixel as measured (``tests/engine/test_cost.py`` holds them against peaks of real work):
an estimate may be several times what is needed, and never less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from openmogr.image.errors import output_resolution
from openmogr.image.faces.detector import LOOKING_BYTES, SEEN_SIDE
from openmogr.image.formats.registry import CONTAINERS, TARGETS
from openmogr.image.language.operations import (
    AutoOrient,
    Blur,
    Crop,
    Cut,
    FaceCrop,
    ImageWatermark,
    InscribedCircle,
    Pipeline,
    QualityKind,
    RatioCrop,
    Rotate,
    RoundCorners,
    Sharpen,
    Step,
    TextWatermark,
    Thumbnail,
    View,
)
from openmogr.image.quality.metric import METRIC_BYTES
from openmogr.image.quality.same_look import JUDGED_PIXELS
from openmogr.image.settings import ImageSettings
from openmogr.image.source.further import FurtherImages
from openmogr.image.source.open import OpenedImage
from openmogr.image.steps.geometry import Size, place
from openmogr.image.steps.rotation import rotated_size
from openmogr.image.steps.transform import draft_size
from openmogr.image.steps.watermark import Marks

__all__ = [
    "Planned",
    "check_work",
    "decoded_bytes",
    "encoder_bytes",
    "needed",
    "planned",
    "result_size",
    "slim_bytes",
]

# Bytes per pixel that the judge of ``imageSlim`` takes, both pictures included.
_JUDGING = 100

# Pillow keeps RGB as 4 bytes.
_PIXEL = 4
_PLACED = (Thumbnail, View, Crop, Cut, RatioCrop)
# What looking for faces in one pixel costs, in pixels of a filter; it is done once, also for an animation.
_LOOKING = 200


@dataclass(frozen=True, slots=True)
class Planned:
    """One step, before it is done.

    Attributes:
        step: which.
        before: width and height of its input.
        after: width and height of its result.
        mark: pixels of the watermark as it comes and as it is laid.
    """

    step: Step
    before: Size
    after: Size
    mark: tuple[int, int] = (0, 0)

    @property
    def bytes(self) -> int:
        """Most memory at a time while it is done: input, output and what lies between."""
        before, after = _area(self.before), _area(self.after)
        between = 0
        if isinstance(self.step, (Blur, Sharpen, Rotate, RoundCorners, InscribedCircle)):
            between = 2 * max(before, after)  # other modes, premultiplied, borders
        elif isinstance(self.step, (Thumbnail, View, Crop)):
            # The pass across comes first: its result is as wide as the output and as high as the input.
            between = self.after[0] * self.before[1]
        elif isinstance(self.step, (ImageWatermark, TextWatermark)):
            # Modes with colour and alpha, and the mark scaled, turned and with its opacity.
            between = before + 2 * self.mark[0] + 4 * self.mark[1]
        elif isinstance(self.step, FaceCrop):
            # It may scale as Crop does, or keep all; and at first it looks.
            between = before
        looking = LOOKING_BYTES if isinstance(self.step, FaceCrop) else 0
        return _PIXEL * (before + after + between) + looking

    @property
    def work(self) -> int:
        """Pixels that are computed, each about as dear as one of Lanczos' filter."""
        weight = 4 if isinstance(self.step, (Blur, Sharpen, Rotate)) else 1
        return weight * (_area(self.before) + _area(self.after) + sum(self.mark))

    @property
    def work_once(self) -> int:
        """Likewise, what is not done for every frame."""
        looks = isinstance(self.step, FaceCrop)
        return _LOOKING * min(_area(self.before), SEEN_SIDE * SEEN_SIDE) if looks else 0


def planned(
    steps: Sequence[Step], opened: OpenedImage, settings: ImageSettings, marks: Marks | None = None
) -> Iterator[Planned]:
    """The steps with the sizes between them; ``marks`` tells those of watermarks. Faces are taken for missing.

    Raises:
        InvalidArgument: nothing of the image lies in a window.
        CosError: a watermark cannot be laid, as ``Marks.areas`` says.
    """
    size, orientation = (opened.width, opened.height), opened.declared_orientation
    for step in steps:
        after, mark = size, (0, 0)
        if isinstance(step, AutoOrient):
            after = (size[1], size[0]) if orientation >= 5 else size
            orientation = 0
        elif isinstance(step, _PLACED):
            after = place(step, size, settings.max_parameter, enlarge=not opened.animated).size
            if isinstance(step, Thumbnail) and step.pad:
                limit = settings.max_parameter
                after = min(step.width or after[0], limit), min(step.height or after[1], limit)
        elif isinstance(step, Rotate):
            after = rotated_size(step.degrees, size)
        elif isinstance(step, InscribedCircle):
            after = (2 * step.radius, 2 * step.radius)
        elif isinstance(step, (ImageWatermark, TextWatermark)):
            assert marks is not None
            mark = marks.areas(step, size)
        yield Planned(step, size, after, mark)
        size = after


def _area(size: Size) -> int:
    return size[0] * size[1]


def decoded_bytes(container: str, size: Size, source_bytes: int) -> int:
    """Memory of decoding ``size`` pixels of a source, in bytes."""
    return source_bytes + _area(size) * CONTAINERS[container].decoder_bytes


def encoder_bytes(container: str, size: Size, frames: int) -> int:
    """Memory of writing a result, in bytes."""
    found = CONTAINERS[container]
    if frames > 1 and found.animated:
        # The result grows in memory; frames do not stay.
        return _area(size) * (found.animation_bytes + frames // 4)
    return _area(size) * found.encoder_bytes


def slim_bytes(container: str, size: Size) -> int:
    """Memory of ``imageSlim`` on a result, in bytes; of animations, ``size`` is that of a frame."""
    judged = min(_area(size), JUDGED_PIXELS) * _JUDGING
    return _area(size) * CONTAINERS[container].slim_bytes + judged


# What the average colour of a large JPEG is reckoned with.
_INFO_SIDE = 512


def needed(
    pipeline: Pipeline | None,
    opened: OpenedImage,
    source_bytes: int,
    settings: ImageSettings,
    further: FurtherImages,
) -> int:
    """Most memory of a pipeline at a time, in bytes; None stands for the description of a source.

    Raises:
        CosError: as :func:`planned` does.
    """
    size, name = (opened.width, opened.height), opened.container.name
    if pipeline is None or (pipeline.info is not None and len(pipeline.stages) == 1):
        if opened.container.drafts:
            scale = max(min(size) // _INFO_SIDE, 1)
            size = (size[0] // min(scale, 8) + 1, size[1] // min(scale, 8) + 1)
        return decoded_bytes(name, size, source_bytes) + _area(size) * _PIXEL
    orientation = opened.declared_orientation
    draft = draft_size(pipeline.steps, size, orientation, settings) if opened.container.drafts else None
    decoded = size
    if draft is not None:
        # The decoder halves as long as the draft still fits.
        while decoded[0] // 2 >= draft[0] and decoded[1] // 2 >= draft[1] and decoded[0] * 8 > size[0]:
            decoded = (decoded[0] // 2 + 1, decoded[1] // 2 + 1)
    steps = list(planned(pipeline.steps, opened, settings, Marks(further, settings)))
    result = steps[-1].after if steps else size
    target = TARGETS.get(pipeline.encoding.format or name, TARGETS[name]).container.name
    # One after the other; the decoded image stays for the next pipeline.
    held = _area(decoded) * _PIXEL
    worked = max((step.bytes for step in _shrunk(steps, decoded)), default=0)
    written = _area(result) * _PIXEL + encoder_bytes(target, result, opened.frame_count)
    quality = pipeline.encoding.quality
    if pipeline.scored or (quality is not None and quality.kind is QualityKind.score):
        # Each attempt, or the result, is decoded and compared.
        written += _area(result) * (METRIC_BYTES + CONTAINERS[target].decoder_bytes)
    tried = CONTAINERS[target].effort_memory(_area(result), pipeline.encoding.effort)
    written = max(written, _area(result) * _PIXEL + tried)
    if pipeline.slim and CONTAINERS[target].slim:
        written = max(written, slim_bytes(target, result))
    others = sum(further.memory(name) for name in pipeline.further_sources)
    return others + max(
        decoded_bytes(name, decoded, source_bytes), source_bytes + held + max(worked, written)
    )


def result_size(pipeline: Pipeline, opened: OpenedImage, settings: ImageSettings) -> Size:
    """Width and height of what a pipeline writes, in pixels.

    Raises:
        InvalidArgument: nothing of the image lies in a window.
    """
    size = (opened.width, opened.height)
    # Watermarks keep it.
    steps = [step for step in pipeline.steps if not isinstance(step, (ImageWatermark, TextWatermark))]
    done = list(planned(steps, opened, settings))
    return done[-1].after if done else size


def _shrunk(steps: Sequence[Planned], decoded: Size) -> Iterator[Planned]:
    """The steps as they are done on what the decoder delivers: up to the first scaling the input is smaller."""
    for step in steps:
        if isinstance(step.step, _PLACED):
            yield replace(step, before=decoded)
            break
        yield replace(step, before=decoded, after=decoded)
    started = False
    for step in steps:
        if started:
            yield step
        started = started or isinstance(step.step, _PLACED)


def check_work(pipeline: Pipeline, opened: OpenedImage, settings: ImageSettings, marks: Marks) -> None:
    """Refuse before decoding what would take too long.

    Raises:
        ImageResolutionExceed: the steps read and write too many pixels, or enlarge too far.
        CosError: as :func:`planned` does.
    """
    work = 0
    for step in planned(pipeline.steps, opened, settings, marks):
        work += step.work * opened.frame_count + step.work_once
        enlarged = _area(step.after) > max(_area(step.before), settings.max_enlargement)
        if enlarged and isinstance(step.step, (Thumbnail, View)):
            raise output_resolution(
                f"the picture would be enlarged to {step.after[0]}x{step.after[1]} pixels, "
                f"more than {settings.max_enlargement}"
            )
    if work > settings.max_work:
        raise output_resolution(
            f"the steps of the pipeline would work on {work} pixels, more than {settings.max_work}"
        )
