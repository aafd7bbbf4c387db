"""The typed pipeline that an operation text means; every type knows its canonical text.

Steps change pixels and act in written order; an :class:`Encoding` is applied once, after the last stage
(``docs/spec/api/image-mogr2.md#6``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import Enum
from functools import cached_property
from typing import TypeAlias

from openmogr.image.language.values import AigcLabel, Gravity, base64_token, color_token, number_text
from openmogr.image.language.watermarks import ImageWatermark, TextWatermark

__all__ = [
    "AutoOrient",
    "Axis",
    "Blur",
    "Bright",
    "Contrast",
    "Crop",
    "Cut",
    "Encoding",
    "FaceCrop",
    "Flip",
    "Gravity",
    "Grayscale",
    "ImageWatermark",
    "Info",
    "InfoStage",
    "InscribedCircle",
    "MogrStage",
    "Pipeline",
    "Quality",
    "QualityKind",
    "RatioCrop",
    "Rotate",
    "RoundCorners",
    "Sharpen",
    "SizeLimit",
    "SlimStage",
    "Stage",
    "Step",
    "TextWatermark",
    "Thumbnail",
    "ThumbnailForm",
    "View",
    "ViewStage",
    "Watermark",
    "WatermarkStage",
]


class ThumbnailForm(Enum):
    """The forms of ``thumbnail`` (``docs/spec/api/image-mogr2.md#4.1``); the value is the canonical pattern."""

    percent = "!{amount}p"
    percent_width = "!{amount}px"
    percent_height = "!x{amount}p"
    fit = "{size}"
    shrink = "{size}>"
    enlarge = "{size}<"
    cover = "!{size}r"
    exact = "{size}!"
    area = "{amount}@"


class Axis(Enum):
    """Mirror axis: ``vertical`` turns upside down, ``horizontal`` swaps left and right."""

    vertical = "vertical"
    horizontal = "horizontal"


class QualityKind(Enum):
    """How a quality number relates to the source's quality; the value is the parameter's name."""

    absolute = "quality"
    relative = "rquality"
    score = "target-ssimulacra2"


class Info(Enum):
    """The information operations."""

    image_info = "imageInfo"
    image_ave = "imageAve"
    exif = "exif"
    aigc = "imageAIGCMetadata"


@dataclass(frozen=True)
class AutoOrient:
    """Turn the image upright by its EXIF orientation."""

    @property
    def text(self) -> str:
        return "auto-orient"


@dataclass(frozen=True)
class Thumbnail:
    """Scale.

    Attributes:
        form: which of the forms.
        width: pixels, for the forms with a size; one of both sides may be None.
        height: pixels, likewise.
        amount: percent with up to six decimals, or whole pixels in total for the area form.
        pad: put the result on a canvas of exactly ``width`` x ``height`` (form ``fit`` with both sides).
        color: canvas colour, RGB 0-255 each.
    """

    form: ThumbnailForm
    width: int | None = None
    height: int | None = None
    amount: float = 0
    pad: bool = False
    color: tuple[int, int, int] = (255, 255, 255)

    @property
    def text(self) -> str:
        size = f"{self.width or ''}x{self.height or ''}"
        return "thumbnail/" + self.form.value.format(size=size, amount=number_text(self.amount))


@dataclass(frozen=True)
class Cut:
    """Take ``width`` x ``height`` pixels at an inward offset from the anchor.

    ``legacy`` marks the old form ``crop/!<w>x<h>a<dx>a<dy>``, whose ``-`` is a negative, outward offset. There one
    of both sides may be None: then it is the image's.
    """

    width: int | None
    height: int | None
    dx: int
    dy: int
    gravity: Gravity = Gravity.northwest
    legacy: bool = False

    @property
    def text(self) -> str:
        if self.legacy:
            return f"crop/!{self.width or ''}x{self.height or ''}{_signed(self.dx)}{_signed(self.dy)}"
        return f"cut/{self.width}x{self.height}x{self.dx}x{self.dy}"


def _signed(offset: int) -> str:
    return f"-{-offset}" if offset < 0 else f"a{offset}"


@dataclass(frozen=True)
class Crop:
    """Shrink until the image just covers ``width`` x ``height``, then cut at the anchor.

    With one side only, the other keeps its length and nothing is scaled.
    """

    width: int | None
    height: int | None
    gravity: Gravity = Gravity.center

    @property
    def text(self) -> str:
        return f"crop/{self.width or ''}x{self.height or ''}"


@dataclass(frozen=True)
class FaceCrop:
    """As :class:`Crop`, but the window lies where faces are; an image without a face stays as it is."""

    width: int | None
    height: int | None

    @property
    def text(self) -> str:
        return f"scrop/{self.width or ''}x{self.height or ''}"


@dataclass(frozen=True)
class RatioCrop:
    """Cut as little as makes the width, divided by the height, at least ``low`` and at most ``high``."""

    low: float
    high: float
    gravity: Gravity = Gravity.center

    @property
    def text(self) -> str:
        return f"rcrop/{number_text(self.low)}x{number_text(self.high)}"


@dataclass(frozen=True)
class Rotate:
    """Turn clockwise by ``degrees``, 0-360; the canvas grows for angles that are not multiples of 90."""

    degrees: float

    @property
    def text(self) -> str:
        return f"rotate/{number_text(self.degrees)}"


@dataclass(frozen=True)
class Flip:
    """Mirror."""

    axis: Axis

    @property
    def text(self) -> str:
        return f"flip/{self.axis.value}"


@dataclass(frozen=True)
class Blur:
    """Gaussian blur with a kernel of ``radius`` pixels (1-50); ``sigma`` 0 means half the radius."""

    radius: int
    sigma: float

    @property
    def text(self) -> str:
        return f"blur/{self.radius}x{number_text(self.sigma)}"


@dataclass(frozen=True)
class Sharpen:
    """Unsharp mask of ``amount`` per cent, 10-300."""

    amount: int

    @property
    def text(self) -> str:
        return f"sharpen/{self.amount}"


@dataclass(frozen=True)
class Bright:
    """Brightness, -100 to 100."""

    amount: int

    @property
    def text(self) -> str:
        return f"bright/{self.amount}"


@dataclass(frozen=True)
class Contrast:
    """Contrast around mid-grey, -100 to 100."""

    amount: int

    @property
    def text(self) -> str:
        return f"contrast/{self.amount}"


@dataclass(frozen=True)
class Grayscale:
    """Luma instead of colour."""

    @property
    def text(self) -> str:
        return "grayscale/1"


@dataclass(frozen=True)
class InscribedCircle:
    """Keep the centred disc of ``radius`` pixels; the result is twice the radius on each side."""

    radius: int

    @property
    def text(self) -> str:
        return f"iradius/{self.radius}"


@dataclass(frozen=True)
class RoundCorners:
    """Round the corners with ``radius`` pixels."""

    radius: int

    @property
    def text(self) -> str:
        return f"rradius/{self.radius}"


@dataclass(frozen=True)
class View:
    """The scaling of ``imageView2``, mode 0-5; one of both sides may be None."""

    mode: int
    width: int | None
    height: int | None

    @property
    def text(self) -> str:
        parts = [str(self.mode)]
        if self.width is not None:
            parts.append(f"w/{self.width}")
        if self.height is not None:
            parts.append(f"h/{self.height}")
        return "/".join(parts)


Watermark: TypeAlias = ImageWatermark | TextWatermark

Step: TypeAlias = (
    AutoOrient
    | Thumbnail
    | Cut
    | Crop
    | FaceCrop
    | RatioCrop
    | Rotate
    | Flip
    | Blur
    | Sharpen
    | Bright
    | Contrast
    | Grayscale
    | InscribedCircle
    | RoundCorners
    | View
    | ImageWatermark
    | TextWatermark
)


@dataclass(frozen=True)
class Quality:
    """``quality`` or ``rquality``, 0-100, or a score; ``force`` is the ``!`` that ignores the source's quality."""

    kind: QualityKind
    value: int
    force: bool = False


@dataclass(frozen=True)
class SizeLimit:
    """Lower the quality until the result has about ``size`` bytes.

    Attributes:
        count: the number given.
        unit: ``k`` or ``m``.
        only_if_smaller: the ``!``: deliver the result only if it is smaller than the source.
    """

    count: int
    unit: str
    only_if_smaller: bool = False

    @property
    def size(self) -> int:
        """The limit in bytes."""
        return self.count * (1024 if self.unit == "k" else 1024 * 1024)


@dataclass(frozen=True)
class Encoding:
    """Parameters that act when the result is written; None where a stage says nothing about one.

    ``keep_orientation`` is ``auto-orient/0``: no turning upright where a format would bring it about by itself.
    ``label`` is that of generated images, which results carry whatever else they keep of metadata.
    ``effort``, ``lossless``, ``copyright_only`` (``metadata/copyright``), ``keep_profile`` (``icc/keep``) and a
    ``quality`` by score are extensions of ours (``docs/use/operations.md``).
    """

    format: str | None = None
    quality: Quality | None = None
    lower_quality: int | None = None
    interlace: bool | None = None
    strip: bool | None = None
    copyright_only: bool | None = None
    size_limit: SizeLimit | None = None
    ignore_error: bool | None = None
    frame_limit: int | None = None
    keep_orientation: bool | None = None
    effort: int | None = None
    lossless: bool | None = None
    keep_profile: bool | None = None
    label: AigcLabel | None = None

    def updated(self, later: Encoding) -> Encoding:
        """These parameters, with those that a later stage sets."""
        values = {f.name: getattr(later, f.name) for f in fields(later)}
        return replace(self, **{name: value for name, value in values.items() if value is not None})

    def tokens(self, *, view: bool = False) -> list[str]:
        """Canonical text in parts, in the names of ``imageMogr2`` or of ``imageView2``."""
        names = _VIEW_NAMES if view else {}
        quality, limit = self.quality, self.size_limit
        found: list[tuple[str, object]] = [
            ("auto-orient", 0 if self.keep_orientation else None),
            ("format", self.format),
            (
                quality.kind.value if quality else "",
                f"{quality.value}{'!' if quality.force else ''}" if quality else None,
            ),
            ("lquality", self.lower_quality),
            ("interlace", self.interlace),
            ("strip", self.strip),
            ("metadata", "copyright" if self.copyright_only else None),
            ("effort", self.effort),
            ("lossless", self.lossless),
            ("icc", None if self.keep_profile is None else "keep" if self.keep_profile else "srgb"),
            ("AIGCMetadata", _label_text(self.label)),
            ("cgif", self.frame_limit),
            (
                "size-limit",
                f"{limit.count}{limit.unit}{'!' if limit.only_if_smaller else ''}" if limit else None,
            ),
            ("ignore-error", self.ignore_error),
        ]
        return [
            f"{names.get(name, name)}/{int(value) if isinstance(value, bool) else value}"
            for name, value in found
            if value is not None
        ]


def _label_text(label: AigcLabel | None) -> str | None:
    return None if label is None else "/".join(f"{name}/{base64_token(text)}" for name, text in label)


_VIEW_NAMES = {"quality": "q", "rquality": "rq", "lquality": "lq"}


@dataclass(frozen=True)
class MogrStage:
    """One ``imageMogr2`` stage: steps in written order, modifiers already resolved into them, and encoding.

    ``gravity`` is the modifier as written; it is kept because the canonical text needs it.
    """

    steps: tuple[Step, ...] = ()
    gravity: Gravity | None = None
    encoding: Encoding = field(default_factory=Encoding)

    @property
    def text(self) -> str:
        parts = ["imageMogr2"]
        for step in self.steps:
            parts.append(step.text)
            if isinstance(step, Thumbnail) and step.pad:
                parts.append("pad/1/color/" + color_token(step.color))
        if self.gravity is not None:
            parts.append(f"gravity/{self.gravity.name}")
        return "/".join(parts + self.encoding.tokens())


@dataclass(frozen=True)
class ViewStage:
    """One ``imageView2`` stage; ``view`` is None where it only encodes."""

    view: View | None = None
    encoding: Encoding = field(default_factory=Encoding)

    @property
    def steps(self) -> tuple[Step, ...]:
        return (self.view,) if self.view is not None else ()

    @property
    def text(self) -> str:
        parts = ["imageView2"]
        if self.view is not None:
            parts.append(self.view.text)
        return "/".join(parts + self.encoding.tokens(view=True))


@dataclass(frozen=True)
class WatermarkStage:
    """One ``watermark`` stage. Of encoding parameters it takes ``ignore-error``, which clients append to any stage."""

    mark: Watermark
    encoding: Encoding = field(default_factory=Encoding)

    @property
    def steps(self) -> tuple[Step, ...]:
        return (self.mark,)

    @property
    def text(self) -> str:
        return "/".join([self.mark.text, *self.encoding.tokens()])


@dataclass(frozen=True)
class InfoStage:
    """An information operation, always the last stage."""

    info: Info

    @property
    def steps(self) -> tuple[Step, ...]:
        return ()

    @property
    def encoding(self) -> Encoding:
        return Encoding()

    @property
    def text(self) -> str:
        return self.info.value


@dataclass(frozen=True)
class SlimStage:
    """``imageSlim``: the result is written in as few bytes as look the same. It acts at the end, wherever it stands."""

    @property
    def steps(self) -> tuple[Step, ...]:
        return ()

    @property
    def encoding(self) -> Encoding:
        return Encoding()

    @property
    def text(self) -> str:
        return "imageSlim"


Stage: TypeAlias = MogrStage | ViewStage | WatermarkStage | InfoStage | SlimStage


@dataclass(frozen=True)
class Pipeline:
    """What an operation text means.

    Attributes:
        stages: in order.
        failure: why the text could not be understood, where it also says ``ignore-error/1``: executing such a
            pipeline gives the original, as ``docs/spec/api/errors.md#5`` recommends.
        source_text: the text of a failed pipeline, else empty.
        scored: tell how much the result looks like what was written; no text says so.
        upright: turn the pixels of results that do not tell the orientation of their source; no text says so.
    """

    stages: tuple[Stage, ...] = ()
    failure: str | None = None
    source_text: str = ""
    scored: bool = False
    upright: bool = False

    def __reduce__(self) -> tuple[type[Pipeline], tuple[object, ...]]:
        # What is derived of it need not cross to a worker.
        return Pipeline, (self.stages, self.failure, self.source_text, self.scored, self.upright)

    @cached_property
    def normalised(self) -> str:
        """Canonical text: equal for pipelines that do the same in the same words; for ETags and caches."""
        if self.failure is not None:
            return self.source_text
        # No text of an operation holds a question mark.
        told = ("?scored" if self.scored else "") + ("?upright" if self.upright else "")
        return "|".join(stage.text for stage in self.stages) + told

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps of all stages."""
        return tuple(step for stage in self.stages for step in stage.steps)

    @cached_property
    def encoding(self) -> Encoding:
        """The encoding parameters of all stages; later ones win."""
        encoding = self.stages[0].encoding if self.stages else Encoding()
        for stage in self.stages[1:]:
            encoding = encoding.updated(stage.encoding)
        # Together only imageSlim acts (docs/spec/api/compression.md#8).
        return replace(encoding, size_limit=None) if self.slim else encoding

    @property
    def slim(self) -> bool:
        """Whether ``imageSlim`` is among the stages."""
        return any(isinstance(stage, SlimStage) for stage in self.stages)

    @cached_property
    def further_sources(self) -> tuple[str, ...]:
        """The names of all images that it reads besides its source, each once: who runs it has to give them."""
        return tuple(dict.fromkeys(step.image for step in self.steps if isinstance(step, ImageWatermark)))

    @property
    def ignore_error(self) -> bool:
        """Whether a failure is answered with the original."""
        return self.failure is not None or bool(self.encoding.ignore_error)

    @property
    def info(self) -> Info | None:
        """The information operation at the end, if there is one."""
        last = self.stages[-1] if self.stages else None
        return last.info if isinstance(last, InfoStage) else None
