"""Run a pipeline over a source, synchronously, on the calling thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from openmogr.errors import CosError, InternalError
from openmogr.image.errors import out_of_memory, too_many_bytes, unsupported_input
from openmogr.image.formats.animate import encode_animation
from openmogr.image.formats.encode import EncodeOptions, encode
from openmogr.image.formats.png_parts.strip import stripped_png
from openmogr.image.formats.registry import TARGETS, Target
from openmogr.image.language.operations import (
    AutoOrient,
    Encoding,
    InscribedCircle,
    MogrStage,
    Pipeline,
    RoundCorners,
    SizeLimit,
    Thumbnail,
    View,
)
from openmogr.image.losses import alpha_loss, lost_metadata, lost_pictures
from openmogr.image.model import ImageInfo, Loss, Result, Source
from openmogr.image.quality.scale import LOSSLESS, effective_quality
from openmogr.image.quality.size_limit import encode_within
from openmogr.image.settings import ImageSettings
from openmogr.image.source.info import describe, execute_info
from openmogr.image.source.metadata import NO_METADATA, Metadata, upright, upright_xmp
from openmogr.image.source.open import Frame, OpenedImage, open_image, read_container
from openmogr.image.steps.geometry import Placement, place
from openmogr.image.steps.transform import Surface, apply_steps, draft_size

__all__ = ["KEPT_SOURCE", "Processor"]

# `cgif/1` has a meaning of its own: at most so many frames (docs/spec/api/image-mogr2.md#4.8).
_SHORT_GIF_FRAMES = 30

# Set where the source's bytes are the answer because a rewrite of them would have been longer.
KEPT_SOURCE = "x-openmogr-kept-source"

# Browsers show GIF frames of 0 or 1 hundredths of a second for this long; elsewhere delays are meant.
_BROWSER_DELAY = 100


class Processor:
    """The image work itself. Holds no state but its settings, so any number of threads may share one.

    Args:
        settings: limits and threads.
        keep_smaller: give the source where it is as good an answer as a longer rewrite of it.
    """

    def __init__(self, settings: ImageSettings, *, keep_smaller: bool = True) -> None:
        self.settings = settings
        self._keep_smaller = keep_smaller

    def execute(self, pipeline: Pipeline, source: Source) -> Result:
        """The result of ``pipeline`` over ``source``.

        Raises:
            CosError: as ``docs/spec/api/errors.md#5`` maps situations, with ``X-ErrNo`` among its headers.
        """
        if pipeline.failure is not None:
            return self._original(source)
        try:
            return self._run(pipeline, source)
        except CosError:
            if pipeline.ignore_error:
                return self._original(source)
            raise
        except Exception as error:
            if pipeline.ignore_error:
                return self._original(source)
            if isinstance(error, MemoryError):
                raise out_of_memory(pipeline.normalised) from error
            raise InternalError(
                detail=f"{pipeline.normalised}: {type(error).__name__}: {error}", headers={"X-ErrNo": "-901"}
            ) from error

    def image_info(self, source: Source) -> ImageInfo:
        """What an ``UploadResult`` says about a source.

        Raises:
            CosError: as for :meth:`execute`.
        """
        return describe(source, self.settings)

    def _run(self, pipeline: Pipeline, source: Source) -> Result:
        info = pipeline.info
        if info is not None and len(pipeline.stages) == 1:
            return execute_info(info, source, self.settings)
        with open_image(source, self.settings, frame_limit=_frame_limit(pipeline.encoding)) as opened:
            result = self._process(pipeline, opened, source)
        if info is not None:
            return execute_info(info, Source(data=result.data, name=source.name), self.settings)
        return result

    def _process(self, pipeline: Pipeline, opened: OpenedImage, source: Source) -> Result:
        encoding = pipeline.encoding
        if not pipeline.steps and replace(encoding, ignore_error=None, keep_orientation=None) == Encoding():
            return self._original(source)
        target = TARGETS[encoding.format or opened.container.name]
        recoded = target.container != opened.container and _same_pixels(pipeline, opened, self.settings)
        if target.container.turned and not encoding.keep_orientation and opened.orientation > 1:
            # Last, so that it shows what the same operation into another format shows.
            pipeline = replace(pipeline, stages=(*pipeline.stages, MogrStage((AutoOrient(),))))
        _check_possible(pipeline, opened, target)
        quality = LOSSLESS
        if target.container.lossy:
            quality = effective_quality(encoding, opened.quality, target.container.default_quality)
        options = EncodeOptions(
            target=target,
            quality=quality,
            progressive=bool(encoding.interlace),
            half_chroma=opened.half_chroma,
            metadata=_metadata(pipeline, opened),
        )
        if opened.animated and target.container.animated:
            result = self._animation(pipeline, opened, options)
        else:
            result = self._still(pipeline, opened, options, encoding.size_limit)
        if len(result.data) > self.settings.max_output_bytes:
            raise too_many_bytes(
                f"the result has {len(result.data)} bytes, more than {self.settings.max_output_bytes}"
            )
        limit = encoding.size_limit
        if limit is not None and limit.only_if_smaller and len(result.data) >= source.size:
            return self._original(source)
        if (
            self._keep_smaller
            and len(result.data) > source.size
            and target.container == opened.container
            and encoding.interlace is None
            and encoding.frame_limit is None
            and _same_pixels(pipeline, opened, self.settings)
        ):
            return self._shorter(source, result, strip=bool(encoding.strip))
        return replace(result, recoded=recoded)

    def _shorter(self, source: Source, result: Result, *, strip: bool) -> Result:
        """The source instead of a longer rewrite of it; with ``strip`` only where its metadata can be left out."""
        if strip:
            data = stripped_png(source.read())
            if data is None:
                return result
            if len(data) < source.size:
                return replace(result, data=data)
        size = len(result.data)
        kept = {KEPT_SOURCE: f"the result would have {size} bytes"}
        return replace(self._original(source), format=result.format, headers=kept, rejected_size=size)

    def _still(
        self, pipeline: Pipeline, opened: OpenedImage, options: EncodeOptions, limit: SizeLimit | None
    ) -> Result:
        size, orientation = (opened.width, opened.height), opened.orientation
        draft = draft_size(pipeline.steps, size, orientation, self.settings)
        if draft is not None:
            opened.draft(*draft)
        start = Surface(opened.first().image, size, orientation, opened.animated)
        image = apply_steps(pipeline.steps, start, self.settings).image
        quality = options.quality
        if limit is not None:
            data, quality = encode_within(limit.size, image, options, self.settings)
        else:
            data = encode(image, options, self.settings)
        result = _result(pipeline, options.target, data, image.size, quality)
        alpha = alpha_loss(image, options.target.container)
        return replace(result, losses=_losses(pipeline, opened, options, alpha, animated=False))

    def _animation(self, pipeline: Pipeline, opened: OpenedImage, options: EncodeOptions) -> Result:
        size, orientation = (opened.width, opened.height), opened.orientation
        container = options.target.container
        slow_gif = opened.container.slow_in_browsers and not container.slow_in_browsers
        alpha: Loss | None = None

        def processed() -> Iterator[Frame]:
            nonlocal alpha
            for frame in opened.frames():
                start = Surface(frame.image, size, orientation, animated=True)
                image = apply_steps(pipeline.steps, start, self.settings).image
                alpha = alpha or alpha_loss(image, container)
                delay = _BROWSER_DELAY if slow_gif and frame.duration <= 10 else frame.duration
                yield Frame(image, delay)

        written = encode_animation(processed, opened.frame_count, opened.plays, options, self.settings)
        result = _result(pipeline, options.target, written.data, written.size, options.quality)
        losses = _losses(pipeline, opened, options, alpha, animated=True)
        return replace(result, frame_count=written.frame_count, losses=losses)

    def _original(self, source: Source) -> Result:
        """The source itself; never fails for what it contains."""
        data = source.read() if source.size <= self.settings.max_input_bytes else b""
        content_type, name, size, quality, frames = "application/octet-stream", "", (0, 0), LOSSLESS, 1
        try:
            container = read_container(source)
            content_type, name = container.content_type, container.name.upper()
            with open_image(source, self.settings) as opened:
                size, frames = (opened.width, opened.height), opened.frame_count
                quality = LOSSLESS if opened.quality is None else opened.quality
        except CosError:
            pass
        return Result(data, content_type, name, *size, quality, frames, is_original=True)


def _same_pixels(pipeline: Pipeline, opened: OpenedImage, settings: ImageSettings) -> bool:
    """Whether no step changes anything."""
    size = (opened.width, opened.height)
    whole = Placement(size, (0, 0, *size))
    for step in pipeline.steps:
        if isinstance(step, AutoOrient):
            changes = opened.orientation > 1
        elif isinstance(step, (Thumbnail, View)) and not (isinstance(step, Thumbnail) and step.pad):
            changes = place(step, size, settings.max_parameter, enlarge=not opened.animated) != whole
        else:
            changes = True
        if changes:
            return False
    return True


def _frame_limit(encoding: Encoding) -> int | None:
    return _SHORT_GIF_FRAMES if encoding.frame_limit == 1 else encoding.frame_limit


def _check_possible(pipeline: Pipeline, opened: OpenedImage, target: Target) -> None:
    """Refuse before decoding what would fail after it."""
    target.container.check_writable()
    rounded = any(isinstance(step, (InscribedCircle, RoundCorners)) for step in pipeline.steps)
    if rounded and not opened.container.rounded:
        raise unsupported_input(f"iradius and rradius do not take {opened.container.name.upper()}")
    if pipeline.encoding.size_limit is not None and not target.container.lossy:
        raise unsupported_input(f"size-limit needs a format with a quality, not {target.name}")
    if pipeline.encoding.size_limit is not None and opened.animated and target.container.animated:
        raise unsupported_input("size-limit does not take animations")


def _metadata(pipeline: Pipeline, opened: OpenedImage) -> Metadata:
    if pipeline.encoding.strip:
        return NO_METADATA
    oriented = any(isinstance(step, AutoOrient) for step in pipeline.steps)
    if oriented:
        return Metadata(upright(opened.exif), upright_xmp(opened.xmp))
    return Metadata(opened.exif, opened.xmp, tag=0 if opened.source.tiff is None else opened.orientation)


def _losses(
    pipeline: Pipeline, opened: OpenedImage, options: EncodeOptions, alpha: Loss | None, *, animated: bool
) -> tuple[Loss, ...]:
    losses = [*lost_pictures(opened, animated=animated), *((alpha,) if alpha else ())]
    if not pipeline.encoding.strip:
        losses += lost_metadata(opened, options, animated=animated)
    return tuple(losses)


def _result(pipeline: Pipeline, target: Target, data: bytes, size: tuple[int, int], quality: int) -> Result:
    name = pipeline.encoding.format or target.name.upper()
    return Result(data, target.content_type, name, *size, quality)
