"""Formats are known by name in ``image/formats/`` alone; the rest asks the registry what a format is like."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from openmogr.image.formats.registry import CONTAINERS, MEDIA_TYPES, SUFFIXES, TARGETS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "openmogr"
HOME = PACKAGE / "image" / "formats"
# Speaks of extras, some of which are called as formats are.
EXTRAS = PACKAGE / "installation.py"
NAMES = {
    *TARGETS,
    *SUFFIXES,
    *MEDIA_TYPES.values(),
    *(container.pillow.lower() for container in CONTAINERS.values()),
    *(container.extra.module_name for container in CONTAINERS.values() if container.extra is not None),
    *(container.extra.package for container in CONTAINERS.values() if container.extra is not None),
}
# Methods that compare or look up what they are given.
LOOKUPS = frozenset({"get", "startswith", "endswith", "removesuffix", "pop", "index", "count", "setdefault"})


def literals(node: ast.expr | None) -> Iterator[ast.Constant]:
    """A constant, or those of a tuple, list or set."""
    if isinstance(node, ast.Constant):
        yield node
    elif isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        for element in node.elts:
            yield from literals(element)


def told_apart(tree: ast.AST) -> Iterator[ast.Constant]:
    """The constants that something is compared with or looked up by."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for part in (node.left, *node.comparators):
                yield from literals(part)
        elif isinstance(node, ast.Dict):
            for key in node.keys:
                yield from literals(key)
        elif isinstance(node, ast.Subscript):
            yield from literals(node.slice)
        elif isinstance(node, ast.MatchValue):
            yield from literals(node.value)
        elif isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            yield from literals(node)
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOOKUPS
        ):
            for argument in node.args:
                yield from literals(argument)


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Codecs of extras that import statements name."""
    modules = {
        container.extra.module_name for container in CONTAINERS.values() if container.extra is not None
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            if name.partition(".")[0] in modules:
                yield node.lineno, name


def found_in(text: str) -> set[tuple[int, str]]:
    tree = ast.parse(text)
    compared = {
        (constant.lineno, constant.value)
        for constant in told_apart(tree)
        if isinstance(constant.value, str) and constant.value.lower() in NAMES
    }
    return compared | set(imported(tree))


@pytest.mark.parametrize(
    "text",
    [
        'x = name == "tpg"',
        'x = "TPG" != name',
        'x = name in {"heif", "avif"}',
        'LIMITS = {"webp": 1}',
        'LIMITS["gif"] = 1',
        'x = limits.get("avif", 0)',
        'match name:\n    case "png" | "apng": pass',
        'x = path.endswith(".tpg")',
        'x = path.endswith((".jpg", ".jpeg"))',
        'EXTRAS = ("heif", "tpg")',
        'x = kind == "image/webp"',
        'x = package in ("pillow-heif",)',
        "import pillow_heif",
        "def f():\n    from pillow_tpg import encode",
    ],
)
def test_a_format_that_is_told_by_its_name_is_found(text: str) -> None:
    assert found_in(text)


@pytest.mark.parametrize(
    "text", ['"""As tpg."""', 'x.save(stream, "PNG")', 'x = f"tpg {y}"', 'x = y == "other"']
)
def test_other_words_are_not(text: str) -> None:
    assert not found_in(text)


def test_only_the_formats_know_their_names() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): sorted(names)
        for path in sorted(PACKAGE.rglob("*.py"))
        if HOME not in path.parents
        and path != EXTRAS
        and (names := found_in(path.read_text(encoding="utf-8")))
    }
    assert found == {}, "ask the format what it is like, as openmogr.image.formats.base.Format says"


def test_names_suffixes_and_signatures_belong_to_one_format() -> None:
    names = [name.name for container in CONTAINERS.values() for name in container.names]
    assert len(names) == len(set(names)) == len(TARGETS)
    for suffix, name in SUFFIXES.items():
        assert suffix.startswith(".")
        assert suffix == suffix.lower()
        assert [
            container.name
            for container in CONTAINERS.values()
            if any(suffix in found.suffixes for found in container.names)
        ] == [name]
    signatures = [signature for container in CONTAINERS.values() for signature in container.signatures]
    assert len(signatures) == len(set(signatures))


def test_a_format_has_one_file_and_one_line() -> None:
    registry = (HOME / "registry.py").read_text(encoding="utf-8")
    for container in CONTAINERS.values():
        kind = type(container)
        assert kind.__module__.rpartition(".")[0] == "openmogr.image.formats"
        assert registry.count(f"    {kind.__name__}(),\n") == 1


def test_the_top_of_image_has_no_room_for_formats() -> None:
    assert {path.name for path in (PACKAGE / "image").glob("*.py")} <= {
        "__init__.py",
        "cost.py",
        "errors.py",
        "losses.py",
        "model.py",
        "native.py",
        "pool.py",
        "possible.py",
        "processor.py",
        "settings.py",
        "slim.py",
    }
