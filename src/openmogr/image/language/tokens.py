"""The tokens of one stage, and how single tokens are read."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Container
from decimal import ROUND_HALF_UP, Decimal

from openmogr.errors import InvalidArgument
from openmogr.image.language.query import OPERATION_NAMES

__all__ = ["NUMBER", "SYNTAX_ERROR", "StageTokens", "pixels", "readable", "rounded", "syntax_error"]

SYNTAX_ERROR = -106

# As many decimals as programs print of a quotient.
NUMBER = r"[0-9]{1,18}(?:\.[0-9]{0,20})?"
_NUMBER = re.compile(NUMBER)
_OPERATIONS = {name.lower() for name in OPERATION_NAMES}
_SIGNED = re.compile(f"[+-]?{NUMBER}")
_BASE64 = re.compile(r"[A-Za-z0-9_-]*")
_HEX_COLOR = re.compile(r"#?([0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})")


def syntax_error(message: str) -> InvalidArgument:
    """An operation text that cannot be understood."""
    return InvalidArgument(message, number=SYNTAX_ERROR)


def rounded(number: str) -> int:
    """A number of digits, with a sign or decimals or without, to the nearest whole one; halves away from zero."""
    return int(Decimal(number).to_integral_value(ROUND_HALF_UP))


def pixels(number: str) -> int:
    """A length as :func:`rounded`, but at least 1 where it is above 0."""
    return rounded(number) or int(Decimal(number) > 0)


def readable(token: str) -> str:
    """A token for a message: in quotes, short, and free of characters that XML cannot hold."""
    text = "".join(c if c.isprintable() else "?" for c in token[:60])
    return f"'{text}…'" if len(token) > 60 else f"'{text}'"


class StageTokens:
    """A cursor over the tokens of one stage; ``number`` counts stages from 1."""

    def __init__(self, number: int, tokens: list[str], *, strict: bool) -> None:
        self.number = number
        self.name = tokens[0]
        self.strict = strict
        self._tokens = tokens
        self._position = 1

    def error(self, message: str) -> InvalidArgument:
        """An error that names this stage."""
        return syntax_error(f"stage {self.number} ({readable(self.name)}): {message}")

    def bad_value(self, parameter: str, value: str, expected: str) -> InvalidArgument:
        """An error that names this stage, the parameter and the token."""
        return self.error(f"{parameter} is {readable(value)}, expected {expected}")

    def peek(self) -> str | None:
        """The next token, without taking it."""
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def take(self) -> str | None:
        """The next token."""
        token = self.peek()
        self._position += 1
        return token

    def take_name(self, known: Container[str]) -> str | None:
        """The next token as the name of a parameter; ``known`` are in lower case, texts in any."""
        token = self.take()
        return token.lower() if token is not None and token.lower() in known else token

    def value(self, parameter: str) -> str:
        """The value of a parameter that needs one."""
        token = self.take()
        if token is None:
            raise self.error(f"{parameter} has no value")
        return token

    def skip_unknown(self, name: str, known: Container[str]) -> None:
        """Leave out an unknown parameter with its value, where that is safe and allowed."""
        following = self.peek()
        if name.lower() in _OPERATIONS:
            raise self.error(f"{readable(name)} is an operation, before which stands a |")
        if self.strict or following is None or following.lower() in known or not name[:1].isalpha():
            raise self.error(f"unknown parameter {readable(name)}")
        self.take()

    def integer(self, parameter: str, value: str, low: int, high: int) -> int:
        """A number from ``low`` to ``high``, both included; decimals are rounded."""
        if not _SIGNED.fullmatch(value) or not low <= rounded(value) <= high:
            raise self.bad_value(parameter, value, f"a whole number from {low} to {high}")
        return rounded(value)

    def positive(self, parameter: str, value: str) -> int:
        """A number of pixels above zero; decimals are rounded, huge numbers clamped where they act."""
        length = self.length(parameter, value)
        if not length:
            raise self.bad_value(parameter, value, "a whole number above 0")
        return length

    def length(self, parameter: str, value: str) -> int:
        """As :meth:`positive`; 0, which says that there is none, too."""
        if not _NUMBER.fullmatch(value):
            raise self.bad_value(parameter, value, "a whole number")
        return pixels(value)

    def switch(self, parameter: str, value: str) -> bool:
        """0 or 1."""
        if value not in {"0", "1"}:
            raise self.bad_value(parameter, value, "0 or 1")
        return value == "1"

    def flag(self) -> bool:
        """A parameter without value; an explicit 0 or 1 may follow."""
        if self.peek() in {"0", "1"}:
            return self.take() == "1"
        return True

    def decimal(self, parameter: str, value: str, low: float, high: float) -> float:
        """A number from ``low`` to ``high``, rounded to six decimals."""
        if not _NUMBER.fullmatch(value) or not low <= float(value) <= high:
            raise self.bad_value(parameter, value, f"a number from {low:g} to {high:g}")
        return round(float(value), 6)

    def color(self, parameter: str, value: str) -> tuple[int, int, int]:
        """URL-safe Base64, padded or not, of ``#RRGGBB``."""
        expected = "URL-safe Base64 of #RRGGBB"
        match = _HEX_COLOR.fullmatch(self.text(parameter, value, expected))
        if match is None:
            raise self.bad_value(parameter, value, expected)
        digits = match[1] if len(match[1]) == 6 else "".join(c * 2 for c in match[1])
        return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)

    def text(self, parameter: str, value: str, expected: str) -> str:
        """What URL-safe Base64, padded or not, says in UTF-8."""
        # Spaces are what became of plus signs on their way; the decoder would pass over what it does not know.
        bare = value.rstrip("=").replace("+", "-").replace(" ", "-")
        if not _BASE64.fullmatch(bare):
            raise self.bad_value(parameter, value, expected)
        try:
            return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4)).decode("utf-8")
        except (binascii.Error, ValueError):
            raise self.bad_value(parameter, value, expected) from None
