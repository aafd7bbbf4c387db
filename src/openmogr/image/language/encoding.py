"""The encoding parameters, which ``imageMogr2`` and ``imageView2`` share under different names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from openmogr.errors import InvalidArgument
from openmogr.image.formats.registry import TARGETS
from openmogr.image.language.operations import Encoding, Quality, QualityKind, SizeLimit
from openmogr.image.language.tokens import NUMBER, StageTokens, pixels, readable

__all__ = ["AUTO_FORMAT", "AUTO_SCORE", "COMMON_ENCODING", "EncodingParser"]

_SIZE = re.compile(rf"({NUMBER})([kKmM])(!?)")
UNSUPPORTED_FORMAT = -443
# A format of ours: whoever asks for the result chooses among several.
AUTO_FORMAT = "auto"
# What ``quality/auto`` asks for: nobody sees a difference without looking for it.
AUTO_SCORE = 75

# Clients write it for no wish.
_ANY_FORMAT = "*"

# A parameter's own parser gets the stage's tokens, its value and what was collected so far.
EncodingParser = Callable[[StageTokens, str, Encoding], Encoding]


def _format(tokens: StageTokens, value: str, encoding: Encoding) -> Encoding:
    name = value.lower()
    if name == _ANY_FORMAT:
        return replace(encoding, format=None)
    if name == AUTO_FORMAT:
        return replace(encoding, format=name)
    if name not in TARGETS:
        raise InvalidArgument(
            f"stage {tokens.number} ({readable(tokens.name)}): unknown format {readable(value)}",
            number=UNSUPPORTED_FORMAT,
        )
    return replace(encoding, format=name)


def _quality(tokens: StageTokens, value: str, encoding: Encoding) -> Encoding:
    if value.lower() == "auto":
        return replace(encoding, quality=Quality(QualityKind.score, AUTO_SCORE))
    force = value.endswith("!")
    number = tokens.integer("quality", value.removesuffix("!"), 0, 100)
    return replace(encoding, quality=Quality(QualityKind.absolute, number, force))


def _relative_quality(tokens: StageTokens, value: str, encoding: Encoding) -> Encoding:
    number = tokens.integer("rquality", value.removesuffix("!"), 0, 100)
    return replace(encoding, quality=Quality(QualityKind.relative, number))


def _target_score(tokens: StageTokens, value: str, encoding: Encoding) -> Encoding:
    number = tokens.integer("target-ssimulacra2", value, 1, 100)
    return replace(encoding, quality=Quality(QualityKind.score, number))


def _effort(tokens: StageTokens, value: str, encoding: Encoding) -> Encoding:
    return replace(encoding, effort=tokens.integer("effort", value, 0, 9))


def _lossless(tokens: StageTokens, value: str, encoding: Encoding) -> Encoding:
    return replace(encoding, lossless=tokens.switch("lossless", value))


def _lower_quality(tokens: StageTokens, value: str, encoding: Encoding) -> Encoding:
    return replace(encoding, lower_quality=tokens.integer("lquality", value.removesuffix("!"), 0, 100))


def _interlace(tokens: StageTokens, value: str, encoding: Encoding) -> Encoding:
    return replace(encoding, interlace=tokens.switch("interlace", value))


def _ignore_error(tokens: StageTokens, value: str, encoding: Encoding) -> Encoding:
    return replace(encoding, ignore_error=tokens.switch("ignore-error", value))


def _size_limit(tokens: StageTokens, value: str, encoding: Encoding) -> Encoding:
    match = _SIZE.fullmatch(value)
    if match is None or pixels(match[1]) == 0:
        raise tokens.bad_value("size-limit", value, "a number above 0 with k or m, as in 200k or 2m!")
    count, unit = Decimal(match[1]), match[2].lower()
    if unit == "m" and count % 1:
        count, unit = count * 1024, "k"
    return replace(encoding, size_limit=SizeLimit(pixels(str(count)), unit, bool(match[3])))


def _frame_limit(tokens: StageTokens, value: str, encoding: Encoding) -> Encoding:
    return replace(encoding, frame_limit=tokens.integer("cgif", value, 1, 100))


def _metadata(tokens: StageTokens, value: str, encoding: Encoding) -> Encoding:
    kind = value.lower()
    if kind not in ("all", "copyright", "none"):
        raise tokens.bad_value("metadata", value, "all, copyright or none")
    return replace(encoding, strip=kind == "none", copyright_only=kind == "copyright")


def _icc(tokens: StageTokens, value: str, encoding: Encoding) -> Encoding:
    kind = value.lower()
    if kind not in ("keep", "srgb"):
        raise tokens.bad_value("icc", value, "keep or srgb")
    return replace(encoding, keep_profile=kind == "keep")


COMMON_ENCODING: Mapping[str, EncodingParser] = {
    "format": _format,
    "quality": _quality,
    "rquality": _relative_quality,
    "lquality": _lower_quality,
    "interlace": _interlace,
    "ignore-error": _ignore_error,
    "size-limit": _size_limit,
    "cgif": _frame_limit,
    "target-ssimulacra2": _target_score,
    "effort": _effort,
    "lossless": _lossless,
    "metadata": _metadata,
    "icc": _icc,
}
