"""Functions in Rust stay short: at most 60 lines and 6 parameters, and a tuple among these holds values of one type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 60
MAX_PARAMETERS = 6

# Functions of modules for Python, with one parameter for each option.
FOR_PYTHON = frozenset({"encode_jpeg", "encode_png", "recode_jpeg"})

# Tuples of different things, which may stay until somebody works on them. Takes no new names.
KNOWN = frozenset({"add_means", "error_of", "error", "hadamard_4x4", "source_error"})

_NOT_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|r(\#*)".*?"\1|"(?:\\.|[^"\\])*"|'(?:\\[^']+|[^'\\])'""", re.DOTALL
)
_SELF = re.compile(r"(&\s*('\w+\s+)?)?(mut\s+)?self\b")
_TUPLE = re.compile(r":\s*(?:&\s*(?:'\w+\s+)?(?:mut\s+)?)?\((.*)\)$", re.DOTALL)
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Function:
    """A function, what it takes besides ``self``, and its length in lines."""

    name: str
    parameters: tuple[str, ...]
    lines: int

    @property
    def is_too_large(self) -> bool:
        return self.lines > MAX_LINES or len(self.parameters) > MAX_PARAMETERS

    @property
    def has_mixed_tuple(self) -> bool:
        """Whether a parameter is a tuple whose parts only a comment could tell apart."""
        for parameter in self.parameters:
            found = _TUPLE.search(parameter)
            if found is None or found[1].startswith("dyn"):
                continue
            if len({re.sub(r"&\s*(mut\s+)?", "", kind) for kind in pieces(found[1])}) > 1:
                return True
        return False


def closing(text: str, start: int) -> int:
    """Where the bracket at ``start`` is closed."""
    left, right = text[start], _BRACKETS[text[start]]
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == left) - (text[i] == right)
        if depth == 0:
            return i
    raise ValueError(f"{left} is not closed")


def pieces(text: str) -> list[str]:
    """What commas divide outside of brackets."""
    found, depth = [""], 0
    for sign in text.replace("->", "  "):
        depth += (sign in "([{<") - (sign in ")]}>")
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return [piece.strip() for piece in found if piece.strip()]


def functions(text: str) -> Iterator[Function]:
    """Every function that has a body."""
    text = _NOT_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    for found in re.finditer(r"\bfn\s+(\w+)", text):
        start = found.end()
        if text[start] == "<":
            depth = 0
            while depth or start == found.end():
                depth += (text[start] == "<") - (text[start] == ">" and text[start - 1] != "-")
                start += 1
        end = closing(text, start)
        body = end + 1
        while text[body] not in "{;":
            body = closing(text, body) + 1 if text[body] in "([" else body + 1
        if text[body] == "{":
            given = [re.sub(r"#\[[^]]*\]", "", piece).strip() for piece in pieces(text[start + 1 : end])]
            parameters = tuple(piece for piece in given if not _SELF.match(piece))
            lines = text.count("\n", found.start(), closing(text, body)) + 1
            yield Function(found[1], parameters, lines)


@cache
def all_functions() -> list[tuple[str, Function]]:
    """Those of all sources, with the file."""
    folders = [ROOT / "codec", ROOT / "pixels"]
    paths = [path for folder in folders for path in folder.rglob("*.rs") if "target" not in path.parts]
    return [
        (path.relative_to(ROOT).as_posix(), function)
        for path in sorted(paths)
        for function in functions(path.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize(
    ("text", "too_large", "mixed"),
    [
        ("fn f(a: u8, b: u8, c: u8, d: u8, e: u8, g: u8) {}", False, False),
        ("fn f(&mut self, a: u8, b: u8, c: u8, d: u8, e: u8, g: u8) -> [u8; 4] {}", False, False),
        ("fn f<T: Fn(u8) -> u8>(a: u8, b: u8, c: u8, d: u8, e: u8, g: u8, h: T) {}", True, False),
        ("fn f() {\n" + "let x = '{';\n" * (MAX_LINES - 2) + "}", False, False),
        ("fn f() {\n" + "let x = '{';\n" * (MAX_LINES - 1) + "}", True, False),
        ("fn f((x, y): (usize, usize)) {}", False, False),
        ("fn f((a, b): (&[u8], &mut [u8]), cancel: &(dyn Check + Sync)) {}", False, False),
        ("fn f((qp, lambda): (u8, f64)) {}", False, True),
        ("fn f(at: &((usize, usize), u32)) {}", False, True),
    ],
)
def test_what_is_found(text: str, *, too_large: bool, mixed: bool) -> None:
    (function,) = functions(text)
    assert (function.is_too_large, function.has_mixed_tuple) == (too_large, mixed)


def test_functions_are_short() -> None:
    found = {function.name: path for path, function in all_functions() if function.is_too_large}
    assert {name: path for name, path in found.items() if name not in FOR_PYTHON} == {}


def test_tuples_need_no_comment() -> None:
    found = {function.name: path for path, function in all_functions() if function.has_mixed_tuple}
    assert {name: path for name, path in found.items() if name not in KNOWN} == {}
