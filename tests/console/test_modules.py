"""The console's modules as they are written: types, words in both languages, and sizes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import CLIENTS, ROOT

STATIC = ROOT / "src/openmogr/console/static"
MODULES = sorted(STATIC.rglob("*.js"))
CODE = [path for path in MODULES if path.parent.name != "language"]
MAX_LINES = 280
MAX_LINE = 120
OPTIONS = {
    "allowJs": True,
    "checkJs": True,
    "noEmit": True,
    "strict": True,
    "noUnusedLocals": True,
    "noUnusedParameters": True,
    "target": "es2023",
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["es2023", "dom", "dom.iterable", "dom.asynciterable"],
    "types": [],
}


def test_types(tmp_path: Path) -> None:
    """TypeScript finds nothing wrong with what the comments say of types."""
    compiler = CLIENTS / "typescript/bin/tsc"
    node = shutil.which("node")
    if node is None or not compiler.is_file():
        pytest.skip("typescript is not installed: make clients")
    project = tmp_path / "tsconfig.json"
    project.write_text(json.dumps({"compilerOptions": OPTIONS, "include": [f"{STATIC}/**/*.js"]}))
    done = subprocess.run([node, str(compiler), "-p", str(project)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def words(language: str) -> dict[str, str]:
    text = (STATIC / f"language/{language}.js").read_text(encoding="utf-8")
    return dict(re.findall(r"^  '([^']+)': '((?:[^'\\]|\\.)*)',$", text, re.MULTILINE))


def test_both_languages_have_the_same_words_with_the_same_values() -> None:
    english, chinese = words("english"), words("chinese")
    assert english.keys() == chinese.keys()
    for name, text in english.items():
        values = [sorted(re.findall(r"\{\w+\}", words_of)) for words_of in (text, chinese[name])]
        # `{name}` of the rules' hint is a text of its own.
        assert values[0] == values[1], name


def test_all_words_that_are_asked_for_are_there() -> None:
    """And none is there that nobody asks for: names that are put together count by their beginning."""
    asked = "\n".join(path.read_text(encoding="utf-8") for path in CODE)
    names = words("english").keys()
    plain = set(re.findall(r"\btext\(\s*'([\w.-]+)'", asked))
    assert plain <= names
    begun = tuple(re.findall(r"\btext\(\s*`([\w.-]+)\$\{", asked))
    quoted = set(re.findall(r"'([\w.-]+)'", asked))
    assert {name for name in names if name not in plain | quoted and not name.startswith(begun)} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(STATIC)))
def test_a_module_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("/**")
    lines = text.splitlines()
    assert len(lines) <= MAX_LINES or path.parent.name == "language"
    assert max(map(len, lines)) <= MAX_LINE or path.parent.name == "language"
    for name in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert name not in text
    # What others use is described.
    for found in re.finditer(r"(?m)^export (?:async )?(?:function|class|const) (\w+)", text):
        assert text[: found.start()].rstrip().endswith("*/"), found[1]
