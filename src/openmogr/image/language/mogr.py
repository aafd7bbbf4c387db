"""One ``imageMogr2`` stage (``docs/spec/api/image-mogr2.md#4``)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from openmogr.image.faces.detector import check_faces
from openmogr.image.language.encoding import COMMON_ENCODING
from openmogr.image.language.operations import (
    AutoOrient,
    Axis,
    Blur,
    Bright,
    Contrast,
    Crop,
    Cut,
    Encoding,
    FaceCrop,
    Flip,
    Gravity,
    Grayscale,
    InscribedCircle,
    MogrStage,
    RatioCrop,
    Rotate,
    RoundCorners,
    Sharpen,
    Step,
    Thumbnail,
    ThumbnailForm,
)
from openmogr.image.language.thumbnail import parse_thumbnail
from openmogr.image.language.tokens import NUMBER, StageTokens, pixels, rounded
from openmogr.image.language.values import AigcLabel

__all__ = ["MOGR_PARAMETERS", "parse_mogr"]

_PAIR = re.compile(rf"({NUMBER})?x({NUMBER})?")
# Without offsets they are 0.
_CUT = re.compile(rf"({NUMBER})x({NUMBER})(?:x({NUMBER})x({NUMBER}))?")
_OLD_CROP = re.compile(rf"!({NUMBER})?x({NUMBER})?(?:([a+-])({NUMBER})([a+-])({NUMBER}))?")
_RATIOS = re.compile(rf"({NUMBER})x({NUMBER})")
_BLUR = re.compile(rf"({NUMBER})x({NUMBER})")

_FLAGS = {"strip", "auto-orient"}
_MODIFIERS = {"gravity", "pad", "color"}
# Beyond them a picture would be a line.
_LEAST_RATIO, _MOST_RATIO = 0.001, 1000
_PADDED_FORMS = {ThumbnailForm.fit, ThumbnailForm.shrink}


def _cut(tokens: StageTokens, value: str) -> Step:
    match = _CUT.fullmatch(value)
    if match is None or not pixels(match[1]) or not pixels(match[2]):
        raise tokens.bad_value("cut", value, "WxHxDXxDY or WxH with a width and height above 0")
    return Cut(pixels(match[1]), pixels(match[2]), rounded(match[3] or "0"), rounded(match[4] or "0"))


def _crop(tokens: StageTokens, value: str) -> Step:
    old = _OLD_CROP.fullmatch(value)
    if match := old or _PAIR.fullmatch(value):
        width, height = (None if side is None else pixels(side) for side in (match[1], match[2]))
        if (width or height) and 0 not in (width, height):
            if old is None:
                return Crop(width, height)
            return Cut(width, height, _offset(old[3], old[4]), _offset(old[5], old[6]), legacy=True)
    raise tokens.bad_value(
        "crop", value, "WxH, Wx or xH, or one of them as in !WxHaDXaDY, with sides above 0"
    )


def _face_crop(tokens: StageTokens, value: str) -> Step:
    match = _PAIR.fullmatch(value)
    width, height = (
        (None if side is None else pixels(side) for side in (match[1], match[2])) if match else (0, 0)
    )
    if not (width or height) or 0 in (width, height):
        raise tokens.bad_value("scrop", value, "WxH, Wx or xH with sides above 0")
    check_faces()
    return FaceCrop(width, height)


def _ratio_crop(tokens: StageTokens, value: str) -> Step:
    match = _RATIOS.fullmatch(value)
    low, high = (round(float(match[1]), 6), round(float(match[2]), 6)) if match else (0.0, 0.0)
    if not _LEAST_RATIO <= low <= high <= _MOST_RATIO:
        raise tokens.bad_value(
            "rcrop",
            value,
            f"the least and the most of width by height as in 0.75x1.5, {_LEAST_RATIO} to {_MOST_RATIO}",
        )
    return RatioCrop(low, high)


def _offset(sign: str | None, number: str | None) -> int:
    return rounded(number or "0") * (-1 if sign == "-" else 1)


def _rotate(tokens: StageTokens, value: str) -> Step:
    return Rotate(tokens.decimal("rotate", value.removesuffix("f"), 0, 360))


def _flip(tokens: StageTokens, value: str) -> Step:
    try:
        return Flip(Axis(value.lower()))
    except ValueError:
        raise tokens.bad_value("flip", value, "vertical or horizontal") from None


def _blur(tokens: StageTokens, value: str) -> Step:
    match = _BLUR.fullmatch(value)
    if match is None:
        raise tokens.bad_value("blur", value, "a radius and a sigma as in 8x5")
    return Blur(
        tokens.integer("blur radius", match[1], 1, 50), tokens.decimal("blur sigma", match[2], 0, 1000)
    )


def _sharpen(tokens: StageTokens, value: str) -> Step:
    return Sharpen(tokens.integer("sharpen", value, 10, 300))


def _bright(tokens: StageTokens, value: str) -> Step:
    return Bright(tokens.integer("bright", value, -100, 100))


def _contrast(tokens: StageTokens, value: str) -> Step:
    return Contrast(tokens.integer("contrast", value, -100, 100))


def _grayscale(tokens: StageTokens, value: str) -> Step | None:
    return Grayscale() if tokens.switch("grayscale", value) else None


def _circle(tokens: StageTokens, value: str) -> Step:
    return InscribedCircle(tokens.positive("iradius", value))


def _round(tokens: StageTokens, value: str) -> Step:
    return RoundCorners(tokens.positive("rradius", value))


_STEPS: Mapping[str, Callable[[StageTokens, str], Step | None]] = {
    "thumbnail": parse_thumbnail,
    "cut": _cut,
    "crop": _crop,
    "scrop": _face_crop,
    "rcrop": _ratio_crop,
    "rotate": _rotate,
    "flip": _flip,
    "blur": _blur,
    "sharpen": _sharpen,
    "bright": _bright,
    "contrast": _contrast,
    "grayscale": _grayscale,
    "iradius": _circle,
    "rradius": _round,
}

# All that a stage understands.
MOGR_PARAMETERS = frozenset({*_STEPS, *COMMON_ENCODING, *_FLAGS, *_MODIFIERS})

# The label of generated images.
_LABEL = "AIGCMetadata"
_LABEL_NAMES = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)
_MAX_LABEL_TEXT = 1000
_BASE64_TEXT = "URL-safe Base64 of a text in UTF-8"


def _label(tokens: StageTokens) -> AigcLabel | None:
    """Names and texts, or one text that is a JSON object of them; clients write an empty one for none."""
    texts: dict[str, str] = {}
    if tokens.peek() in _LABEL_NAMES:
        while (name := tokens.peek()) in _LABEL_NAMES:
            tokens.take()
            texts[str(name)] = tokens.text(str(name), tokens.value(str(name)), _BASE64_TEXT)
    else:
        texts = _label_in_json(tokens, tokens.value(_LABEL))
        if not texts:
            return None
    if not texts.get("Label"):
        raise tokens.error(f"{_LABEL} needs a Label")
    for name, text in texts.items():
        if len(text) > _MAX_LABEL_TEXT or not text.isprintable():
            raise tokens.error(
                f"{name} has more than {_MAX_LABEL_TEXT} characters, or some that cannot be written"
            )
    return tuple((name, texts[name]) for name in _LABEL_NAMES if name in texts)


def _label_in_json(tokens: StageTokens, value: str) -> dict[str, str]:
    expected = "names with texts, or URL-safe Base64 of a JSON object of them"
    try:
        told = json.loads(tokens.text(_LABEL, value, expected))
        return {name: str(text) for name, text in told.items() if name in _LABEL_NAMES}
    except (ValueError, AttributeError):
        raise tokens.bad_value(_LABEL, value, expected) from None


class _MogrParser:
    """Collects one stage. A parameter given twice counts once, where and as it was given last."""

    def __init__(self, tokens: StageTokens) -> None:
        self._tokens = tokens
        self._steps: dict[str, Step] = {}
        self._encoding = Encoding()
        self._gravity: Gravity | None = None
        self._pad = False
        self._color = (255, 255, 255)

    def parse(self) -> MogrStage:
        tokens = self._tokens
        while (name := tokens.take_name(MOGR_PARAMETERS)) is not None:
            if name in _FLAGS:
                self._flag(name, tokens.flag())
            elif name in _STEPS:
                self._put(name, _STEPS[name](tokens, tokens.value(name)))
            elif name in COMMON_ENCODING:
                self._encoding = COMMON_ENCODING[name](tokens, tokens.value(name), self._encoding)
            elif name in _MODIFIERS:
                self._modifier(name, tokens.value(name))
            elif name == _LABEL:
                self._encoding = replace(self._encoding, label=_label(tokens))
            else:
                tokens.skip_unknown(name, MOGR_PARAMETERS)
        return self._finish()

    def _put(self, name: str, step: Step | None) -> None:
        self._steps.pop(name, None)
        if step is not None:
            self._steps[name] = step

    def _flag(self, name: str, on: bool) -> None:
        if name == "strip":
            self._encoding = replace(self._encoding, strip=on)
        else:
            self._put(name, AutoOrient() if on else None)
            self._encoding = replace(self._encoding, keep_orientation=None if on else True)

    def _modifier(self, name: str, value: str) -> None:
        if name == "pad":
            self._pad = self._tokens.switch("pad", value)
        elif name == "color":
            self._color = self._tokens.color("color", value)
        else:
            gravity = Gravity.__members__.get(value.lower())
            if gravity is None:
                raise self._tokens.bad_value("gravity", value, "one of " + ", ".join(Gravity.__members__))
            self._gravity = gravity

    def _finish(self) -> MogrStage:
        steps = [self._resolve(step) for step in self._steps.values()]
        # Only a gravity that changes something belongs to the meaning of the stage and to its canonical text.
        gravity = self._gravity if steps != list(self._steps.values()) else None
        steps = [self._padded(step) for step in steps]
        return MogrStage(tuple(steps), gravity, self._encoding)

    def _resolve(self, step: Step) -> Step:
        if isinstance(step, (Crop, Cut, RatioCrop)) and self._gravity is not None:
            return replace(step, gravity=self._gravity)
        return step

    def _padded(self, step: Step) -> Step:
        if (
            self._pad
            and isinstance(step, Thumbnail)
            and step.form in _PADDED_FORMS
            and step.width
            and step.height
        ):
            return replace(step, pad=True, color=self._color)
        return step


def parse_mogr(tokens: StageTokens) -> MogrStage:
    """The stage that the tokens after ``imageMogr2`` mean.

    Raises:
        InvalidArgument: naming stage, parameter and token.
        NotImplementedHere: ``scrop``, where nothing is installed that finds faces.
    """
    return _MogrParser(tokens).parse()
