"""One ``watermark`` stage (``docs/spec/api/image-mogr2.md#10``)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping

from PIL import ImageColor

from openmogr.errors import InvalidArgument, NotImplementedHere
from openmogr.image.language.encoding import COMMON_ENCODING
from openmogr.image.language.operations import Encoding, ImageWatermark, TextWatermark, WatermarkStage
from openmogr.image.language.tokens import SYNTAX_ERROR, StageTokens
from openmogr.image.language.values import Color, Gravity
from openmogr.image.language.watermarks import DEFAULT_FILL, DEFAULT_FONT_SIZE, Fit, Laying, Scale
from openmogr.image.text.faces import DEFAULT_FONT, FONTS

__all__ = ["WATERMARK_PARAMETERS", "parse_watermark"]

_LAYING = frozenset({"gravity", "dx", "dy", "dissolve", "batch", "degree"})
_IMAGE = frozenset({"image", "blogo", "scatype", "spcent"})
_TEXT = frozenset({"text", "font", "fontsize", "fill", "shadow"})
_ENCODING = "ignore-error"

# All that a stage understands.
WATERMARK_PARAMETERS = _LAYING | _IMAGE | _TEXT | {_ENCODING}

_BLIND = "blind watermarks (watermark/3 and /4) are the vendor's own and not implemented by this server"

# The documentation bounds neither (docs/spec/api/image-mogr2.md#10.3); URLs have no room for much more.
_MAX_CHARACTERS = 1000
_MAX_FONT_SIZE = 1000
_MAX_NAME = 4000

_PARTS = {Scale.width: 1000, Scale.height: 1000, Scale.area: 250}


def parse_watermark(tokens: StageTokens) -> WatermarkStage:
    """The stage that the tokens after ``watermark`` mean.

    Raises:
        InvalidArgument: naming stage, parameter and token.
        NotImplementedHere: types 3 and 4.
    """
    kind = tokens.take()
    if kind in {"3", "4"}:
        raise NotImplementedHere(f"stage {tokens.number}: {_BLIND}", number=SYNTAX_ERROR)
    parser = _PARSERS.get(kind or "")
    if parser is None:
        raise tokens.bad_value("the type", kind or "", "1 for an image or 2 for a text")
    own, finish = parser
    known = frozenset({*_LAYING, *own, _ENCODING})
    values: dict[str, str] = {}
    encoding = Encoding()
    while (name := tokens.take_name(known)) is not None:
        if name == _ENCODING:
            encoding = COMMON_ENCODING[name](tokens, tokens.value(name), encoding)
        elif name in known:
            values[name] = tokens.value(name)
        else:
            tokens.skip_unknown(name, known)
    return WatermarkStage(finish(tokens, values), encoding)


def _image(tokens: StageTokens, values: Mapping[str, str]) -> ImageWatermark:
    if "image" not in values:
        raise _missing(tokens, "image")
    expected = "URL-safe Base64 of a URL"
    image = tokens.text("image", values["image"], expected)
    if not image or len(image) > _MAX_NAME or not image.isprintable():
        raise tokens.bad_value("image", values["image"], expected)
    fit = Fit(tokens.integer("blogo", values["blogo"], 1, 2)) if "blogo" in values else None
    if ("scatype" in values) != ("spcent" in values):
        raise tokens.error("scatype and spcent go together, and one of them is missing")
    scale, part = None, 0
    if "scatype" in values:
        scale = Scale(tokens.integer("scatype", values["scatype"], 1, 3))
        part = tokens.integer("spcent", values["spcent"], 1, _PARTS[scale])
    return ImageWatermark(image, _laying(tokens, values), fit, scale, part)


def _text(tokens: StageTokens, values: Mapping[str, str]) -> TextWatermark:
    if "text" not in values:
        raise _missing(tokens, "text")
    return TextWatermark(
        _words(tokens, values["text"]),
        _font(tokens, values["font"]) if "font" in values else DEFAULT_FONT,
        tokens.integer("fontsize", values.get("fontsize", str(DEFAULT_FONT_SIZE)), 1, _MAX_FONT_SIZE),
        _fill(tokens, values["fill"]) if "fill" in values else DEFAULT_FILL,
        tokens.integer("shadow", values.get("shadow", "0"), 0, 100),
        _laying(tokens, values),
    )


_Finish = Callable[[StageTokens, Mapping[str, str]], ImageWatermark | TextWatermark]
_PARSERS: Mapping[str, tuple[frozenset[str], _Finish]] = {"1": (_IMAGE, _image), "2": (_TEXT, _text)}


def _missing(tokens: StageTokens, name: str) -> InvalidArgument:
    return tokens.error(f"{name} is missing")


def _words(tokens: StageTokens, value: str) -> str:
    expected = "URL-safe Base64 of a text in UTF-8"
    text = tokens.text("text", value, expected).replace("\r\n", "\n").replace("\r", "\n")
    # As one code point where there is one, which is what fonts have.
    text = unicodedata.normalize("NFC", text).strip("\n")
    if not text.strip():
        raise tokens.bad_value("text", value, expected + " that is not empty")
    if len(text) > _MAX_CHARACTERS:
        raise tokens.error(f"text has {len(text)} characters, more than {_MAX_CHARACTERS}")
    if any(unicodedata.category(character) in {"Cc", "Cs"} and character != "\n" for character in text):
        raise tokens.error("text holds a control character; of those only line feeds are written")
    return text


def _font(tokens: StageTokens, value: str) -> str:
    expected = "URL-safe Base64 of the name of a font"
    name = tokens.text("font", value, expected).strip().lower().rpartition("/")[2]
    for suffix in (".ttf", ".ttc", ".otf", ".dfont"):
        name = name.removesuffix(suffix)
    if name not in FONTS:
        raise tokens.error(f"font is {name[:60]!r}, which is none of {', '.join(sorted(FONTS))}")
    return name


def _fill(tokens: StageTokens, value: str) -> Color:
    expected = "URL-safe Base64 of #RRGGBB"
    # Old samples have names (docs/spec/api/sources.md#2, line 15).
    name = tokens.text("fill", value, expected).strip().lower()
    if name in ImageColor.colormap:
        red, green, blue = ImageColor.getrgb(name)[:3]
        return red, green, blue
    return tokens.color("fill", value)


def _laying(tokens: StageTokens, values: Mapping[str, str]) -> Laying:
    plain = Laying()
    gravity = plain.gravity
    if "gravity" in values:
        found = Gravity.__members__.get(values["gravity"].lower())
        if found is None:
            raise tokens.bad_value("gravity", values["gravity"], "one of " + ", ".join(Gravity.__members__))
        gravity = found
    dx, dy = (tokens.length(name, values.get(name, "0")) for name in ("dx", "dy"))
    dissolve = tokens.integer("dissolve", values.get("dissolve", str(plain.dissolve)), 1, 100)
    batch = tokens.switch("batch", values.get("batch", "0"))
    degree = tokens.decimal("degree", values.get("degree", "0"), 0, 360) % 360
    if batch:
        return Laying(gravity, dx, dy, dissolve, batch, degree)
    # In the middle there is no inwards, and single marks are not turned (docs/spec/api/image-mogr2.md#5 and #10.1).
    across, down = gravity.value
    return Laying(gravity, 0 if across == 1 else dx, 0 if down == 1 else dy, dissolve)
