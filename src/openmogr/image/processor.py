"""Run a pipeline over a source, synchronously, on the calling thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Protocol, Self, TypeAlias, TypeVar

from openmogr.errors import CosError, InternalError
from openmogr.image.cost import check_work, needed
from openmogr.image.errors import out_of_memory, too_many_bytes, unsupported_input
from openmogr.image.formats.animate import encode_animation
from openmogr.image.formats.base import Format
from openmogr.image.formats.encode import EncodeOptions, encode
from openmogr.image.formats.png_parts.strip import stripped_png
from openmogr.image.formats.registry import TARGETS, Target
from openmogr.image.language.encoding import AUTO_FORMAT
from openmogr.image.language.operations import (
    AutoOrient,
    Encoding,
    FaceCrop,
    MogrStage,
    Pipeline,
    RatioCrop,
    Thumbnail,
    View,
)
from openmogr.image.losses import alpha_loss, lost_images, lost_metadata
from openmogr.image.model import ImageInfo, Loss, Outcome, Result, Slimming, Source
from openmogr.image.possible import check_possible, wanted_score
from openmogr.image.quality.scale import LOSSLESS, effective_quality
from openmogr.image.quality.score_target import encode_for_score, score_of
from openmogr.image.quality.size_limit import encode_within
from openmogr.image.settings import ImageSettings
from openmogr.image.slim import slimmed
from openmogr.image.source.aigc import labelled
from openmogr.image.source.further import FurtherImages
from openmogr.image.source.info import describe, execute_info
from openmogr.image.source.kept import KeptFrames, kept_bytes
from openmogr.image.source.metadata import NO_METADATA, Metadata, copyright_only, upright, upright_xmp
from openmogr.image.source.open import Frame, OpenedImage, open_image, read_container
from openmogr.image.source.profile import kept_profile, lost_profile
from openmogr.image.steps.geometry import Placement, place
from openmogr.image.steps.transform import Beside, Surface, apply_steps, draft_size
from openmogr.image.steps.watermark import Marks

__all__ = ["Gate", "Processor"]

_T = TypeVar("_T")

Further: TypeAlias = Mapping[str, Source]
_NONE: Further = {}

# `cgif/1` has a meaning of its own: at most so many frames (docs/spec/api/image-mogr2.md#4.8).
_SHORT_GIF_FRAMES = 30

# The score of what differs in nothing.
_SAME = 100.0
_TRANSPARENCY = frozenset({Loss.alpha, Loss.half_alpha})

# What a job takes whatever it does, in bytes.
_BASE_COST = 8 << 20

# Frames of an animation that several pipelines want are kept where they take no more than this part of the memory.
_KEPT_SHARE = 4

# Browsers show GIF frames of 0 or 1 hundredths of a second for this long; elsewhere delays are meant.
_BROWSER_DELAY = 100


class Gate(Protocol):
    """What a processor asks before it goes on."""

    def admit(self, cost: int) -> None:
        """Wait for ``cost`` bytes of memory. Raises to end the work."""


class _Open:
    def admit(self, cost: int) -> None:
        """On the command line nobody else needs the memory."""


class Processor:
    """The image work itself. Holds no state but its settings, so any number of threads may share one.

    Args:
        settings: limits and threads.
    """

    def __init__(self, settings: ImageSettings) -> None:
        self.settings = settings

    def execute(self, pipeline: Pipeline, source: Source, further: Further = _NONE) -> Result:
        """The result of ``pipeline`` over ``source``; arguments and errors as of :meth:`run`."""
        return self.run((pipeline,), source, further).results[0]

    def image_info(self, source: Source) -> ImageInfo:
        """What an ``UploadResult`` says about a source; raises as :meth:`run`."""
        info = self.run((), source, info=True).info
        assert info is not None
        return info

    def run(
        self,
        pipelines: Sequence[Pipeline],
        source: Source,
        further: Further = _NONE,
        *,
        info: bool = False,
        gate: Gate | None = None,
    ) -> Outcome:
        """The results of all pipelines over one source, which is opened once and decoded once at each size.

        Args:
            pipelines: what to make.
            source: of what.
            further: all images of ``Pipeline.further_sources`` by name.
            info: tell what the source is, too.
            gate: asked once, when the need of memory is known and no pixel is decoded yet.

        Raises:
            CosError: the first one, as ``docs/spec/api/errors.md#5`` maps situations, with its number.
        """
        with (
            FurtherImages(further, self.settings) as images,
            _Shared(source, self.settings, images) as shared,
        ):
            self._admit(pipelines, shared, info, gate or _Open())
            described = None
            if info:
                described = self._guarded("image info", lambda: describe(shared.opened(None)))
            results = [self._execute(pipeline, shared) for pipeline in pipelines]
        return Outcome(results, described)

    def _admit(self, pipelines: Sequence[Pipeline], shared: _Shared, info: bool, gate: Gate) -> None:
        needs = [_BASE_COST]
        wanted: list[Pipeline | None] = [pipeline for pipeline in pipelines if pipeline.failure is None]
        for pipeline in [*wanted, *([None] if info else [])]:
            # Whatever is wrong, it is told when this one's turn comes, before it takes memory.
            with suppress(Exception):
                limit = None if pipeline is None else _frame_limit(pipeline.encoding)
                opened = shared.opened(limit)
                needs.append(needed(pipeline, opened, shared.source.size, self.settings, shared.further))
        # One after another: all results stay, and what decoding took is kept for the next.
        cost = max(needs) + sum(needs) // 4
        gate.admit(cost + self._keep_frames(pipelines, shared, cost))

    def _keep_frames(self, pipelines: Sequence[Pipeline], shared: _Shared, cost: int) -> int:
        """Have an animation that several pipelines want decoded once, where the memory is there; its bytes."""
        wanted: list[OpenedImage] = []
        kept: set[bool] = set()
        for pipeline in pipelines:
            with suppress(Exception):
                opened = shared.opened(_frame_limit(pipeline.encoding))
                target = TARGETS[pipeline.encoding.format or opened.container.name]
                if opened.animated and target.container.animated and not pipeline.failure:
                    kept.add(bool(kept_profile(pipeline, opened, target)))
                    wanted.append(opened)
        # Frames in one kind of colours are not made of those in another: what is drawn over them comes before that.
        if len(wanted) < 2 or len(kept) > 1:
            return 0
        most = max(wanted, key=lambda opened: opened.frame_count)
        size = kept_bytes(most)
        if size > self.settings.memory // _KEPT_SHARE or cost + size > self.settings.memory:
            return 0
        shared.keep_frames(most, kept=kept == {True})
        return size

    def _execute(self, pipeline: Pipeline, shared: _Shared) -> Result:
        if pipeline.failure is not None:
            return shared.original()
        try:
            return self._guarded(pipeline.normalised, lambda: self._run(pipeline, shared))
        except CosError:
            if pipeline.ignore_error:
                return replace(shared.original(), slimming=Slimming.failed if pipeline.slim else None)
            raise

    @staticmethod
    def _guarded(told: str, work: Callable[[], _T]) -> _T:
        try:
            return work()
        except CosError:
            raise
        except MemoryError as error:
            raise out_of_memory(told) from error
        except Exception as error:
            raise InternalError(detail=f"{told}: {type(error).__name__}: {error}", number=-901) from error

    def _run(self, pipeline: Pipeline, shared: _Shared) -> Result:
        info = pipeline.info
        opened = shared.opened(_frame_limit(pipeline.encoding))
        marks = Marks(shared.further, self.settings)
        check_work(pipeline, opened, self.settings, marks)
        beside = Beside(marks)
        if info is not None and len(pipeline.stages) == 1:
            return execute_info(info, opened, shared.source)
        result = self._process(pipeline, opened, shared, beside)
        if pipeline.slim:
            made = shared.source
            if not result.is_original:
                made = Source(data=result.data, name=shared.source.name)
            # What was made keeps what was asked for already, with its label.
            encoding = pipeline.encoding
            kept = partial(_kept, encoding) if encoding.label is None else partial(_kept, Encoding())
            result = slimmed(result, made, self.settings, kept=kept)
        if info is not None:
            made = Source(data=result.data, name=shared.source.name)
            with open_image(made, self.settings) as again:
                return execute_info(info, again, made)
        return result

    def _process(self, pipeline: Pipeline, opened: OpenedImage, shared: _Shared, beside: Beside) -> Result:
        encoding, source = pipeline.encoding, shared.source
        plain = replace(encoding, ignore_error=None, keep_orientation=None, keep_profile=None) == Encoding()
        if plain and _keeps_all(pipeline, opened, beside):
            return replace(shared.original(), score=_SAME if pipeline.scored else None)
        if encoding.format == AUTO_FORMAT:
            raise unsupported_input("format/auto is for downloads, whose client says what it can show")
        target = TARGETS[encoding.format or opened.container.name]
        recoded = target.container != opened.container and _same_pixels(pipeline, opened, self.settings)
        if (
            not encoding.keep_orientation
            and opened.orientation > 1
            and _turns(pipeline, opened, target.container)
        ):
            # Last, so that it shows what the same operation into another format shows.
            pipeline = replace(pipeline, stages=(*pipeline.stages, MogrStage((AutoOrient(),))))
        check_possible(pipeline, opened, target, self.settings)
        quality = LOSSLESS
        if target.container.lossy:
            quality = effective_quality(encoding, opened.quality, target.container.default_quality)
        options = EncodeOptions(
            target=target,
            quality=quality,
            progressive=bool(encoding.interlace),
            baseline=encoding.interlace is False,
            effort=encoding.effort,
            lossless=bool(encoding.lossless),
            half_chroma=opened.half_chroma,
            metadata=_metadata(pipeline, opened, target.container),
            profile=kept_profile(pipeline, opened, target),
        )
        if opened.animated and target.container.animated:
            result = self._animation(pipeline, opened, options, beside, shared)
        else:
            result = self._still(pipeline, opened, options, beside)
        if options.lossless and not _TRANSPARENCY.isdisjoint(result.losses):
            raise unsupported_input(f"{target.name} cannot be written without loss: the image is transparent")
        if len(result.data) > self.settings.max_output_bytes:
            raise too_many_bytes(
                f"the result has {len(result.data)} bytes, more than {self.settings.max_output_bytes}"
            )
        limit = encoding.size_limit
        if limit is not None and limit.only_if_smaller and len(result.data) >= source.size:
            return shared.original()
        if (
            self.settings.keep_smaller
            and len(result.data) > source.size
            and target.container == opened.container
            and encoding.interlace is None
            and encoding.frame_limit is None
            and encoding.label is None
            and not encoding.copyright_only
            and not opened.source.mended
            and _same_pixels(pipeline, opened, self.settings)
        ):
            shorter = self._shorter(shared, result, strip=bool(encoding.strip))
            # The source looks like itself.
            return replace(shorter, score=_SAME) if shorter.is_original and pipeline.scored else shorter
        return replace(result, recoded=recoded)

    @staticmethod
    def _shorter(shared: _Shared, result: Result, *, strip: bool) -> Result:
        """The source instead of a longer rewrite of it; with ``strip`` only where its metadata can be left out."""
        if strip:
            data = stripped_png(shared.source.read())
            if data is None:
                return result
            if len(data) < shared.source.size:
                return replace(result, data=data)
        return replace(shared.original(), format=result.format, rejected_size=len(result.data))

    def _still(
        self, pipeline: Pipeline, opened: OpenedImage, options: EncodeOptions, beside: Beside
    ) -> Result:
        size, orientation = (opened.width, opened.height), opened.orientation
        draft = draft_size(pipeline.steps, size, orientation, self.settings)
        start = Surface(
            opened.first(draft, kept=bool(options.profile)).image, size, orientation, opened.animated
        )
        image = apply_steps(pipeline.steps, start, self.settings, beside).image
        quality, limit = options.quality, pipeline.encoding.size_limit
        data, score = b"", wanted_score(pipeline, options.target)
        reached: float | None = None
        if score is not None:
            data, quality, reached = encode_for_score(score, image, options, self.settings)
            options = replace(options, quality=quality)
        elif limit is None:
            data = encode(image, options, self.settings)
        if limit is not None and (score is None or len(data) > limit.size):
            data, quality = encode_within(limit.size, image, options, self.settings)
            reached = None
        result = _result(pipeline, options.target, data, image.size, quality)
        if pipeline.scored:
            result = replace(result, score=score_of(data, image, options) if reached is None else reached)
        alpha = alpha_loss(image, options.target.container)
        return replace(result, losses=_losses(pipeline, opened, options, alpha, animated=False))

    def _animation(
        self,
        pipeline: Pipeline,
        opened: OpenedImage,
        options: EncodeOptions,
        beside: Beside,
        shared: _Shared,
    ) -> Result:
        size, orientation = (opened.width, opened.height), opened.orientation
        container = options.target.container
        slow_gif = opened.container.slow_in_browsers and not container.slow_in_browsers
        alpha: Loss | None = None

        def processed() -> Iterator[Frame]:
            nonlocal alpha
            for frame in shared.frames(opened, kept=bool(options.profile)):
                start = Surface(frame.image, size, orientation, animated=True)
                image = apply_steps(pipeline.steps, start, self.settings, beside).image
                alpha = alpha or alpha_loss(image, container)
                delay = _BROWSER_DELAY if slow_gif and frame.duration <= 10 else frame.duration
                yield Frame(image, delay)

        written = encode_animation(processed, opened.frame_count, opened.loop_count, options, self.settings)
        result = _result(pipeline, options.target, written.data, written.size, options.quality)
        losses = _losses(pipeline, opened, options, alpha, animated=True)
        return replace(result, frame_count=written.frame_count, losses=losses)


class _Shared:
    """One source of several pipelines, opened when it is first needed, and what they read besides."""

    def __init__(self, source: Source, settings: ImageSettings, further: FurtherImages) -> None:
        self.source = source
        self.further = further
        self._settings = settings
        self._opened: dict[int | None, OpenedImage | CosError] = {}
        self._kept: KeptFrames | None = None
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def opened(self, frame_limit: int | None) -> OpenedImage:
        """The source with at most so many frames of an animated GIF; asked again, the same or the same error."""
        found = self._opened.get(frame_limit)
        if found is None:
            try:
                opening = open_image(self.source, self._settings, frame_limit=frame_limit)
                found = self._closing.enter_context(opening)
            except CosError as error:
                found = error
            self._opened[frame_limit] = found
        if isinstance(found, CosError):
            raise found
        return found

    def keep_frames(self, most: OpenedImage, *, kept: bool) -> None:
        """Decode frames once for all, the most that anybody wants, in the colours that all want."""
        self._kept = KeptFrames(most, kept=kept)

    def frames(self, opened: OpenedImage, *, kept: bool) -> Iterator[Frame]:
        """The frames of the source, opened as somebody wants them."""
        return opened.frames(kept=kept) if self._kept is None else self._kept.take(opened.frame_count)

    def original(self) -> Result:
        """The source itself; never fails for what it contains."""
        data = self.source.read() if self.source.size <= self._settings.max_input_bytes else b""
        content_type, name, size, quality, frames = "application/octet-stream", "", (0, 0), LOSSLESS, 1
        try:
            container = read_container(self.source)
            content_type, name = container.content_type, container.name.upper()
            opened = self.opened(None)
            size, frames = (opened.width, opened.height), opened.frame_count
            quality = LOSSLESS if opened.quality is None else opened.quality
        except CosError:
            pass
        return Result(data, content_type, name, *size, quality, frames, is_original=True)


def _keeps_all(pipeline: Pipeline, opened: OpenedImage, beside: Beside) -> bool:
    """Whether nothing is to be done with the image; where there is no face, that is so of what crops by faces."""
    if not all(isinstance(step, FaceCrop) for step in pipeline.steps):
        return False
    return not pipeline.steps or not beside.faces.at(0, opened.first().image, opened.orientation)


def _same_pixels(pipeline: Pipeline, opened: OpenedImage, settings: ImageSettings) -> bool:
    """Whether no step changes anything."""
    size = (opened.width, opened.height)
    whole = Placement(size, (0, 0, *size))
    for step in pipeline.steps:
        if isinstance(step, AutoOrient):
            changes = opened.orientation > 1
        elif isinstance(step, (Thumbnail, View, RatioCrop)) and not (
            isinstance(step, Thumbnail) and step.pad
        ):
            changes = place(step, size, settings.max_parameter, enlarge=not opened.animated) != whole
        else:
            changes = True
        if changes:
            return False
    return True


def _frame_limit(encoding: Encoding) -> int | None:
    return _SHORT_GIF_FRAMES if encoding.frame_limit == 1 else encoding.frame_limit


def _metadata(pipeline: Pipeline, opened: OpenedImage, container: Format) -> Metadata:
    metadata = Metadata(opened.exif, opened.xmp, tag=opened.orientation)
    if any(isinstance(step, AutoOrient) for step in pipeline.steps):
        metadata = Metadata(upright(opened.exif), upright_xmp(opened.xmp))
    kept, label = _kept(pipeline.encoding, metadata), pipeline.encoding.label
    if label is None:
        return kept
    more = replace(kept, xmp=labelled(kept.xmp, label))
    # Rather without the rest of the source's than without what was asked for.
    return more if container.holdable(more).xmp else replace(kept, xmp=labelled(b"", label))


def _turns(pipeline: Pipeline, opened: OpenedImage, container: Format) -> bool:
    """Whether pixels are turned upright, since nothing else tells how they are to be shown."""
    # No animation is written with EXIF.
    if container.turned or (opened.animated and container.animated):
        return True
    return pipeline.upright and not container.tells_orientation(_metadata(pipeline, opened, container))


def _kept(encoding: Encoding, metadata: Metadata) -> Metadata:
    if encoding.strip:
        return NO_METADATA
    return copyright_only(metadata) if encoding.copyright_only else metadata


def _losses(
    pipeline: Pipeline, opened: OpenedImage, options: EncodeOptions, alpha: Loss | None, *, animated: bool
) -> tuple[Loss, ...]:
    losses = [*lost_images(opened, animated=animated), *((alpha,) if alpha else ())]
    if animated and opened.loop_count and not options.target.container.repeats:
        losses.append(Loss.repeats)
    if lost_profile(pipeline, opened, options.target):
        losses.append(Loss.profile)
    if not pipeline.encoding.strip and not pipeline.encoding.copyright_only:
        losses += lost_metadata(opened, options, animated=animated)
    return tuple(losses)


def _result(pipeline: Pipeline, target: Target, data: bytes, size: tuple[int, int], quality: int) -> Result:
    name = pipeline.encoding.format or target.name.upper()
    return Result(data, target.content_type, name, *size, quality)
