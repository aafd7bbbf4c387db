"""Every document that a source cites is in the repository, with the clause that it names.

A citation is a path from the root and, for a clause, its anchor: ``docs/spec/api/signature.md#3``. A folder stands for
its pages, of which exactly one has the anchor: ``docs/spec/avs2#b6.2``. Further clauses follow without the path:
``docs/spec/avs2#b6 to #b8``.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.check_links import anchors, pages

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("*.py", "*.pyi", "*.rs", "*.toml", "*.sh", "*.js", "*.yml", "*.yaml", "Makefile", "*Dockerfile")
_CLAUSE = r"#[a-z]*[0-9](?:[\w-]|\.(?=\w))*|#[a-z](?:[\w-]|\.(?=\w))*"
CITATION = re.compile(
    rf"(?<![\w./-])(docs/[\w/-]+(?:\.[a-z]+)?/?)((?:{_CLAUSE})(?:(?:,| and| to| or) (?:{_CLAUSE}))*)?"
)
# The ways of citing that name no document, or one outside the repository.
LOOSE = {
    "a page outside docs/": re.compile(
        r"(?<![\w/])api/(clients|compression|errors|image-mogr2|object-api|overview|persistent-processing|signature)\.md"
    ),
    "a clause of no document": re.compile(
        r"//.*(?:\b[Cc]lauses? \d|\(\d{1,2}\.\d{1,2}(?:, \d{1,2}\.\d{1,2})*\))"
    ),
    "a section of no document": re.compile(r"sections? \d.* of the container's description"),
}


def unresolved(text: str) -> list[str]:
    """The citations in ``text`` that lead nowhere."""
    wrong = []
    for path, clauses in CITATION.findall(text):
        place = ROOT / path
        if not place.exists():
            wrong.append(path)
            continue
        pages = sorted(place.glob("*.md")) if place.is_dir() else [place]
        for clause in re.findall(_CLAUSE, clauses):
            if sum(clause[1:] in anchors(page) for page in pages) != 1:
                wrong.append(path + clause)
    return wrong


def sources() -> Iterator[tuple[str, str]]:
    """Name and text of every source but this one."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *SOURCES]
    for name in subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path != Path(__file__):
            yield name, path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "the edges (docs/spec/avs2#b6.2).",
        "filters (docs/spec/avs2#b6 to #b8), see ``docs/spec/tpg.md#t4.3``",
        "docs/spec/api/signature.md#3, #5.1 and #6",
        "docs/spec/api/clients.md#line-11",
        "`docs/decisions/` and docs/README.md.",
        "https://example.com/docs/none.md",
    ],
)
def test_a_citation_is_resolved(text: str) -> None:
    assert unresolved(text) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("docs/none.md", ["docs/none.md"]),
        ("(docs/spec/avs2#b6.9)", ["docs/spec/avs2#b6.9"]),
        ("docs/spec/avs2#b6 to #b99, #b98", ["docs/spec/avs2#b99", "docs/spec/avs2#b98"]),
        ("docs/spec/tpg.md#b6.2", ["docs/spec/tpg.md#b6.2"]),
        ("docs/spec/api#3", ["docs/spec/api#3"]),  # of which page?
    ],
)
def test_a_citation_that_leads_nowhere_is_found(text: str, wrong: list[str]) -> None:
    assert unresolved(text) == wrong


@pytest.mark.parametrize("text", ["/// Edges (6.2).", "//! (10.1, 10.2)", "// Clause 7", "``api/errors.md``"])
def test_a_loose_citation_is_found(text: str) -> None:
    assert any(pattern.search(text) for pattern in LOOSE.values())


def test_every_citation_of_the_sources_is_resolved() -> None:
    cited = list(sources())
    assert sum(len(CITATION.findall(text)) for _, text in cited) > 200
    assert {name: unresolved(text) for name, text in cited if unresolved(text)} == {}


def test_no_source_cites_loosely() -> None:
    found = [
        f"{name}:{number}: {what}: {line.strip()}"
        for name, text in sources()
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in LOOSE.items()
        if pattern.search(line)
    ]
    assert found == []


def test_every_path_that_a_page_names_exists() -> None:
    named = re.compile(r"`(?:python )?((?:src|codec|tests|tools|bench|docs|deploy)/[\w./-]*[\w/])[#`]")
    found = {
        (page.relative_to(ROOT).as_posix(), path)
        for page in pages()
        for path in named.findall(page.read_text(encoding="utf-8"))
    }
    assert len(found) > 20
    # What commands make is named too, and need not have been made.
    made = {line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()}
    missing = {(page, path) for page, path in found if not (ROOT / path).exists()}
    assert {(page, path) for page, path in missing if path.strip("/") not in made} == set()
