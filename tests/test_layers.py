"""Imports point errors <- database <- rooms <- api <- app <- cli, no circle; and each part knows only its business."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "openmogr"

# From the bottom up. A part imports itself and lower layers; parts of one layer do not know each other, except in
# the layer of the app, which puts a server together.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"asgi", "dates", "errors", "installation", "lazily", "machine", "reserve"}),
    frozenset({"database"}),
    frozenset({"image", "storage", "auth", "wire", "workers", "results", "observe", "jobs", "console"}),
    frozenset({"engine", "transfer"}),
    frozenset({"bulk"}),
    frozenset({"api"}),
    frozenset({"settings", "server", "demo", "app", "testing"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
APP = 6
HTTP = frozenset(
    {"starlette", "uvicorn", "httptools", "http", "httpx", "urllib3", "requests", "python_multipart"}
)


def layer(part: str) -> int:
    """The number of a part's layer, from the bottom."""
    for number, parts in enumerate(LAYERS):
        if part in parts:
            return number
    raise AssertionError(f"openmogr.{part} is new: give it a layer in tests/test_layers.py")


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    return {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """The names that import statements bring in; ``from a import b`` gives ``a.b``."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(path: Path) -> set[str]:
    """Everything a file imports, wherever in the file."""
    return set(imported(ast.walk(ast.parse(path.read_text(encoding="utf-8")))))


def part_of(name: str) -> str | None:
    """``image`` of ``openmogr.image.grammar.parse``; None outside the package, and of names of the package itself."""
    parts = name.split(".")
    if parts[0] != "openmogr" or len(parts) == 1 or parts[1].startswith("__version"):
        return None
    return parts[1]


def test_every_part_has_a_layer() -> None:
    parts = {part for name in modules() if (part := part_of(name)) is not None}
    assert parts == frozenset().union(*LAYERS)


@pytest.mark.parametrize("name", list(modules()))
def test_imports_point_down(name: str) -> None:
    own = part_of(name)
    for target in imports(modules()[name]):
        part = part_of(target)
        if part is None or part == own:
            continue
        assert own is not None, f"{name} imports {target}: the package itself imports nothing of its parts"
        same = layer(own) == layer(part) == APP
        assert layer(part) < layer(own) or same, f"{name} imports {target}"


def test_there_is_no_circle() -> None:
    known = modules()
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        body = ast.parse(path.read_text(encoding="utf-8")).body
        targets = {
            target if target in known else target.rpartition(".")[0] for target in imported(iter(body))
        }
        graph[name] = {target for target in targets if target in known and target != name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("room", ["image", "storage", "auth"])
def test_only_the_wire_and_above_know_http(room: str) -> None:
    for name, path in modules().items():
        if part_of(name) == room:
            found = {target.split(".")[0] for target in imports(path)} & HTTP
            assert not found, f"{name} imports {found}"


def test_the_service_knows_the_codec_by_its_python_api_only() -> None:
    for name, path in modules().items():
        private = [target for target in imports(path) if target.startswith("pillow_tpg._")]
        assert not private, f"{name} imports {private}"


def test_the_codec_does_not_know_the_service() -> None:
    files = sorted((ROOT / "codec" / "python").rglob("*.py"))
    assert files
    for path in files:
        assert not any(target.split(".")[0] == "openmogr" for target in imports(path)), path.name
